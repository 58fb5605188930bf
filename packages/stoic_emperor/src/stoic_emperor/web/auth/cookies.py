"""Cookies: their names, what is in them, and putting them on a response, whichever route made it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names that a browser takes only over a secure connection, from this very host, for the whole of it.
SIGN_IN = "__Host-stoic"
BEFORE_SIGN_IN = "__Host-stoic-pre"

#: Between being sent to another service to sign in, and coming back.
ON_THE_WAY = "__Host-stoic-way"

#: Seconds for which a browser keeps a sign-in that is not used.
_KEPT = 14 * 24 * 3600

_KEY = "stoic_cookies"
_SHAPE = re.compile(r"([A-Za-z0-9_-]{1,400})\.([A-Za-z0-9-]{1,64})\.([A-Za-z0-9_-]{1,128})")


@dataclass(frozen=True, slots=True)
class Brought:
    """What a browser's cookie says; nobody has looked yet whether it is true."""

    user_id: str
    sign_in_id: str
    secret: str


def read(request: Request) -> Brought | None:
    """The sign-in that a browser brings, if its cookie has the shape of one."""
    found = _SHAPE.fullmatch(request.cookies.get(SIGN_IN, ""))
    if found is None:
        return None
    try:
        user_id = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    # Nobody can be the house, whose rows are nobody's.
    return None if not user_id or user_id.startswith("@") else Brought(user_id, found[2], found[3])


def sign_in(request: Request, user_id: str, sign_in_id: str, secret: str) -> None:
    """Have the browser bring this sign-in from now on."""
    give(request, SIGN_IN, written(user_id, sign_in_id, secret), _KEPT)


def written(user_id: str, sign_in_id: str, secret: str) -> str:
    """A sign-in as its cookie holds it."""
    encoded = base64.urlsafe_b64encode(user_id.encode()).decode().rstrip("=")
    return f"{encoded}.{sign_in_id}.{secret}"


def give(request: Request, name: str, value: str, seconds: int | None = None) -> None:
    """Have the response to a request set a cookie: for this browser's run, or for so many seconds."""
    lasting = "" if seconds is None else f"; Max-Age={seconds}"
    _pending(request.scope)[name] = f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{lasting}"


def take(request: Request, name: str) -> None:
    """Have the response to a request remove a cookie."""
    give(request, name, "", 0)


def _pending(scope: Scope) -> dict[str, str]:
    pending: dict[str, str] = scope.setdefault(_KEY, {})
    return pending


class SetCookies:
    """Middleware: puts what `give` and `take` asked for on the response.

    A dependency of a route that makes its own response, as those that stream do, could not.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        pending = _pending(scope)

        async def with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start" and pending:
                headers = MutableHeaders(scope=message)
                for line in pending.values():
                    headers.append("set-cookie", line)
            await send(message)

        await self._app(scope, receive, with_cookies)
