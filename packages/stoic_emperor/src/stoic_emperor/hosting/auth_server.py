"""Asking a Supabase project's auth server: who signs in there, whose token this is, and to forget somebody."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from stoic_emperor.errors import AuthServerUnavailable, NotRecognised, RegistrationClosed, Unacceptable

#: Seconds for one answer; somebody waits for it.
PATIENCE = 5.0
#: Longer answers are none.
_LONGEST = 256_000

NOT_RECOGNISED = "this address and password do not belong together, or the address was not confirmed yet: check both"
_NO_SIGN_UPS = "nobody can make an account there by themselves: ask whoever keeps this server for one"
_NOT_TAKEN = (
    "the project does not take this address or password: see that the address is one, or choose another password"
)
_TOO_OFTEN = "too many messages were asked for: wait a few minutes, look whether one has come, and then try again"
_DOWN = "the server that vouches for people cannot be reached at the moment: try again in a minute"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Keys and passwords go where they were configured to go, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class AuthServer:
    """The auth server of one project."""

    #: The project's address.
    url: str
    #: Public: says which project is meant.
    anon_key: str | None
    #: Secret: may do everything.
    service_key: str | None = field(default=None, repr=False)

    @property
    def issuer(self) -> str:
        """As its tokens name it."""
        return f"{self.url.rstrip('/')}/auth/v1"

    def keys(self) -> dict[str, Any]:
        """Its public keys (JWKS).

        Raises:
            AuthServerUnavailable: it cannot be reached, or does not answer as it should.
        """
        status, answer = self._ask("GET", "/.well-known/jwks.json")
        if status != 200:
            raise AuthServerUnavailable(_DOWN)
        return answer

    def sign_in(self, email: str, password: str) -> str:
        """A token for whoever has this address and password.

        Raises:
            NotRecognised: nobody has.
            AuthServerUnavailable: it cannot be reached.
        """
        return self._token("password", {"email": email, "password": password})

    def sign_up(self, email: str, password: str, back: str, challenge: str) -> str | None:
        """Make somebody known there: a token, or None if they have to follow a link that is mailed to them first.

        Whether the address is known already, the server does not tell while it mails links.

        Args:
            back: where the link leads, with a code for `exchange`.
            challenge: of the verifier that goes with the code.

        Raises:
            RegistrationClosed: the project takes nobody.
            Unacceptable: it does not take this address or password, or has mailed too often.
            AuthServerUnavailable: it cannot be reached.
        """
        status, answer = self._ask(
            "POST", _with("/signup", back), body={**_asked(email, challenge), "password": password}
        )
        token = answer.get("access_token")
        if status == 200:
            return token if isinstance(token, str) else None
        if status == 403 or answer.get("error_code") == "signup_disabled":
            raise RegistrationClosed(_NO_SIGN_UPS)
        raise self._not_done(status)

    def mail_reset(self, email: str, back: str, challenge: str) -> None:
        """Have a link mailed that leads ``back``, with a code for `exchange`. Whether anybody is known is not told.

        Raises:
            Unacceptable: this is no address, or the server has mailed too often.
            AuthServerUnavailable: it cannot be reached.
        """
        status, _ = self._ask("POST", _with("/recover", back), body=_asked(email, challenge))
        if status != 200:
            raise self._not_done(status)

    def set_password(self, token: str, password: str) -> None:
        """Give whoever a token stands for another password.

        Raises:
            Unacceptable: the server does not take this one.
            AuthServerUnavailable: it cannot be reached.
        """
        status, _ = self._ask("PUT", "/user", body={"password": password}, token=token)
        if status != 200:
            raise self._not_done(status)

    @staticmethod
    def _not_done(status: int) -> Exception:
        if status == 429:
            return Unacceptable(_TOO_OFTEN)
        return Unacceptable(_NOT_TAKEN) if status in {400, 422} else AuthServerUnavailable(_DOWN)

    def exchange(self, code: str, verifier: str) -> str:
        """The token for a code that another service's sign-in ended with (PKCE, RFC 7636).

        Raises:
            NotRecognised: the code is old, or was asked for by another browser.
            AuthServerUnavailable: it cannot be reached.
        """
        return self._token("pkce", {"auth_code": code, "code_verifier": verifier})

    def authorize_url(self, provider: str, back: str, challenge: str) -> str:
        """Where a browser begins to sign in with another service."""
        asked = {
            "provider": provider,
            "redirect_to": back,
            "code_challenge": challenge,
            "code_challenge_method": "s256",
        }
        return f"{self.issuer}/authorize?{urlencode(asked)}"

    def whose(self, token: str) -> dict[str, Any] | None:
        """The person that a token stands for, as the server knows them; None if it does not accept the token.

        Raises:
            AuthServerUnavailable: it cannot be reached.
        """
        status, answer = self._ask("GET", "/user", token=token)
        if status == 200:
            return answer
        if status in {400, 401, 403, 404, 422}:
            return None
        raise AuthServerUnavailable(_DOWN)

    def forget(self, user_id: str) -> str | None:
        """Have the project forget a person; what has to be told of it, None if it did."""
        stays = f"the sign-in at {self.url} still exists"
        if self.service_key is None:
            return f"{stays}: without SUPABASE_SERVICE_KEY it can only be deleted there"
        try:
            status, _ = self._ask("DELETE", f"/admin/users/{quote(user_id, safe='')}", key=self.service_key)
        except AuthServerUnavailable:
            return f"{stays}: that server could not be reached, so it has to be deleted there"
        if status in {200, 204, 404}:
            return None
        return f"{stays}: that server refused to delete it (status {status}), so it has to be deleted there"

    def _token(self, grant: str, proof: dict[str, str]) -> str:
        status, answer = self._ask("POST", f"/token?grant_type={grant}", body=proof)
        token = answer.get("access_token")
        if status == 200 and isinstance(token, str):
            return token
        if status in {400, 401, 403, 404, 422}:
            raise NotRecognised(NOT_RECOGNISED)
        raise AuthServerUnavailable(_DOWN)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, str] | None = None,
        token: str | None = None,
        key: str | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and answer; what is no JSON object is an empty one."""
        key = key or self.anon_key
        headers = {"Accept": "application/json"}
        if key is not None:
            headers["apikey"] = key
        if token is not None or key is not None:
            headers["Authorization"] = f"Bearer {token or key}"
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self.issuer}{path}", content, headers, method=method)  # noqa: S310
        try:
            with urllib.request.build_opener(_NoRedirects()).open(request, timeout=PATIENCE) as response:
                return response.status, _object(response.read(_LONGEST))
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _told(error)
        except (OSError, http.client.HTTPException) as error:
            raise AuthServerUnavailable(_DOWN) from error


def _with(path: str, back: str) -> str:
    return f"{path}?{urlencode({'redirect_to': back})}"


def _asked(email: str, challenge: str) -> dict[str, str]:
    return {"email": email, "code_challenge": challenge, "code_challenge_method": "s256"}


def _told(error: urllib.error.HTTPError) -> dict[str, Any]:
    """What a refusal says beside its status."""
    try:
        return _object(error.read(_LONGEST))
    except (OSError, http.client.HTTPException):
        return {}


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
