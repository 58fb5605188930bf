"""A refusal while a body is still being sent: told at once, and what comes is thrown away for a while.

Whoever sends all of it before they read would else find the line cut, and never the reason.
"""

from __future__ import annotations

import asyncio
import time

from starlette.types import Message, Receive, Send

#: Bytes that are thrown away, and seconds; and seconds in which nothing comes. After that the line is cut.
MOST, LONGEST, SILENCE = 64 << 20, 60.0, 5.0


def lingering(receive: Receive, send: Send) -> Send:
    """``send`` for an answer that does not wait for its request: it ends when that has, or has taken too long."""

    async def sending(message: Message) -> None:
        if message["type"] != "http.response.body" or message.get("more_body", False):
            await send(message)
            return
        await send({**message, "more_body": True})
        await _discard(receive)
        await send({"type": "http.response.body", "body": b""})

    return sending


async def _discard(receive: Receive) -> None:
    come, until = 0, time.monotonic() + LONGEST
    try:
        while come <= MOST:
            async with asyncio.timeout(min(SILENCE, until - time.monotonic())):
                message = await receive()
            come += len(message.get("body", b""))
            if not message.get("more_body", False):
                return
    except TimeoutError:
        return
