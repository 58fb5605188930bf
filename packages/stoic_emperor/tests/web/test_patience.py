"""Who sends as slowly as they can holds neither a route nor a connection for longer than its time."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import uvicorn

from stoic_emperor.cli import main
from stoic_emperor.testing.web import configured, hosted_by, web_app
from stoic_emperor.web import limits, lingering, patience
from stoic_emperor.web.limits import LEAST_RATE, TOO_SLOW

#: Instead of half a minute.
PATIENCE = 1.0
#: Instead of two hundred.
MOST = 5
POST = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server as `stoic serve` starts it."""
    home = tmp_path_factory.mktemp("slow")
    app = web_app(configured(home, f"sqlite:///{home}/memory.db", "single"))

    @app.get("/thoughtful")
    async def thoughtful() -> str:
        await asyncio.sleep(2 * PATIENCE)
        return "Yes."

    with pytest.MonkeyPatch.context() as hurried, socket.socket() as free:
        hurried.setattr("stoic_emperor.library.starter.starter_library", lambda: None)
        hurried.setattr(limits, "PATIENCE", PATIENCE)
        hurried.setattr(patience, "PATIENCE", PATIENCE)
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
        hurried.setattr(patience, "MOST", MOST)
        options = {"port": number, "log_level": "critical", "http": "stoic_emperor.web.patience:CountingProtocol"}
        server = uvicorn.Server(uvicorn.Config(app, **options))
        free.close()
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        hosted_by(app).accounts.confirm_adult("default_user", "single")
        yield number
        server.should_exit = True
        thread.join(20)


def answer(port: int, *parts: bytes, pause: float) -> tuple[str, float]:
    """What is answered to parts that come after each other, and after how many seconds the connection is closed."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        for part in parts:
            try:
                line.sendall(part)
            except OSError:
                break
            time.sleep(pause)
        told = b""
        try:
            while piece := line.recv(65_536):
                told += piece
        except ConnectionResetError:
            pass
    return told.decode(), time.monotonic() - begun


def test_a_body_of_which_nothing_comes_any_more_is_refused(port: int) -> None:
    told, seconds = answer(port, POST, b'{"message": ', pause=0)
    assert told.startswith("HTTP/1.1 408")
    assert TOO_SLOW in told
    assert "connection: close" in told.lower()
    assert PATIENCE <= seconds < 5 * PATIENCE


def test_a_body_of_which_a_byte_comes_now_and_then_is_refused_too(port: int) -> None:
    told, seconds = answer(port, POST, *(b" " for _ in range(30)), pause=PATIENCE / 5)
    assert told.startswith("HTTP/1.1 408")
    assert seconds < 8 * PATIENCE


def test_of_a_file_that_comes_too_slowly_nothing_stays(port: int) -> None:
    head = (
        b"POST /api/uploads?kind=journal&name=a.md HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Length: 3000000\r\n\r\n"
    )
    told, _ = answer(port, head, b"rain " * 300_000, pause=0)
    assert told.startswith("HTTP/1.1 408")
    listed, _ = answer(port, b"GET /api/uploads HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", pause=0)
    assert listed.endswith("\r\n\r\n[]")


def test_a_body_that_comes_in_its_time_is_read_however_often_it_pauses(port: int) -> None:
    parts = [b" " * LEAST_RATE for _ in range(8)]
    body = b'{"name": "Anna"' + b"".join(parts) + b"}"
    head = f"PUT /api/user/name HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    begin = head.encode() + b'Content-Type: application/json\r\n\r\n{"name": "Anna"'
    told, seconds = answer(port, begin, *parts, b"}", pause=PATIENCE / 4)
    assert told.startswith("HTTP/1.1 200"), told
    assert seconds > 2 * PATIENCE


def sends_all_before_it_reads(port: int, head: bytes, body: bytes) -> tuple[str, bool]:
    """What a simple program is told that reads nothing before it has sent all; whether it could send all."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        sent = True
        try:
            line.sendall(head + body)
        except OSError:
            sent = False
        told = b""
        with suppress(ConnectionResetError):
            while piece := line.recv(65_536):
                told += piece
    return told.decode(), sent


