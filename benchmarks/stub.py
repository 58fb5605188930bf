"""A model in a process of its own, which says twenty pieces of words a second; and how others hear it.

What it says is made of the texts that come with the program, so its words and sentences are those of a reply.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from functools import cache

from pydantic import BaseModel

from stoic_emperor.errors import InvalidAnswer
from stoic_emperor.library.starter import starter_library
from stoic_emperor.llm import Prompt
from stoic_emperor.llm.chat_model import T
from stoic_emperor.models import PsychUpdate
from stoic_emperor.safety import ReplyGuard, ReplyRules

#: Seconds between two pieces, and how many a reply has.
DELAY, PIECES = 0.05, 240
#: A piece is a short word, or a part of a long one.
_PIECE = re.compile(r"\S{1,7}\s*")
_ASKED = re.compile(r"number (\d+)")
#: Different replies.
_MANY = 40


def asked(number: int) -> str:
    """What somebody says who wants to hear that reply."""
    return f"It rains today, and I do not know what to make of it. Tell me number {number}."


@cache
def replies() -> tuple[tuple[str, ...], ...]:
    """What the model says, in pieces."""
    folder = starter_library()
    assert folder is not None, "the texts that come with the program are not there"
    texts = [
        " ".join(part.split())
        for file in sorted(folder.rglob("*.md"))
        for part in file.read_text("utf-8").split("\n\n")
        if part[:1].isalpha() and len(part) > 200
    ]
    rules = ReplyRules()
    said = [_PIECE.findall("\n\n".join(texts[at : at + 6]))[:PIECES] for at in range(0, len(texts) - 6, 4)]
    fine = [tuple(pieces) for pieces in said if len(pieces) == PIECES and not _is_stopped(rules, "".join(pieces))]
    return tuple(fine[:_MANY])


def reply(number: int) -> tuple[str, ...]:
    """The reply of that number."""
    known = replies()
    return known[number % len(known)]


def _is_stopped(rules: ReplyRules, text: str) -> bool:
    guard = ReplyGuard(rules.first)
    guard.feed(text)
    guard.finish()
    return guard.stopped is not None


class Heard:
    """The model as others hear it: a connection a reply, a line a piece."""

    name = "stub"

    def __init__(self, port: int) -> None:
        """Nothing is asked yet."""
        self._port = port

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """The reply whose number stands in what was said last."""
        found = _ASKED.findall(prompt.turns[-1].text)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"{found[-1] if found else 0}\n".encode())
            while line := await reader.readline():
                yield json.loads(line)
        finally:
            writer.close()

    async def extract(self, prompt: Prompt, schema: type[T]) -> T:  # noqa: ARG002 - the interface's
        """It notices the weather in every turn."""
        await asyncio.sleep(0)
        noticed: BaseModel = PsychUpdate(detected_patterns=["looks at the weather"], confidence=0.8)
        if isinstance(noticed, schema):
            return noticed
        raise InvalidAnswer(f"{self.name} does not fill in {schema.__name__}")

    async def close(self) -> None:
        """Nothing stays open."""


async def _speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    pieces = reply(int(await reader.readline()))
    began = loop.time()
    try:
        for at, piece in enumerate(pieces, start=1):
            await asyncio.sleep(began + at * DELAY - loop.time())
            writer.write(json.dumps(piece).encode() + b"\n")
        await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


async def _serve() -> None:
    replies()
    server = await asyncio.start_server(_speak, "127.0.0.1", 0, backlog=1_000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
