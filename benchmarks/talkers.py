"""Two hundred who talk at once, beside as many who hear the same model through a relay that does nothing else.

Model, relay and server are processes of their own; the relay is Starlette and a loop. People begin one after the other
within ten seconds, as they would, and then all in the same instant, as nobody does: there, the first word waits for two
hundred beginnings.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks import stub
from benchmarks.lines import Line, Server
from benchmarks.report import Figure, at_most, milliseconds
from benchmarks.servers import Servers
from stoic_emperor.llm import Prompt, Turn
from stoic_emperor.models import now
from stoic_emperor.testing.web import configured, hosted_by, web_app
from stoic_emperor.web.auth import cookies, csrf

_TALKING = 200
_SPREAD = 10.0
#: Seconds between two questions for /health.
_ASKED = 0.1


def run(_: int, servers: Servers) -> Iterator[Figure]:
    """Once on each database."""
    with tempfile.TemporaryDirectory() as folder, _started("benchmarks.stub") as (model, _told):
        yield from _beside_relay("SQLite", f"sqlite:///{folder}/memory.db", Path(folder), model)
        with servers.fresh() as url:
            yield from _beside_relay("PostgreSQL", url, Path(folder), model)


def _beside_relay(name: str, url: str, home: Path, model: Server) -> Iterator[Figure]:
    with (
        _started("benchmarks.talkers", "relay", str(model.port)) as (relay, _told),
        _started("benchmarks.talkers", "serve", str(model.port), url, str(home)) as (server, people),
    ):
        yield from asyncio.run(_measured(name, relay, server, people))


# Processes


@contextlib.contextmanager
def _started(module: str, *arguments: str) -> Iterator[tuple[Server, list[dict[str, str]]]]:
    """A process that tells its port, and maybe the headers of those who may come."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            port, people = (told, []) if isinstance(told, int) else (told["port"], told["people"])
            yield Server(port, process.pid), people
        finally:
            process.terminate()


def _relay(model: stub.Heard) -> None:
    async def passed_on(request: Request) -> StreamingResponse:
        said = (await request.json())["message"]

        async def pieces() -> AsyncIterator[str]:
            async for piece in model.stream(Prompt(system="", turns=(Turn("user", said),), max_tokens=1)):
                yield f"event: piece\ndata: {json.dumps({'text': piece})}\n\n"

        return StreamingResponse(pieces(), media_type="text/event-stream")

    async def health(_: Request) -> Response:
        return Response()

    _listen(Starlette(routes=[Route("/relay", passed_on, methods=["POST"]), Route("/health", health)]), [])


def _serve(model: stub.Heard, url: str, home: Path) -> None:
    limits = {"requests_per_minute": 0, "address_requests_per_minute": 0, "daily_replies": 1_000_000}
    app = web_app(configured(home, url, "local", web=limits, safety={"second_opinion": False}))
    hosted = hosted_by(app)
    hosted.application.use_models(main=model)
    hosted.application.fill_library()
    people = []
    for number in range(_TALKING):
        user_id = f"person-{number}"
        hosted.accounts.ensure(user_id, "local")
        hosted.accounts.confirm_adult(user_id, "local")
        hosted.application.database.person(user_id).change(asked_at=now(), consent_at=now())
        begun = hosted.sign_ins.begin(user_id, "Firefox on Linux")
        brought = cookies.written(user_id, begun.id, begun.secret)
        people.append({"Cookie": f"{cookies.SIGN_IN}={brought}", csrf.HEADER: csrf.token(hosted, begun.id)})
    _listen(app, people)


def _listen(app: Starlette, people: Sequence[Mapping[str, str]]) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1_000)
    print(json.dumps({"port": listening.getsockname()[1], "people": people}), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listening])


# Whoever listens


@dataclass(frozen=True, slots=True)
class Reply:
    """How one reply was heard."""

    #: Seconds from the request until the first event, and until each piece of words.
    began: float
    at: tuple[float, ...]
    #: Letters that were there with each piece.
    letters: tuple[int, ...]
    text: str

    @property
    def first_word(self) -> float:
        return self.at[0]

    def until(self, letters: int) -> float:
        """Seconds until so many letters were there."""
        return self.at[bisect_left(self.letters, letters)]


@dataclass(frozen=True, slots=True)
class Together:
    """How many replies at once were heard."""

    replies: Sequence[Reply]
    #: Seconds of the server's processor, until the last reply's end.
    cpu: float


