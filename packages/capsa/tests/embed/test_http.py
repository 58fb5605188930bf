from __future__ import annotations

import email.utils
import socket
import time

import pytest

from capsa.embed import OpenAICompatible, open_embedder
from capsa.embed._http import _MAX_ANSWER, Endpoint, _retry_after
from capsa.errors import EmbedderUnavailable
from capsa.testing.embedders import Answer, EmbeddingServer

KEY = "sk-very-secret-1234"
BUSY = Answer(status=429)


def embed(server: EmbeddingServer, *, attempts: int = 4, timeout: float = 10.0) -> list[float]:
    """Embed one text; the pauses that were made between attempts, in seconds."""
    pauses: list[float] = []
    embedder = OpenAICompatible(
        "any", server.base_url, api_key=KEY, attempts=attempts, timeout=timeout, sleep=pauses.append
    )
    assert embedder.embed(["x"]).shape == (1, 32)
    return pauses


class TestRepeating:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_helps_against_a_passing_trouble(self, server: EmbeddingServer, status: int) -> None:
        server.script(Answer(status=status), Answer(status=status))
        assert len(embed(server)) == 2

    def test_helps_against_a_dropped_connection(self, server: EmbeddingServer) -> None:
        server.script(Answer(drop=True), Answer(headers={"Content-Length": "100"}))
        assert len(embed(server)) == 2

    def test_pauses_longer_every_time(self, server: EmbeddingServer) -> None:
        server.script(BUSY, BUSY, BUSY)
        first, second, third = embed(server)
        assert 0.25 <= first <= 0.5 <= second <= 1.0 <= third <= 2.0

    def test_pauses_as_long_as_the_server_asks(self, server: EmbeddingServer) -> None:
        server.script(
            Answer(status=429, headers={"Retry-After": "7"}), Answer(status=503, headers={"Retry-After": "0"})
        )
        assert embed(server) == [7.0, 0.0]

    def test_gives_up_at_once_if_the_server_asks_for_more_than_is_bearable(self, server: EmbeddingServer) -> None:
        server.script(Answer(status=429, headers={"Retry-After": "3600"}))
        with pytest.raises(EmbedderUnavailable, match="asks to wait 3600 s: try again then"):
            embed(server)

    def test_is_bounded(self, server: EmbeddingServer) -> None:
        server.script(*[BUSY] * 9)
        with pytest.raises(EmbedderUnavailable, match="answered 429 3 times: wait, or check the account's limits"):
            embed(server, attempts=3)
        assert len(server.received) == 3

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
    def test_is_not_tried_where_it_cannot_help(self, server: EmbeddingServer, status: int) -> None:
        server.script(Answer(status=status))
        with pytest.raises(EmbedderUnavailable, match=f"/v1/embeddings answered {status}: "):
            embed(server)
        assert len(server.received) == 1


class TestTheTimeToWait:
    @pytest.mark.parametrize(("value", "seconds"), [("3", 3.0), ("0", 0.0), ("soon", None), ("", None), ("-1", None)])
    def test_is_a_number_of_seconds(self, value: str, seconds: float | None) -> None:
        message = email.message_from_string(f"Retry-After: {value}\n\n")
        assert _retry_after(message) == seconds

    def test_or_a_date(self) -> None:
        date = email.utils.formatdate(time.time() + 20, usegmt=True)
        assert _retry_after(email.message_from_string(f"Retry-After: {date}\n\n")) == pytest.approx(20, abs=2)


class TestAServer:
    def test_that_is_silent_is_not_waited_for_longer_than_allowed(self, server: EmbeddingServer) -> None:
        server.script(Answer(delay=0.5))
        with pytest.raises(EmbedderUnavailable, match=r"did not answer within 0\.1 s"):
            embed(server, timeout=0.1)
        assert len(server.received) == 1

    def test_that_does_not_run_is_named_at_once(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
            with pytest.raises(EmbedderUnavailable, match=f"{url}/embeddings cannot be reached .*Connection refused"):
                OpenAICompatible("any", url).embed(["x"])

    def test_that_redirects_does_not_get_the_key_sent_elsewhere(self, server: EmbeddingServer) -> None:
        with EmbeddingServer() as other:
            server.script(Answer(status=302, headers={"Location": other.base_url}))
            with pytest.raises(EmbedderUnavailable, match="answered 302, a redirect"):
                embed(server)
            assert other.received == []

    def test_that_says_why_is_quoted_in_one_line(self, server: EmbeddingServer) -> None:
        server.script(Answer(status=400, body={"error": {"message": "input is\ntoo large " + "x" * 900}}))
        with pytest.raises(EmbedderUnavailable, match=r"answered 400 \(input is too large x+\): check ") as caught:
            embed(server)
        assert len(str(caught.value)) < 450

    def test_that_never_stops_answering_is_cut_off(self, server: EmbeddingServer) -> None:
        server.script(Answer(body=b" " * (_MAX_ANSWER + 1)))
        with pytest.raises(EmbedderUnavailable, match="more than 64 MiB"):
            embed(server)


class TestTheKey:
    @pytest.mark.parametrize(
        "answer",
        [
            *[Answer(status=s, body={"error": {"message": f"bad key {KEY}"}}) for s in (400, 401, 403, 404, 418, 500)],
            Answer(status=400, body={"error": f"bad key {KEY}"}),
            Answer(status=400, body=KEY.encode()),
            Answer(status=429, body={"error": KEY}, headers={"Retry-After": "99"}),
            Answer(status=302, headers={"Location": f"http://127.0.0.1:1/?key={KEY}"}),
            Answer(body=KEY.encode()),
            Answer(body={"data": KEY}),
        ],
    )
    def test_is_in_no_message(self, server: EmbeddingServer, answer: Answer) -> None:
        server.script(answer)
        with pytest.raises(EmbedderUnavailable) as caught:
            embed(server, attempts=1)
        assert KEY not in str(caught.value)

    def test_is_in_no_representation(self) -> None:
        assert KEY not in repr(OpenAICompatible("any", api_key=KEY))
        assert KEY not in repr(Endpoint(url="https://host/v1", api_key=KEY))

    @pytest.mark.parametrize("key", [f"{KEY}\nX-Other: 1", f"{KEY}\0", f"{KEY}ü"])
    def test_that_no_header_can_carry_is_refused_without_being_shown(self, key: str) -> None:
        with pytest.raises(EmbedderUnavailable, match="the API key holds a character") as caught:
            OpenAICompatible("any", api_key=key)
        assert KEY not in str(caught.value)


class TestTheUrl:
    @pytest.mark.parametrize("url", ["localhost:8080/v1", "file:///etc/passwd", "ftp://host/v1", "http://", "/v1"])
    def test_must_be_http(self, url: str) -> None:
        with pytest.raises(EmbedderUnavailable, match="must begin with http:// or https://HOST"):
            open_embedder("openai:any", base_url=url)

    def test_may_carry_no_password_and_does_not_show_it(self) -> None:
        with pytest.raises(EmbedderUnavailable, match="carries a user name") as caught:
            open_embedder("openai:any", base_url=f"http://me:{KEY}@host/v1")
        assert KEY not in str(caught.value)

    def test_keeps_its_query_and_does_not_show_it(self, server: EmbeddingServer) -> None:
        server.script(Answer(status=404))
        with pytest.raises(EmbedderUnavailable) as caught:
            OpenAICompatible("any", f"{server.base_url}?token={KEY}").embed(["x"])
        assert server.received[0].path == f"/v1/embeddings?token={KEY}"
        assert KEY not in str(caught.value)
