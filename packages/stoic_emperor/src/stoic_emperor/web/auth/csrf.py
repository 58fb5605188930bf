"""Requests that another site makes a browser send: its cookie comes along, so it is not enough.

What changes something has to bring a word that pages of ours hold and other sites cannot read, and must not have been
begun elsewhere. Before somebody signs in there is nobody's word to hold, so a cookie of its own stands for the browser:
else others could sign people in as themselves, and read what those then write.
"""

from __future__ import annotations

import hmac
import secrets

from fastapi import HTTPException, Request

from stoic_emperor.web.auth import cookies
from stoic_emperor.web.auth.forms import fields, is_form, is_json
from stoic_emperor.web.auth.origin import begun_elsewhere
from stoic_emperor.web.state import Hosted, hosted_of

HEADER = "x-csrf-token"
FIELD = "csrf"

ELSEWHERE = "this request was begun on another site, and nothing was done: open the page here and try again"
UNTOLD = (
    "this request does not say where it was begun, and any site could have a browser send such a one, so nothing was "
    "done: from a program, send it with Content-Type: application/json, also without a body"
)
STALE = "this page is too old, or its cookies were refused, and nothing was done: reload it and try again"
NO_COOKIE = (
    "your browser did not keep this page's cookie, and nothing was done: allow cookies, and see that the address "
    "begins with https:// (or is http://localhost)"
)


def token(hosted: Hosted, of: str) -> str:
    """The word of a sign-in, or of whoever has no sign-in."""
    return hosted.sign("csrf", of)


def before_sign_in(request: Request) -> str:
    """The word for forms on pages that nobody need be signed in for; the browser gets its cookie with the page."""
    brought = _before(request)
    if brought is None:
        brought = secrets.token_urlsafe(24)
        cookies.give(request, cookies.BEFORE_SIGN_IN, brought)
    return token(hosted_of(request), f"before {brought}")


async def check(request: Request, expected: str) -> None:
    """Refuse a request that changes something and does not bring the word.

    Raises:
        HTTPException: 403.
    """
    if begun_elsewhere(request):
        raise HTTPException(403, ELSEWHERE)
    if not _same(await _brought(request), expected):
        raise HTTPException(403, STALE)


async def check_before_sign_in(request: Request) -> None:
    """The same where nobody need be signed in. A program's JSON needs no word: no other site can send it.

    Raises:
        HTTPException: 403.
    """
    if begun_elsewhere(request):
        raise HTTPException(403, ELSEWHERE)
    if is_json(request):
        return
    brought, hosted = await _brought(request), hosted_of(request)
    before, signed_in = _before(request), cookies.read(request)
    if before is None and signed_in is None:
        raise HTTPException(403, NO_COOKIE)
    words = [token(hosted, f"before {before}")] if before is not None else []
    words += [token(hosted, signed_in.sign_in_id)] if signed_in is not None else []
    if not any(_same(brought, word) for word in words):
        raise HTTPException(403, STALE)


def _before(request: Request) -> str | None:
    found = request.cookies.get(cookies.BEFORE_SIGN_IN)
    return found if found and len(found) <= 100 else None


async def _brought(request: Request) -> str | None:
    if (found := request.headers.get(HEADER)) is not None:
        return found
    found = (await fields(request)).get(FIELD) if is_form(request) else None
    return found if isinstance(found, str) else None


def _same(brought: str | None, expected: str) -> bool:
    return brought is not None and hmac.compare_digest(brought.encode("utf-8", "replace"), expected.encode())