async def _hear(port: int, path: str, number: int, headers: Mapping[str, str] | None) -> Reply:
    parts = []
    async with Line(port, headers) as line:
        asked = time.perf_counter()
        async for at, part in line.post_stream(path, {"message": stub.asked(number)}):
            parts.append((at - asked, part))
    times: list[float] = []
    letters: list[int] = []
    text = ""
    for when, part in parts:
        pieces = [line for line in part.split(b"\n") if line.startswith(b'data: {"text":')]
        if pieces:
            text += "".join(json.loads(piece[6:])["text"] for piece in pieces)
            times.append(when)
            letters.append(len(text))
    return Reply(parts[0][0], tuple(times), tuple(letters), text)


async def _together(
    server: Server, path: str, over: float, people: Sequence[Mapping[str, str] | None]
) -> tuple[Together, list[float]]:
    """All of them, and how long /health took meanwhile; they begin within ``over`` seconds."""

    async def later(number: int, headers: Mapping[str, str] | None) -> Reply:
        await asyncio.sleep(over * number / len(people))
        return await _hear(server.port, path, number, headers)

    ending = asyncio.Event()
    watching = asyncio.create_task(_watched(server.port, ending))
    await asyncio.sleep(_ASKED * 5)
    before = server.cpu()
    replies = await asyncio.gather(*(later(number, headers) for number, headers in enumerate(people)))
    together = Together(replies, server.cpu() - before)
    ending.set()
    for number, heard in enumerate(replies):
        assert heard.text == "".join(stub.reply(number)), "a word was lost, or came twice"
    return together, await watching


async def _watched(port: int, ending: asyncio.Event) -> list[float]:
    took = []
    async with Line(port) as line:
        while not ending.is_set():
            began = time.perf_counter()
            await line.get("/health")
            took.append(time.perf_counter() - began)
            await asyncio.sleep(_ASKED)
    return took


async def _quiet(server: Server) -> float:
    """Seconds of processor time until nothing is left to do."""
    before = last = server.cpu()
    while True:
        await asyncio.sleep(2)
        at = server.cpu()
        if at - last < 0.1:
            return at - before
        last = at


async def _measured(name: str, relay: Server, server: Server, people: Sequence[Mapping[str, str]]) -> list[Figure]:
    figures: list[Figure] = []
    await _together(relay, "/relay", 0.5, [None] * 5)
    await _together(server, "/api/chat/stream", 0.5, people[:5])
    await _quiet(server)
    for over, how in ((_SPREAD, f"within {_SPREAD:.0f} s"), (0.0, "in one instant")):
        passed, floor = await _together(relay, "/relay", over, [None] * len(people))
        ours, health = await _together(server, "/api/chat/stream", over, people)
        afterwards = await _quiet(server)
        what = f"{name}: {len(people)} begin {how}"
        figures += _figures(what, passed, ours, afterwards)
        figures.append(
            at_most(
                100,
                what=f"{what}; /health meanwhile, p99",
                ours=milliseconds(health, 99),
                unit="ms",
                beside=milliseconds(floor, 99),
                beside_what="an empty route of the relay",
                detail={"median": milliseconds(health)},
            )
        )
    return figures


def _figures(what: str, passed: Together, ours: Together, afterwards: float) -> Iterator[Figure]:
    each = 1000 / len(ours.replies)
    yield at_most(
        1.5,
        times=True,
        what=f"{what}; processor time of a turn",
        ours=ours.cpu * each,
        unit="ms",
        beside=passed.cpu * each,
        beside_what="the relay",
        detail={"analysis afterwards": afterwards * each},
    )
    first = [reply.first_word for reply in ours.replies]
    yield at_most(
        1.5,
        times=True,
        what=f"{what}; first words, p95",
        ours=milliseconds(first, 95),
        unit="ms",
        beside=milliseconds([reply.first_word for reply in passed.replies], 95),
        beside_what="the relay's first",
        detail={"median": milliseconds(first)},
    )
    # Some first words wait for those that follow them, so this is what comes from us and not from the model's speed.
    same = [theirs.until(reply.letters[0]) for reply, theirs in zip(ours.replies, passed.replies, strict=True)]
    yield at_most(
        1.5,
        times=True,
        what=f"{what}; first sentence, p95",
        ours=milliseconds(first, 95),
        unit="ms",
        beside=milliseconds(same, 95),
        beside_what="the relay's same words",
    )
    yield Figure(
        what=f"{what}; first event, p95", ours=milliseconds([reply.began for reply in ours.replies], 95), unit="ms"
    )


if __name__ == "__main__":
    if sys.argv[1] == "relay":
        _relay(stub.Heard(int(sys.argv[2])))
    else:
        _serve(stub.Heard(int(sys.argv[2])), sys.argv[3], Path(sys.argv[4]))
