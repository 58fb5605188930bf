"""The web beside routes that do nothing, in the same process: requests a second, and many who talk at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from benchmarks.report import Figure, at_most, milliseconds
from benchmarks.servers import Servers
from stoic_emperor.llm import Prompt, Turn
from stoic_emperor.models import Message
from stoic_emperor.testing.talker import Talker, give_model
from stoic_emperor.testing.web import configured, hosted_by, web_app

#: Requests of one measurement, and how many of them at once.
_REQUESTS, _AT_ONCE = 400, 8
#: Who talk at the same time; each reply has so many words, twenty a second.
_TALKING, _WORDS, _DELAY = 100, 120, 0.05
_CONVERSATIONS, _MESSAGES = 40, 20
_USER = "default_user"
_ROUNDS = 3


def run(_: int, servers: Servers) -> Iterator[Figure]:
    """Once on each database."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _on("SQLite", f"sqlite:///{folder}/memory.db", Path(folder))
        with servers.fresh() as url:
            yield from _on("PostgreSQL", url, Path(folder))


def _on(name: str, url: str, home: Path) -> Iterator[Figure]:
    with _serving(url, home) as server:
        yield from asyncio.run(_measured(name, server))


# The server


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and its process."""

    port: int
    process: int

    def cpu(self) -> float:
        """Seconds of processor time that it has had."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _serving(url: str, home: Path) -> Iterator[Server]:
    command = [sys.executable, "-m", "benchmarks.web", url, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(int(process.stdout.readline()), process.pid)
        finally:
            process.terminate()


def _serve(url: str, home: Path) -> None:
    limits = {"requests_per_minute": 0, "address_requests_per_minute": 0, "daily_replies": 1_000_000}
    app = web_app(configured(home, url, "single", web=limits, safety={"second_opinion": False}))
    talker = give_model(app, Talker(words=_WORDS, delay=_DELAY, paragraphs=4))
    _beside(app, talker)
    hosted = hosted_by(app)
    hosted.accounts.confirm_adult(_USER, "single")
    person = hosted.application.database.person(_USER)
    for number in range(_CONVERSATIONS):
        session = person.begin_session(title=f"Conversation {number}")
        with person.writing() as tx:
            for turn in range(_MESSAGES):
                role = "user" if turn % 2 == 0 else "emperor"
                person.add_message(Message(session_id=session.id, role=role, content="It rains. " * 20), tx=tx)
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listening])


def _beside(app: FastAPI, talker: Talker) -> None:
    """What the same server does at the least: one route answers nothing, one passes the model's words on."""

    @app.get("/floor")
    def floor() -> list[str]:
        return []

    @app.post("/floor/stream")
    async def relay() -> StreamingResponse:
        async def words() -> AsyncIterator[str]:
            async for piece in talker.stream(Prompt(system="", turns=(Turn("user", "It rains"),), max_tokens=1)):
                yield f"event: piece\ndata: {json.dumps({'text': piece})}\n\n"

        return StreamingResponse(words(), media_type="text/event-stream")


# Whoever asks


