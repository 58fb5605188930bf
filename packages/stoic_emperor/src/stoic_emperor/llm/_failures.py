"""What an SDK's exception means for a person: one line, without the key and without a word of what was sent.

A server's own message is read to tell the cases apart and never shown: some quote the prompt in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from stoic_emperor.errors import (
    ModelBusy,
    ModelRefusesKey,
    ModelTooSlow,
    ModelUnavailable,
    PromptTooLong,
    ReplyFiltered,
    UnknownModel,
)
from stoic_emperor.llm._effort import Failed, FormatRefused

_TOO_LONG = re.compile(r"context.{0,20}(length|size|window)|prompt is too long|too many tokens|maximum.{0,20}tokens")
_FILTERED = re.compile(r"content.?(filter|policy|management)|safety")
_NO_MODEL = re.compile(r"model.{0,80}(not found|does not exist|not exist|not supported)|no such model|unknown model")
_NO_CREDIT = re.compile(r"insufficient_quota|insufficient credit|credit balance|billing")

#: How a stream tells an error whose status line was 200.
_STATUS_OF = {
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "overloaded_error": 529,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
}

_RETRYABLE = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is asked for what, in words that may be shown."""

    #: Host and port; never what stands before an @ in a URL.
    server: str
    model: str
    #: The setting that holds the key.
    key_setting: str
    #: The setting that holds the address, or None if it is fixed.
    address_setting: str | None

    def too_slow(self) -> Failed:
        return Failed(
            ModelTooSlow(f"the model {self.model} at {self.server} took too long: try again, or a smaller one")
        )

    def unreachable(self) -> Failed:
        hint = f"is it running, and is {self.address_setting} right?" if self.address_setting else "is the network up?"
        return Failed(
            ModelUnavailable(f"{self.server} cannot be reached for the model {self.model}: {hint}"), retryable=True
        )

    def garbled(self) -> Failed:
        hint = f"; {self.address_setting} usually ends in /v1" if self.address_setting else ""
        return Failed(
            ModelUnavailable(
                f"{self.server} answers for the model {self.model}, but not as a language model's interface does: "
                f"check the address{hint}"
            )
        )

    def filtered(self) -> Failed:
        return Failed(
            ReplyFiltered(
                f"the provider of {self.model} held its reply back (content filter): put it differently, "
                "or choose another model"
            )
        )

    def refused(self, error: object, *, with_form: bool = False) -> Failed:
        """What a status of 300 or more means, or an error told inside a stream."""
        codes, text = _codes(error), str(error).casefold()
        status = _status(error, codes)
        if _NO_CREDIT.search(f"{codes} {text}") and status in {400, 402, 403, 429}:
            return Failed(ModelBusy(f"{self.server} answers that the account has no credit left: see to its billing"))
        if status in {401, 403}:
            missing = f"check {self.key_setting}, and that it may use the model {self.model}"
            return Failed(ModelRefusesKey(f"{self.server} refuses the key ({status}): {missing}"))
        if status == 429:
            return self._busy(error)
        if status in {400, 413, 422} and (_TOO_LONG.search(f"{codes} {text}") or "context" in codes or status == 413):
            return Failed(
                PromptTooLong(
                    f"the conversation is longer than the model {self.model} can read: start a new one, lower "
                    "memory.max_context_tokens, or give the model a larger context"
                )
            )
        if status == 400 and _FILTERED.search(codes):
            return self.filtered()
        if status == 404 or (status == 400 and _NO_MODEL.search(f"{codes} {text}")):
            address = f", and {self.address_setting} (it usually ends in /v1)" if self.address_setting else ""
            return Failed(UnknownModel(f"{self.server} has no model {self.model}: check the model's name{address}"))
        message = f"{self.server} failed to answer for the model {self.model} (status {status}{_shown(codes)})"
        if status in _RETRYABLE:
            return Failed(ModelUnavailable(f"{message}: try again later"), retryable=True, after=_asked_to_wait(error))
        kind = FormatRefused if with_form and status in {400, 415, 422, 501} else Failed
        return kind(ModelUnavailable(f"{message}: it does not take this request; another model may"))

    def _busy(self, error: object) -> Failed:
        after = _asked_to_wait(error)
        when = "in a while" if after is None else f"in {_in_words(after)}"
        return Failed(
            ModelBusy(f"{self.server} takes no more requests for the moment (429): try again {when}"),
            retryable=True,
            after=after,
        )


def _status(error: object, codes: str) -> int:
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 300:
        return status
    for code in codes.split():
        if code in _STATUS_OF:
            return _STATUS_OF[code]
        if code.isdecimal() and 400 <= int(code) < 600:
            return int(code)
    return 500


def _codes(error: object) -> str:
    """The machine-readable names of what happened, from wherever the provider puts them."""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, Mapping) else None
    found: list[str] = []
    for source in (body, inner):
        if isinstance(source, Mapping):
            found.extend(str(source[key]) for key in ("code", "type") if source.get(key) is not None)
    # A code is one word; anything longer may be a sentence with somebody's words in it.
    return " ".join(code.casefold() for code in found if re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", code))


def _shown(codes: str) -> str:
    names = [code for code in dict.fromkeys(codes.split()) if not code.isdecimal() and code != "error"]
    return f", {names[0]}" if names else ""


def _asked_to_wait(error: object) -> float | None:
    """Seconds from Retry-After, which holds a number or a date."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{round(seconds / 3600)} hours"