UPLOAD = b"POST /api/uploads?kind=journal&name=a.md HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n"


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (UPLOAD + b"Content-Length: 40000000\r\n\r\n", b"rain " * 8_000_000, "413"),
        (
            UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n",
            b"".join(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n" for _ in range(40)) + b"0\r\n\r\n",
            "413",
        ),
        (
            b"POST /api/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 250000\r\n\r\n",
            b"x" * 250_000,
            "404",
        ),
    ],
    ids=["larger than it may be", "found to be too large", "nothing reads it"],
)
def test_who_reads_only_when_all_is_sent_finds_the_refusal(port: int, head: bytes, body: bytes, status: str) -> None:
    told, sent = sends_all_before_it_reads(port, head, body)
    assert sent, "the line was cut"
    assert told.startswith(f"HTTP/1.1 {status}"), told
    assert '{"detail":' in told


def test_what_comes_after_a_refusal_is_not_read_for_ever(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "MOST", 1 << 20)
    told, sent = sends_all_before_it_reads(port, UPLOAD + b"Content-Length: 900000000\r\n\r\n", b"x" * 50_000_000)
    assert not sent
    monkeypatch.setattr(lingering, "SILENCE", 0.5)
    told, seconds = answer(port, UPLOAD + b"Content-Length: 900000000\r\n\r\n", pause=0)
    assert told.startswith("HTTP/1.1 413")
    assert "connection: close" in told.lower()
    assert 0.4 <= seconds < 4


@pytest.mark.parametrize(
    "parts",
    [(), (b"GET /health HT",), (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /health HTTP/1.1\r\nHo")],
    ids=["nothing", "half a head", "half of a second one"],
)
def test_a_connection_without_a_whole_request_is_closed(port: int, parts: tuple[bytes, ...]) -> None:
    told, seconds = answer(port, *parts, pause=0.3)
    assert told.count("HTTP/1.1") == max(0, len(parts) - 1)
    assert PATIENCE <= seconds < 5 * PATIENCE


def test_whoever_waits_for_an_answer_may_wait(port: int) -> None:
    asked = b"GET /thoughtful HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    told, seconds = answer(port, asked, pause=0)
    assert told.endswith('"Yes."')
    assert seconds >= 2 * PATIENCE


def test_of_one_address_so_many_connections_are_held_and_no_more(port: int) -> None:
    asked = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with ExitStack() as held:
        for _ in range(MOST):
            held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        told, _ = answer(port, asked, pause=0)
        assert told == ""
    time.sleep(0.2)
    told, _ = answer(port, asked, pause=0)
    assert told.startswith("HTTP/1.1 200")


def test_behind_a_proxy_whose_address_all_have_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []
    monkeypatch.setattr(uvicorn, "run", lambda *_, **options: chosen.append(options["http"]))
    for proxies in ("0", "1"):
        settings = Path(os.environ["STOIC_HOME"]) / "config" / "settings.yaml"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(f"web:\n  trust_proxy: {proxies}\n")
        assert main(["serve"]) == 0
    assert [name.rpartition(":")[2] for name in chosen] == ["CountingProtocol", "PatientProtocol"]


def test_plain_uvicorn_takes_the_protocol_as_the_document_says() -> None:
    document = (Path(__file__).parents[4] / "docs" / "deployment.md").read_text()
    (command,) = re.findall(r"^uvicorn src.web.api:app (.+)$", document, re.MULTILINE)
    taken = uvicorn.main.make_context("uvicorn", ["src.web.api:app", *command.split()]).params
    assert uvicorn.Config("src.web.api:app", http=taken["http"]).http == "stoic_emperor.web.patience:CountingProtocol"
    assert (taken["proxy_headers"], taken["timeout_graceful_shutdown"]) == (False, 30)
