"""Server-sent events: what a turn tells, as bytes for whoever reads it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from stoic_emperor.web.turn import Turn

#: Seconds of silence after which a comment is sent: proxies close connections on which nothing moves.
KEEP_ALIVE = 15.0

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def encoded(number: int, event: str, data: dict[str, Any]) -> bytes:
    """One event (https://html.spec.whatwg.org/multipage/server-sent-events.html); JSON has no line ends of its own."""
    return f"id: {number}\nevent: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


async def read(turn: Turn, after: int = 0) -> AsyncGenerator[bytes, None]:
    """What a turn has told since event ``after``, and goes on to tell, until it ends."""
    at = max(0, after)
    while True:
        told, turn_is_over = turn.told_after(at)
        if told:
            at += len(told)
            yield b"".join(told)
        elif turn_is_over:
            return
        else:
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    await turn.more()
            except TimeoutError:
                yield b": still here\n\n"


class EventStream(StreamingResponse):
    """The response: what a turn tells, as it tells it. Whoever goes away may come back; the turn does not mind."""

    media_type = "text/event-stream"

    def __init__(self, turn: Turn, after: int = 0) -> None:
        """Nothing is sent yet.

        Args:
            turn: running, or ended a short while ago.
            after: the number of the last event that the reader has.
        """
        super().__init__(read(turn, after), headers=_HEADERS)