class Line:
    """One connection, which stays open."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def _send(self, method: str, path: str, body: bytes = b"") -> bytes:
        kind = "Content-Type: application/json\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        return await self._reader.readuntil(b"\r\n\r\n")

    async def get(self, path: str) -> bytes:
        """An answer, whole."""
        head = await self._send("GET", path)
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await self._reader.readexactly(length)

    async def post_stream(self, path: str, body: object) -> AsyncIterator[tuple[float, bytes]]:
        """When each part came, and the part."""
        head = await self._send("POST", path, json.dumps(body).encode())
        assert head.startswith(b"HTTP/1.1 200"), head
        while size := int(await self._reader.readline(), 16):
            part = await self._reader.readexactly(size + 2)
            yield time.perf_counter(), part


async def _gets(port: int, path: str, requests: int = _REQUESTS) -> tuple[float, list[float]]:
    """Requests a second, and how long each took."""
    took: list[float] = []

    async def ask() -> None:
        async with Line(port) as line:
            for _ in range(requests // _AT_ONCE):
                began = time.perf_counter()
                await line.get(path)
                took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(_AT_ONCE)))
    return len(took) / (time.perf_counter() - began), took


@dataclass(frozen=True, slots=True)
class Heard:
    """How one reply was heard."""

    #: Seconds until what, from the request.
    began: float
    first_word: float
    text: str


async def _hear(port: int, path: str) -> Heard:
    async with Line(port) as line:
        asked = time.perf_counter()
        began = first = None
        told = b""
        async for at, part in line.post_stream(path, {"message": "It rains today"}):
            began = began or at
            if first is None and b"event: piece" in part:
                first = at
            told += part
        assert began is not None
        assert first is not None
        pieces = [line for line in told.split(b"\n") if line.startswith(b'data: {"text":')]
        text = "".join(json.loads(piece[6:])["text"] for piece in pieces)
        return Heard(began - asked, first - asked, text)


async def _many(port: int, path: str, many: int) -> list[Heard]:
    return await asyncio.gather(*(_hear(port, path) for _ in range(many)))


async def _watched(port: int, ending: asyncio.Event) -> list[float]:
    """How long /health takes meanwhile, four times a second."""
    took = []
    async with Line(port) as line:
        while not ending.is_set():
            began = time.perf_counter()
            await line.get("/health")
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.25)
    return took


async def _measured(name: str, server: Server) -> list[Figure]:
    port = server.port
    await _gets(port, "/api/sessions", 40)
    floors, ours = [], []
    for _ in range(_ROUNDS):
        floors.append(await _gets(port, "/floor"))
        ours.append(await _gets(port, "/api/sessions"))
    floor, took = max(floors, key=lambda found: found[0]), max(ours, key=lambda found: found[0])
    figures = [
        Figure(
            what=f"{name}: GET /api/sessions (50 listed), requests a second",
            ours=took[0],
            unit="/s",
            beside=floor[0],
            beside_what="an empty route",
            detail={"p50": milliseconds(took[1]), "p95": milliseconds(took[1], 95)},
        ),
        Figure(
            what=f"{name}: GET /api/sessions, p95 with {_AT_ONCE} at once",
            ours=milliseconds(took[1], 95),
            unit="ms",
            beside=milliseconds(floor[1], 95),
            beside_what="an empty route",
        ),
    ]
    alone = [await _hear(port, "/api/chat/stream") for _ in range(3)]
    figures.append(
        Figure(what=f"{name}: one who talks, first event", ours=milliseconds([h.began for h in alone]), unit="ms")
    )
    return figures + await _talking(name, server)


async def _talking(name: str, server: Server) -> list[Figure]:
    """Many at once, beside as many who hear the model's words passed on."""
    before = server.cpu()
    relayed = await _many(server.port, "/floor/stream", _TALKING)
    floor_cpu, before = server.cpu() - before, server.cpu()
    ending = asyncio.Event()
    watching = asyncio.create_task(_watched(server.port, ending))
    # Three conversations of one person may be answered at once; the single user of this server is many here.
    heard = await _many(server.port, "/api/chat/stream", _TALKING)
    cpu = server.cpu() - before
    ending.set()
    health = await watching
    texts = {told.text.strip() for told in relayed}
    assert {told.text.strip() for told in heard} == texts, "a word was lost, or came twice"
    return [
        at_most(
            1.5,
            times=True,
            what=f"{name}: {_TALKING} who talk at once, processor time of all",
            ours=cpu,
            unit="s",
            beside=floor_cpu,
            beside_what="a bare relay",
        ),
        Figure(
            what=f"{name}: {_TALKING} who talk at once, first word, p95",
            ours=milliseconds([told.first_word for told in heard], 95),
            unit="ms",
            beside=milliseconds([told.first_word for told in relayed], 95),
            beside_what="a bare relay",
            detail={"first event, p95": milliseconds([told.began for told in heard], 95)},
        ),
        at_most(100, what=f"{name}: /health meanwhile, p99", ours=milliseconds(health, 99), unit="ms"),
    ]


if __name__ == "__main__":
    from stoic_emperor.web import turns

    # There is one person here, who stands for all.
    turns.MOST_AT_ONCE = 1_000_000
    _serve(sys.argv[1], Path(sys.argv[2]))
