"""Who comes in: whoever has the link from this terminal, with a browser that then has a cookie, and nobody else.

Other users of this machine reach its addresses as well as we do, and pages of other sites have a browser ask for
anything. So every address but the door's is behind a folder with a random name, which the cookie is bound to:
cookies know no ports, and a server of somebody else on another port must not be sent ours.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
_COOKIE = "afterimage"
#: Seconds between two links that somebody without a cookie makes the terminal show.
_PATIENCE = 3.0

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # What is in the memory stays in no cache, not even in the browser's own.
    "Cache-Control": "no-store",
}


class Door:
    """The secrets of one run, and who has shown them."""

    def __init__(self, port: int, tell: Callable[[str], None]) -> None:
        """Closed but for the link that `link` gives.

        Args:
            tell: shows a new link where only the user sees it.
        """
        self.host = f"{HOST}:{port}"
        #: The folder that all pages are in.
        self.folder = f"/{secrets.token_urlsafe(9)}"
        #: What every form that changes something carries.
        self.word = secrets.token_urlsafe(24)
        self._key = secrets.token_urlsafe(32)
        self._tell = tell
        self._ticket = ""
        self._rung = 0.0

    @property
    def origin(self) -> str:
        """Where the pages are from, as a browser says it."""
        return f"http://{self.host}"

    def link(self) -> str:
        """A new link, good for once; the one before is no longer good."""
        self._ticket = secrets.token_urlsafe(32)
        return f"{self.origin}/enter?token={self._ticket}"

    def enter(self, given: str) -> bool:
        """Whether this is the token of the link, which is spent with it."""
        if not self._ticket or not _same(given, self._ticket):
            return False
        self._ticket = ""
        return True

    def ring(self) -> None:
        """Somebody stands outside: show the user a new link, if the one before is spent. Not too often."""
        if not self._ticket and time.monotonic() - self._rung > _PATIENCE:
            self._rung = time.monotonic()
            self._tell(self.link())

    def knows(self, headers: Headers) -> bool:
        """Whether a request carries the cookie."""
        return _same(cookie_parser(headers.get("cookie", "")).get(_COOKIE, ""), self._key)

    def let_in(self, response: HTMLResponse) -> None:
        """Give the browser its cookie, until it is closed."""
        response.set_cookie(_COOKIE, self._key, path=self.folder, httponly=True, samesite="strict")


class Guarded:
    """Middleware round everything: the host, the cookie, and what every answer tells the browser."""

    def __init__(self, app: ASGIApp, door: Door, page: Callable[..., str]) -> None:
        """Wrap ``app``.

        Args:
            page: renders the door: for who comes in, ``inside`` is where to; for who does not, ``again`` says whether
                they were at an address that only who was in knows.
        """
        self._app = app
        self._door = door
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._answer(scope)(scope, receive, with_headers)

    def _answer(self, scope: Scope) -> ASGIApp:
        headers, path = Headers(scope=scope), scope["path"]
        # A name that somebody makes point here (DNS rebinding) is another host to the browser, but not to us.
        if headers.getlist("host") != [self._door.host]:
            return PlainTextResponse(f"this address is {self._door.origin} and no other\n", 421)
        if path.startswith("/static/"):
            return self._app
        # A strict cookie is not sent along a link on another site, either.
        known = path.startswith(f"{self._door.folder}/")
        if path == "/enter":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if self._door.enter(given):
                # Not a redirection: a strict cookie is not sent along one that began on another site.
                page = HTMLResponse(self._page(inside=f"{self._door.folder}/overview", again=False))
                self._door.let_in(page)
                return page
        elif known and self._door.knows(headers):
            return self._app
        self._door.ring()
        return HTMLResponse(self._page(inside="", again=known), 403)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
