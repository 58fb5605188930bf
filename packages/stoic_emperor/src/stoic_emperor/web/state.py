"""What one running web process has."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import HTTPException, Request

from stoic_emperor.application import Application
from stoic_emperor.companion.lately import Lately
from stoic_emperor.config import Configuration
from stoic_emperor.hosting.accounts import Accounts, Hasher
from stoic_emperor.hosting.logins import login_key
from stoic_emperor.hosting.recovery import Recovery
from stoic_emperor.hosting.sign_ins import SignIns
from stoic_emperor.web.auth.bearer import Verifier
from stoic_emperor.web.auth.passwords import Argon2
from stoic_emperor.web.limits import Limits, network, too_many
from stoic_emperor.web.probing import Probing
from stoic_emperor.web.talking import Talking
from stoic_emperor.web.worker import Worker

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

P = ParamSpec("P")
T = TypeVar("T")

#: Passwords that are looked at at the same time, 64 MB each, and how many may wait for that.
_PASSWORDS = 2
_WAITING = 40
#: Questions to another server at the same time.
_QUESTIONS = 8


@dataclass(slots=True)
class Recognised:
    """Who was recognised by a cookie or a token."""

    user_id: str | None = None


class Hosted:
    """Everything that requests of one process share; on ``app.state.hosted``."""

    def __init__(self, application: Application) -> None:
        """Nothing is opened yet: a database that is down must not keep the process from saying so."""
        self.application = application
        self.configuration: Configuration = application.configuration
        secret = self.configuration.session_secret
        # Without a secret, what was handed out is void when the process ends: development's price.
        self._key = secret.get_secret_value().encode() if secret else secrets.token_bytes(32)
        self._operators = self.configuration.settings.web.operators
        self._passwords = CapacityLimiter(_PASSWORDS)
        self._questions = CapacityLimiter(_QUESTIONS)
        self.hasher: Hasher = Argon2()
        self.limits = Limits(self.configuration.settings.web)
        self.worker = Worker(application)
        self.probing = Probing(application)
        #: What proved it -> who was recognised by it last: for help while the database is away.
        self.recognised = Lately(Recognised)
        #: Held by whoever erases something.
        self.erasing = asyncio.Lock()
        #: The replies under way.
        self.talking = Talking(application, self.worker)

    @cached_property
    def accounts(self) -> Accounts:
        """Who has an account."""
        return Accounts(self.application.database, self.hasher)

    @cached_property
    def sign_ins(self) -> SignIns:
        """Which browsers are signed in."""
        return SignIns(self.application.database, partial(self.sign, "next secret"))

    @cached_property
    def recovery(self) -> Recovery:
        """What lets people in who lost their password."""
        return Recovery(self.application.database)

    @cached_property
    def verifier(self) -> Verifier | None:
        """Says whose a bearer token is; None without Supabase."""
        server = self.application.auth_server
        return None if server is None else Verifier(server)

    def sign(self, purpose: str, *parts: str) -> str:
        """An HMAC over ``parts`` that nobody else can make; of another purpose it is another."""
        message = "\0".join((purpose, *parts)).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def is_operator(self, user_id: str, login: str | None) -> bool:
        """Whether the configuration names somebody as a keeper of this house, by id or by our own login."""
        if user_id in self._operators:
            return True
        return login is not None and login_key(login) in {login_key(name) for name in self._operators}

    def may_register(self) -> bool:
        """Whether somebody can make an account of our own by themselves, as things are.

        Raises:
            capsa.CapsaError: or one of its kinds: it cannot be told.
        """
        registration = self.configuration.registration
        if "local" not in self.configuration.ways_in or registration == "closed":
            return False
        return registration == "open" or not self.accounts.has_first()

    def count_try(self, request: Request) -> None:
        """Count that an address tries to sign in or up.

        Raises:
            HTTPException: 429, it did so too often.
        """
        if seconds := self.limits.tries.take(network(request.client.host if request.client else "")):
            detail, headers = too_many(seconds)
            raise HTTPException(429, detail, headers)

    async def with_passwords(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what looks at passwords: few at a time, and in none of the threads that other requests need.

        Raises:
            HTTPException: 503, too many wait already.
        """
        return await _bounded(self._passwords, partial(work, *args, **kwargs))

    async def asking(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what asks another server, which may take its time; as of `with_passwords`."""
        return await _bounded(self._questions, partial(work, *args, **kwargs))


async def _bounded(limiter: CapacityLimiter, work: Callable[[], T]) -> T:
    if limiter.statistics().tasks_waiting >= _WAITING:
        raise HTTPException(503, "too many people are signing in at once: try again in a minute", {"Retry-After": "60"})
    return await run_sync(work, limiter=limiter)


def hosted(request: Request) -> Hosted:
    """The dependency: ``Annotated[Hosted, Depends(hosted)]``."""
    return hosted_of(request)


def hosted_of(connection: HTTPConnection) -> Hosted:
    """The same, for middleware."""
    return cast("Hosted", connection.app.state.hosted)
