"""Tokens of a Supabase project: whose they are, or that they are not to be believed.

The signature is checked before anything in a token is used, by the project's own public keys and the two algorithms
that have some. Older projects sign by a shared secret (HS256), which whoever can check it can also use to forge: their
tokens are shown to the auth server, and nothing here ever knows that secret.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt import PyJWK, PyJWTError

from stoic_emperor.errors import AuthServerUnavailable, StoicError
from stoic_emperor.hosting.auth_server import AuthServer
from stoic_emperor.web.limits import Buckets

#: Algorithm -> kind of key. A token may choose among these only, and only the one that fits its key.
_ALGORITHMS = {"ES256": "EC", "RS256": "RSA"}
_ASKED_ABOUT = "HS256"

#: Seconds by which the clocks of two servers may differ.
LEEWAY = 10.0
#: Seconds after which keys are asked for again, as Supabase has it.
KEY_LIFE = 600.0
#: Seconds for which they go on to be used while the auth server cannot be reached.
KEY_LIFE_ALONE = 24 * 3600.0
#: Seconds between two questions for keys, whatever tokens name.
KEY_COOLDOWN = 30.0
#: Seconds for which the auth server's word on a token is believed.
WORD_LIFE = 60.0
_WORDS = 2_000
#: Tokens that the auth server does not know, which one address may have it asked about in a minute and at once.
REFUSED, REFUSED_AT_ONCE = 3, 30
#: Questions about tokens at the same time; more is an attack, and waits are not for free.
_QUESTIONS = 8

_LONGEST = 8_192

EXPIRED = "this token has expired: sign in again"
NOT_BELIEVED = "this token is not accepted here: sign in again"
NOT_ANONYMOUS = "this token is of an anonymous sign-in, which can keep no memory: sign in with an account"


class TokenRefused(StoicError):
    """A token is not to be believed; the message says no more than its bearer may know."""


class TooManyRefused(StoicError):
    """An address brought so many tokens that the auth server does not know that it is asked about no other for now."""

    def __init__(self, seconds: float) -> None:
        """It is again after so many seconds."""
        super().__init__(f"too many tokens from this address were refused: try again in {math.ceil(seconds)} seconds")
        self.seconds = seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Bearer:
    """Whom a token stands for."""

    user_id: str
    email: str | None


class Keys:
    """The project's public keys. Thread-safe; one question at a time."""

    def __init__(self, server: AuthServer, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked yet."""
        self._server = server
        self._now = clock
        #: When they were fetched, and they.
        self._known: tuple[float, Mapping[str, PyJWK]] = (-math.inf, {})
        self._asked = -math.inf
        self._failed = False
        self._lock = threading.Lock()

    def get(self, kid: str) -> PyJWK | None:
        """The key of this name; None if there is none.

        Raises:
            AuthServerUnavailable: it cannot be told.
        """
        found = self._key(kid, KEY_LIFE)
        if found is not None:
            return found
        old = self._key(kid, KEY_LIFE_ALONE)
        # Who has a key, if an old one, need not wait for another's question, nor for an answer that does not come.
        if self._lock.acquire(blocking=old is None):
            try:
                self._refresh(kid)
            finally:
                self._lock.release()
        found = self._key(kid, KEY_LIFE_ALONE)
        if found is None and self._failed:
            raise AuthServerUnavailable("tokens cannot be checked at the moment: try again in a minute")
        return found

    def _key(self, kid: str, life: float) -> PyJWK | None:
        fetched, keys = self._known
        return keys.get(kid) if self._now() - fetched < life else None

    def _refresh(self, kid: str) -> None:
        at = self._now()
        if self._key(kid, KEY_LIFE) is not None or at - self._asked < KEY_COOLDOWN:
            return
        self._asked = at
        try:
            self._known = (at, _usable(self._server.keys()))
            self._failed = False
        except AuthServerUnavailable:
            self._failed = True


def _usable(jwks: dict[str, Any]) -> dict[str, PyJWK]:
    """The keys that we would believe, by their names; others, such as secret ones, are left out."""
    keys = jwks.get("keys")
    found = {}
    for described in keys if isinstance(keys, list) else ():
        if not isinstance(described, dict) or described.get("use", "sig") != "sig":
            continue
        kid, kind = described.get("kid"), described.get("kty")
        algorithm = next((name for name, of in _ALGORITHMS.items() if of == kind), None)
        if not isinstance(kid, str) or algorithm is None or described.get("alg", algorithm) != algorithm:
            continue
        try:
            found[kid] = PyJWK(described, algorithm)
        except PyJWTError:
            continue
    return found


class Verifier:
    """Says whose a token is. Thread-safe; may ask the auth server, so not in the event loop."""

    def __init__(self, server: AuthServer, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked yet."""
        self._server = server
        self._now = clock
        self._keys = Keys(server, clock)
        # Apart, so that no flood of forged tokens drives out what is known of good ones.
        self._believed: OrderedDict[bytes, tuple[float, Bearer]] = OrderedDict()
        self._refused: OrderedDict[bytes, tuple[float, None]] = OrderedDict()
        self._strikes = Buckets(REFUSED, clock, at_once=REFUSED_AT_ONCE)
        self._guard = threading.Lock()
        self._questions = threading.BoundedSemaphore(_QUESTIONS)

    def verify(self, token: str, address: str = "") -> Bearer:
        """Whom a token stands for.

        Args:
            address: where it came from.

        Raises:
            TokenRefused: it is not to be believed.
            TooManyRefused: it would have to be asked about, and too many others of its address were refused.
            AuthServerUnavailable: it cannot be told.
        """
        if len(token) > _LONGEST or not token.isascii():
            raise TokenRefused(NOT_BELIEVED)
        try:
            header = jwt.get_unverified_header(token)
        except (PyJWTError, ValueError, RecursionError):
            raise TokenRefused(NOT_BELIEVED) from None
        algorithm = header.get("alg")
        if algorithm == _ASKED_ABOUT:
            return self._ask(token, address)
        kid = header.get("kid")
        if algorithm not in _ALGORITHMS or not isinstance(kid, str):
            raise TokenRefused(NOT_BELIEVED)
        key = self._keys.get(kid)
        if key is None:
            raise TokenRefused(NOT_BELIEVED)
        return _bearer(self._claims(token, key))

    def _claims(self, token: str, key: PyJWK | None) -> dict[str, Any]:
        """What a token says; without a key its signature is not looked at, and it is for the auth server to say."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key if key is not None else "",
                algorithms=[key.algorithm_name] if key is not None else [_ASKED_ABOUT],
                audience="authenticated",
                issuer=self._server.issuer,
                leeway=LEEWAY,
                options={
                    "verify_signature": key is not None,
                    "verify_exp": True,
                    "verify_nbf": True,
                    "verify_iat": False,
                    "verify_aud": True,
                    "verify_iss": True,
                    "strict_aud": True,
                    "enforce_minimum_key_length": True,
                    "require": ["exp", "iss", "aud", "sub", "role"],
                },
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused(EXPIRED) from None
        except (PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise TokenRefused(NOT_BELIEVED) from None
        for name in ("exp", "nbf"):
            if name in claims and (isinstance(claims[name], bool) or not isinstance(claims[name], int | float)):
                raise TokenRefused(NOT_BELIEVED)
        return claims

    def _ask(self, token: str, address: str) -> Bearer:
        claims = self._claims(token, None)
        _bearer(claims)
        name = hashlib.sha256(token.encode()).digest()
        with self._guard:
            until, word = self._believed.get(name) or self._refused.get(name) or (0.0, None)
            if self._now() >= until and (seconds := self._strikes.wait(address)):
                raise TooManyRefused(seconds)
        if self._now() >= until:
            word = self._answer(token, claims)
            life = min(WORD_LIFE, max(0.0, float(claims["exp"]) - time.time()))
            self._keep(name, self._now() + life, word, address)
        if word is None:
            raise TokenRefused(NOT_BELIEVED)
        return word

    def _keep(self, name: bytes, until: float, word: Bearer | None, address: str) -> None:
        with self._guard:
            self._believed.pop(name, None)
            self._refused.pop(name, None)
            if word is None:
                self._refused[name] = (until, None)
                self._strikes.take(address)
            else:
                self._believed[name] = (until, word)
            for words in (self._believed, self._refused):
                while len(words) > _WORDS:
                    words.popitem(last=False)

    def _answer(self, token: str, claims: dict[str, Any]) -> Bearer | None:
        if not self._questions.acquire(blocking=False):
            raise AuthServerUnavailable("too many tokens are being checked at once: try again in a few seconds")
        try:
            person = self._server.whose(token)
        finally:
            self._questions.release()
        if person is None or person.get("id") != claims["sub"]:
            return None
        # What the server knows is newer than what the token says.
        now_known = {key: person[key] for key in ("role", "is_anonymous", "email") if person.get(key) is not None}
        return _bearer(claims | now_known)


def _bearer(claims: dict[str, Any]) -> Bearer:
    if claims.get("is_anonymous", False) is not False:
        raise TokenRefused(NOT_ANONYMOUS)
    if claims["role"] != "authenticated":
        raise TokenRefused(NOT_BELIEVED)
    try:
        user_id = str(uuid.UUID(claims["sub"]))
    except (ValueError, AttributeError, TypeError):
        raise TokenRefused(NOT_BELIEVED) from None
    if user_id != claims["sub"].lower():
        raise TokenRefused(NOT_BELIEVED)
    email = claims.get("email")
    return Bearer(user_id=user_id, email=email if isinstance(email, str) and email else None)
