"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass

from stoic_emperor.hosting.accounts import Provider


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The person on whose behalf a request runs. Every transaction of the request is bound to ``user_id``."""

    user_id: str
    provider: Provider
    #: Whether they said that they are 18 or older and accept the terms.
    adult: bool
    #: Whether they keep this house: health and counts, nobody's content.
    operator: bool = False
    #: The sign-in that the browser's cookie belongs to; None with a bearer token, and for the single user.
    sign_in_id: str | None = None
    #: What a request of this browser that changes something has to bring; None with a bearer token, which proves it.
    csrf: str | None = None
    #: What they typed to sign in, for them to recognise; None if nothing was.
    login: str | None = None
