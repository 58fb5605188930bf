"""How much one person, and one address, may ask for, and how slowly: enough for any use, and an end to any abuse.

Requests are counted in this process, by buckets that fill up again; replies of a model in the database, by day
(`hosting.usage`), for they cost money and several processes give them. What is refused says when to come back.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stoic_emperor.web.lingering import lingering

if TYPE_CHECKING:
    from stoic_emperor.config import WebSettings

#: How often an address may try to sign in or up, in a minute and at once.
TRIES, TRIES_AT_ONCE = 3, 30
#: Bytes of a request that is no file: the longest message, every character of it spelled as an escape in JSON.
MOST_BODY = 256 << 10
UPLOADS = "/api/uploads"

#: Seconds for which nothing of a body may come; and bytes a second of which it is at least made, once they are over.
PATIENCE, LEAST_RATE = 30.0, 4 << 10

#: What is under way is not read to its end, so the connection is of no more use.
_CLOSE = {"Connection": "close"}

#: Of a minute's requests, how many may come at once.
_BURST = 0.5
#: More keys than this are not remembered at the same time: those that are full again are forgotten first.
_MOST_KEYS = 20_000

TOO_MANY = "that were more requests than one may make in a minute: wait {seconds} and try again"
TOO_SLOW = "this came so slowly that it was read no further: try again, and if the line is bad, with less"
TOO_LARGE = "this is larger than the {size} that are taken here: send less, or in several parts"


class Buckets:
    """One bucket a key: each request takes one out, and they fill up with time."""

    def __init__(
        self, a_minute: int, clock: Callable[[], float] = time.monotonic, *, at_once: int | None = None
    ) -> None:
        """All are full.

        Args:
            a_minute: how many come back in a minute; 0 for a bucket that never empties.
            clock: seconds.
            at_once: how many a full one holds; default: half of a minute's.
        """
        self._rate = a_minute / 60
        self._full = at_once or max(1.0, a_minute * _BURST)
        self._clock = clock
        #: Key -> what is left, and as of when.
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take one out: 0, or if there is none, the seconds until there is one again."""
        if not self._rate:
            return 0
        at = self._clock()
        left = self._now(key, at)
        if left < 1:
            return (1 - left) / self._rate
        if len(self._left) >= _MOST_KEYS and key not in self._left:
            self._forget(at)
        self._left[key] = (left - 1, at)
        return 0

    def wait(self, key: str) -> float:
        """What `take` would say, with nothing taken."""
        left = self._now(key, self._clock())
        return 0 if left >= 1 or not self._rate else (1 - left) / self._rate

    def _now(self, key: str, at: float) -> float:
        left, then = self._left.get(key, (self._full, at))
        return min(self._full, left + (at - then) * self._rate)

    def _forget(self, at: float) -> None:
        """Keys whose bucket is full again, and if there are none, the fuller half: nobody is refused for that."""
        now = {key: self._now(key, at) for key in self._left}
        kept = sorted((left, key) for key, left in now.items() if left < self._full)[: _MOST_KEYS // 2]
        self._left = {key: (left, at) for left, key in kept}


class Limits:
    """The buckets of one process."""

    def __init__(self, settings: WebSettings) -> None:
        """Nobody has asked for anything yet."""
        self.settings = settings
        self.persons = Buckets(settings.requests_per_minute)
        self.addresses = Buckets(settings.address_requests_per_minute)
        # Who guesses at many logins is not stopped by the lock of each.
        self.tries = Buckets(TRIES, at_once=TRIES_AT_ONCE)

    @property
    def upload_bytes(self) -> int:
        """The largest file."""
        return self.settings.upload_megabytes << 20

    def client(self, scope: Scope) -> tuple[str, int]:
        """Where a request comes from, as far as it can be believed."""
        nearest: tuple[str, int] = tuple(scope.get("client") or ("", 0))
        if not self.settings.trust_proxy:
            return nearest
        # Each proxy appends the address that connected to it; what stands before those anybody may have written.
        line = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
        passed = [part.strip() for part in line.split(",") if part.strip()]
        return (passed[-self.settings.trust_proxy], 0) if len(passed) >= self.settings.trust_proxy else nearest


def network(address: str) -> str:
    """Whom an address belongs to: of the newer kind, everybody has 2⁶⁴."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def too_many(seconds: float) -> tuple[str, dict[str, str]]:
    """What to say, and the headers that go with it."""
    whole = max(1, math.ceil(seconds))
    told = "a second" if whole == 1 else f"{whole} seconds"
    return TOO_MANY.format(seconds=told), {"Retry-After": str(whole)}


class LimitRequests:
    """Middleware: looks at address and size before anything else is done."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Whatever else looks at the address sees the one that is believed.
        scope["client"] = self._limits.client(scope)
        if seconds := self._limits.addresses.take(network(scope["client"][0])):
            detail, headers = too_many(seconds)
            await JSONResponse({"detail": detail}, 429, headers)(scope, receive, send)
            return
        most = self._limits.upload_bytes if scope["path"] == UPLOADS else MOST_BODY
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > most:
            refusal = JSONResponse({"detail": too_large(most)}, 413, _CLOSE)
            await refusal(scope, receive, lingering(receive, send))
            return
        bounded = _Bounded(scope, receive, send, most)
        await self._app(scope, bounded.read, bounded.answer)


class _Bounded:
    """What comes, as long as it is not too much, nor too slow: its length may not have been told, or not truly."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        self._receive, self._send = receive, send
        self._lingering = lingering(receive, send)
        self._most = most
        self._come = 0
        # Only for the sender: what we do with each part takes its time, too.
        self._waited = 0.0
        headers = Headers(scope=scope)
        self._whole = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        self._too_slow = False

    async def answer(self, message: Message) -> None:
        """Tell the sender something, who may have been refused before all was read."""
        await (self._send if self._whole or self._too_slow else self._lingering)(message)

    async def read(self) -> Message:
        """What comes next.

        Raises:
            HTTPException: 408 and 413, it is read no further.
        """
        if self._whole:
            # From here on it is told when they leave, whenever that is.
            return await self._receive()
        begun = time.monotonic()
        try:
            async with asyncio.timeout(min(PATIENCE, PATIENCE + self._come / LEAST_RATE - self._waited)):
                message = await self._receive()
        except TimeoutError:
            self._too_slow = True
            raise HTTPException(408, TOO_SLOW, _CLOSE) from None
        self._waited += time.monotonic() - begun
        self._come += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._come > self._most:
            raise HTTPException(413, too_large(self._most), _CLOSE)
        return message


def too_large(most: int) -> str:
    """What to say of more than ``most`` bytes."""
    return TOO_LARGE.format(size=f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} KB")
