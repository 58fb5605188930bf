"""Cookies: their names, what is in them, and putting them on a response, whichever route made it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names that a browser takes only over a secure connection, from this very host, for the whole of it.
SIGN_IN = "__Host-stoic"
BEFORE_SIGN_IN = "__Host-stoic-pre"

_KEY = "stoic_cookies"


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
