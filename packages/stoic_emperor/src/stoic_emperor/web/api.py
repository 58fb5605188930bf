"""Answers the guide's ``uvicorn src.web.api:app`` until there is a web application: every page says so."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stoic_emperor.web import NOT_YET

Message = MutableMapping[str, Any]

_TEXT = f"Stoic Emperor: {NOT_YET}\n".encode()


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """An ASGI application (https://asgi.readthedocs.io/en/stable/specs/www.html)."""
    if scope["type"] == "lifespan":
        await receive()
        logging.getLogger("uvicorn.error").warning(NOT_YET)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(_TEXT)).encode())]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _TEXT})
