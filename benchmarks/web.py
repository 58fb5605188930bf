"""The web beside a route that does nothing, in the same process: requests a second, and the first event of a reply."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from benchmarks.lines import Line, Server
from benchmarks.report import Figure, milliseconds
from benchmarks.servers import Servers
from stoic_emperor.models import Message
from stoic_emperor.testing.talker import Talker, give_model
from stoic_emperor.testing.web import configured, hosted_by, web_app

#: Requests of one measurement, and how many of them at once.
_REQUESTS, _AT_ONCE = 400, 8
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
    give_model(app, Talker(words=8))

    @app.get("/floor")
    def floor() -> list[str]:
        """What the same server does at the least."""
        return []

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


# Whoever asks


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


async def _first_event(port: int) -> float:
    """Seconds until the first event of a reply."""
    async with Line(port) as line:
        asked = time.perf_counter()
        at = [at async for at, _ in line.post_stream("/api/chat/stream", {"message": "It rains today"})]
        return at[0] - asked


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
    alone = [await _first_event(port) for _ in range(3)]
    return [
        *figures,
        Figure(what=f"{name}: one who talks, first event", ours=milliseconds(alone), unit="ms"),
    ]


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]))
