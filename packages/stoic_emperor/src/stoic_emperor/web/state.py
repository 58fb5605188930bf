"""What one running web process has."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, cast

from fastapi import Request

from stoic_emperor.application import Application
from stoic_emperor.config import Configuration

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection


class Hosted:
    """Everything that requests of one process share; on ``app.state.hosted``."""

    def __init__(self, application: Application) -> None:
        """Nothing is opened yet: a database that is down must not keep the process from saying so."""
        self.application = application
        self.configuration: Configuration = application.configuration
        secret = self.configuration.session_secret
        # Without a secret, what was handed out is void when the process ends: development's price.
        self._key = secret.get_secret_value().encode() if secret else secrets.token_bytes(32)

    def sign(self, purpose: str, *parts: str) -> str:
        """An HMAC over ``parts`` that nobody else can make; of another purpose it is another."""
        message = "\0".join((purpose, *parts)).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def hosted(request: Request) -> Hosted:
    """The dependency: ``Annotated[Hosted, Depends(hosted)]``."""
    return hosted_of(request)


def hosted_of(connection: HTTPConnection) -> Hosted:
    """The same, for middleware."""
    return cast("Hosted", connection.app.state.hosted)
