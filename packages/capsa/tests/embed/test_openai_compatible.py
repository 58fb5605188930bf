from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from capsa.embed import Embedder, OpenAICompatible
from capsa.errors import EmbedderUnavailable, ModelMismatch
from capsa.testing.embedders import Answer, EmbeddingServer, HashingEmbedder

TEXTS = ["the first text", "the second one", "another thing"]


def answered(*embeddings: Any) -> Answer:
    return Answer(body={"data": [{"index": i, "embedding": e} for i, e in enumerate(embeddings)]})


@pytest.fixture
def embedder(server: EmbeddingServer) -> OpenAICompatible:
    return OpenAICompatible("any", server.base_url, attempts=1)


class TestVectors:
    def test_come_in_the_order_of_the_texts_whatever_the_order_of_the_answer(self, embedder: Embedder) -> None:
        assert np.allclose(embedder.embed(TEXTS), HashingEmbedder(32).embed(TEXTS), atol=1e-6)

    def test_keep_that_order_over_several_requests(self, server: EmbeddingServer) -> None:
        texts = [f"text {i}" for i in range(10)]
        vectors = OpenAICompatible("any", server.base_url, batch=3).embed(texts)
        assert np.allclose(vectors, HashingEmbedder(32).embed(texts), atol=1e-6)
        assert [len(request.body["input"]) for request in server.received] == [3, 3, 3, 1]

    def test_are_scaled_to_length_one(self, server: EmbeddingServer, embedder: OpenAICompatible) -> None:
        server.script(answered([3.0, 4.0]))
        vectors = embedder.embed(["x"])
        assert vectors.dtype == np.float32
        assert np.allclose(vectors, [[0.6, 0.8]])

    def test_without_an_index_are_in_the_order_of_the_answer(
        self, server: EmbeddingServer, embedder: OpenAICompatible
    ) -> None:
        server.script(Answer(body={"data": [{"embedding": [1, 0]}, {"embedding": [0, 1]}]}))
        assert np.allclose(embedder.embed(["x", "y"]), [[1, 0], [0, 1]])

    def test_of_no_texts_are_no_rows(self, embedder: OpenAICompatible) -> None:
        assert embedder.embed([]).shape == (0, 32)


class TestDimensions:
    def test_are_told_by_the_first_answer(self, server: EmbeddingServer, embedder: OpenAICompatible) -> None:
        embedder.embed(TEXTS)
        assert embedder.dimensions == 32
        assert len(server.received) == 1

    def test_are_asked_for_if_no_answer_has_told(self, server: EmbeddingServer, embedder: OpenAICompatible) -> None:
        assert (embedder.dimensions, embedder.dimensions) == (32, 32)
        assert len(server.received) == 1

    def test_that_are_wanted_are_requested(self, server: EmbeddingServer) -> None:
        assert OpenAICompatible("any", server.base_url, dimensions=8).embed(TEXTS).shape == (3, 8)
        assert server.received[0].body["dimensions"] == 8

    def test_that_are_not_wanted_are_left_out_of_the_request(
        self, server: EmbeddingServer, embedder: OpenAICompatible
    ) -> None:
        embedder.embed(TEXTS)
        assert set(server.received[0].body) == {"model", "input", "encoding_format"}

    def test_other_than_wanted_are_a_mismatch(self, server: EmbeddingServer) -> None:
        server.script(answered([1.0, 0.0]))
        with pytest.raises(ModelMismatch, match="openai:any answered with vectors of 2 numbers, not 8"):
            OpenAICompatible("any", server.base_url, dimensions=8).embed(["x"])

    def test_other_than_before_are_a_mismatch(self, server: EmbeddingServer, embedder: OpenAICompatible) -> None:
        embedder.embed(["x"])
        server.script(answered([1.0, 0.0]))
        with pytest.raises(ModelMismatch, match="2 numbers, not 32"):
            embedder.embed(["x"])


class TestARequest:
    def test_carries_the_key_and_the_model(self, server: EmbeddingServer) -> None:
        OpenAICompatible("m", server.base_url + "/", api_key=" sk-secret\n").embed(["x"])
        (request,) = server.received
        assert (request.path, request.body["model"]) == ("/v1/embeddings", "m")
        assert request.headers["authorization"] == "Bearer sk-secret"

    @pytest.mark.parametrize("key", [None, "", "  "])
    def test_without_a_key_has_no_authorization(self, server: EmbeddingServer, key: str | None) -> None:
        OpenAICompatible("m", server.base_url, api_key=key).embed(["x"])
        assert "authorization" not in server.received[0].headers

    def test_carries_texts_that_every_server_can_take(
        self, server: EmbeddingServer, embedder: OpenAICompatible
    ) -> None:
        embedder.embed(["", "a\0b", "\udcff", "語"])
        assert server.received[0].body["input"] == [" ", "a\ufffdb", "\ufffd", "語"]

    def test_is_bounded_in_characters(self, server: EmbeddingServer, embedder: OpenAICompatible) -> None:
        embedder.embed(["x" * 100_000] * 30)
        assert [[len(text) for text in request.body["input"]] for request in server.received] == [
            [8000] * 25,
            [8000] * 5,
        ]

    def test_to_a_server_on_this_machine_goes_past_the_proxy(
        self, embedder: OpenAICompatible, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert embedder.embed(["x"]).shape == (1, 32)


class TestABadAnswer:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (Answer(body=b"<html>"), "did not answer with JSON: check the base URL"),
            (Answer(body=b"[" * 100_000), "did not answer with JSON"),
            (Answer(body=[]), "no list of 1 embeddings"),
            (Answer(body={"data": "x"}), "no list of 1 embeddings"),
            (Answer(body={"data": ["x"]}), "no list of 1 embeddings"),
            (answered([1.0], [1.0]), "no list of 1 embeddings"),
            (Answer(body={"data": [{"index": 1, "embedding": [1.0]}]}), "cannot be assigned to their texts"),
            (Answer(body={"data": [{"index": "0", "embedding": [1.0]}]}), "cannot be assigned to their texts"),
            (Answer(body={"data": [{"index": 0}]}), "not lists of numbers"),
            (answered([]), "not lists of numbers"),
            (answered("AACAPw=="), "not lists of numbers"),
            (answered([[1.0]]), "not lists of numbers"),
            (answered(["x"]), "not lists of numbers"),
            (answered([0.0, 0.0]), "no direction"),
            (answered([1.0, None]), "no direction"),
            (answered([float("nan"), 1.0]), "no direction"),
        ],
    )
    def test_is_named(self, server: EmbeddingServer, embedder: OpenAICompatible, answer: Answer, said: str) -> None:
        server.script(answer)
        with pytest.raises(EmbedderUnavailable, match=said):
            embedder.embed(["x"])

    def test_that_mixes_lengths_is_named(self, server: EmbeddingServer, embedder: OpenAICompatible) -> None:
        server.script(answered([1.0], [1.0, 2.0]))
        with pytest.raises(EmbedderUnavailable, match="lists of numbers of one length"):
            embedder.embed(["x", "y"])
