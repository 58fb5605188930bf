"""JSON over HTTP with the standard library: one POST, repeated where repeating can help."""

from __future__ import annotations

import email.utils
import http.client
import ipaddress
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import urlsplit, urlunsplit

from capsa.errors import EmbedderUnavailable

#: Statuses that say "later": too slow, too many requests, and the server's or a gateway's own trouble.
_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
#: Seconds. A server that asks for a longer pause is not waited for.
_MAX_WAIT = 30.0
_FIRST_WAIT = 0.5
_MAX_ANSWER = 64 * 2**20

_ADVICE = {
    400: "check the name of the model, and whether the texts are too long for it (max_characters)",
    401: "check the API key",
    403: "check the API key and what it may use",
    404: "check the base URL (most end in /v1) and the name of the model",
    413: "the texts are too long for this server: lower max_characters or batch",
    422: "check the name of the model",
    429: "wait, or check the account's limits",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where to send, with what key, and how patiently."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    #: Seconds without a sign of life from the server, per request.
    timeout: float = 30.0
    #: How often a request is sent at most.
    attempts: int = 4
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise EmbedderUnavailable("the base URL of the embedding server must begin with http:// or https://HOST")
        if "@" in parts.netloc:
            raise EmbedderUnavailable("the base URL of the embedding server carries a user name: give an API key")
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            raise EmbedderUnavailable("the API key holds a character that no HTTP header can carry: copy it again")

    def post(self, body: object) -> object:
        """Send ``body`` as JSON and return the decoded JSON answer.

        Repeated, with growing pauses or the one the server asks for, if the server says "later" or
        drops the connection; not if it cannot be reached or is silent, which a person should see.

        Raises:
            EmbedderUnavailable: no usable answer; names the server and never the key.
        """
        content = json.dumps(body).encode()
        request = urllib.request.Request(self.url, content, self._headers(), method="POST")  # noqa: S310 - http(s) only
        opener = self._opener()
        for attempt in range(1, self.attempts + 1):
            try:
                with opener.open(request, timeout=self.timeout) as response:
                    return self._decoded(_read(response))
            except urllib.error.HTTPError as error:
                with error:
                    failure = self._refusal(error, attempt)
                    again = error.code in _RETRYABLE
                    wait = _retry_after(error.headers)
            except (ConnectionResetError, BrokenPipeError, http.client.IncompleteRead) as error:
                failure, again, wait = self._error(f"dropped the connection ({type(error).__name__})"), True, None
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
            if not again or attempt == self.attempts:
                break
            if wait is not None and wait > _MAX_WAIT:
                failure = self._error(f"asks to wait {wait:.0f} s: try again then")
                break
            self.sleep(_backoff(attempt) if wait is None else wait)
        raise failure

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return headers | ({"Authorization": f"Bearer {self.api_key}"} if self.api_key else {})

    def _opener(self) -> urllib.request.OpenerDirector:
        # A proxy is for the world outside; a model on this machine is not there.
        proxies = [urllib.request.ProxyHandler({})] if _is_loopback(urlsplit(self.url).hostname or "") else []
        return urllib.request.build_opener(_NoRedirect, *proxies)

    def _decoded(self, content: bytes) -> object:
        if len(content) > _MAX_ANSWER:
            raise self._error(f"answered with more than {_MAX_ANSWER >> 20} MiB: check the base URL")
        try:
            answer: object = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._error("did not answer with JSON: check the base URL (most end in /v1)") from error
        return answer

    def _refusal(self, error: urllib.error.HTTPError, attempt: int) -> EmbedderUnavailable:
        if 300 <= error.code < 400:
            # Following would hand the key to whatever server is named there.
            return self._error(f"answered {error.code}, a redirect: set the base URL to where it leads")
        said = "" if error.code in {401, 403} else self._reason(error)
        times = f" {attempt} times" if attempt > 1 else ""
        advice = _ADVICE.get(error.code, "try again later")
        return self._error(f"answered {error.code}{times}{said}: {advice}")

    def _reason(self, error: urllib.error.HTTPError) -> str:
        """What the server said about it, as one short line without the key."""
        try:
            answer = json.loads(error.read(_MAX_ANSWER))
            said = answer["error"]["message"] if isinstance(answer["error"], dict) else answer["error"]
        except (OSError, http.client.HTTPException, ValueError, RecursionError, LookupError, TypeError):
            return ""
        line = " ".join(str(said).split())
        return f" ({self._without_key(line)[:200]})" if line else ""

    def _unreachable(self, error: OSError | http.client.HTTPException) -> EmbedderUnavailable:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, TimeoutError):
            return self._error(f"did not answer within {self.timeout:g} s: check that it runs, or allow more time")
        said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        return self._error(f"cannot be reached ({self._without_key(said)}): check the base URL and that it runs")

    def _without_key(self, text: str) -> str:
        return text.replace(self.api_key, "***") if self.api_key else text

    def _error(self, what: str) -> EmbedderUnavailable:
        # A query string can hold a secret.
        place = urlunsplit(urlsplit(self.url)._replace(query="", fragment=""))
        return EmbedderUnavailable(f"the embedding server {place} {what}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _read(response: http.client.HTTPResponse) -> bytes:
    content = response.read(_MAX_ANSWER + 1)
    # A bounded read takes a connection that ends too early for the end of the answer.
    if response.length and len(content) <= _MAX_ANSWER:
        raise http.client.IncompleteRead(content, response.length)
    return content


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _backoff(attempt: int) -> float:
    """Seconds before the next attempt: doubling, and random so that clients do not return together."""
    return min(_MAX_WAIT, _FIRST_WAIT * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _retry_after(headers: Message) -> float | None:
    """Seconds the server asks to wait (RFC 9110, 10.2.3: a number of seconds or a date), if it does."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
