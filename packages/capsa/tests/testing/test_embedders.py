from __future__ import annotations

import numpy as np
import pytest

from capsa.errors import EmbedderUnavailable
from capsa.testing.embedders import FailingEmbedder, HashingEmbedder


class TestHashingEmbedder:
    def test_gives_unit_vectors_to_any_text(self) -> None:
        vectors = HashingEmbedder(50).embed(["", "\0", "\ud800", "two words", "語"])
        assert vectors.shape == (5, 50)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1)

    def test_places_texts_nearer_the_more_words_they_share(self) -> None:
        text, same, near, far = HashingEmbedder().embed(
            ["open the database file", "Open, the DATABASE file!", "close the database file", "bread and circuses"]
        )
        assert text @ same == pytest.approx(1)
        assert 0.6 < text @ near < 0.9
        assert abs(text @ far) < 0.2

    def test_is_the_same_on_every_machine(self) -> None:
        assert (HashingEmbedder(8).embed(["capsa"]) > 0).tolist() == [
            [False, False, False, True, False, False, True, True]
        ]


class TestFailingEmbedder:
    def test_fails(self) -> None:
        with pytest.raises(EmbedderUnavailable, match="hashing-384 fails, as the test wants"):
            FailingEmbedder().embed(["x"])

    def test_may_fail_later(self) -> None:
        embedder = FailingEmbedder(16, name="flaky", after=1)
        assert embedder.embed(["x"]).shape == (1, 16)
        with pytest.raises(EmbedderUnavailable, match="flaky"):
            embedder.embed(["x"])
