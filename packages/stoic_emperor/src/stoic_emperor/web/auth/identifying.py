"""From a request to the person it comes from: one way in, however they prove it."""

from __future__ import annotations

from fastapi import HTTPException, Request

from stoic_emperor.application import DEFAULT_USER
from stoic_emperor.web.auth import single_user
from stoic_emperor.web.auth.origin import SAFE_METHODS, any_site_could_send, begun_elsewhere, says_where
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.state import Hosted

ELSEWHERE = "this request was begun on another site, and nothing was done: open the page here and try again"


async def identify(request: Request, hosted: Hosted) -> Identity | None:
    """The person whom a request comes from; None if it does not say.

    Raises:
        HTTPException: 401, what it says is wrong; 403, it was begun elsewhere.
    """
    if "single" in hosted.configuration.ways_in:
        return _single(request, hosted)
    return None


def _single(request: Request, hosted: Hosted) -> Identity:
    if not single_user.sits_here(request):
        raise HTTPException(403, single_user.REFUSED)
    if request.method not in SAFE_METHODS and (
        begun_elsewhere(request) or (not says_where(request) and any_site_could_send(request))
    ):
        raise HTTPException(403, ELSEWHERE)
    return Identity(
        user_id=DEFAULT_USER,
        provider="single",
        adult=True,
        operator=True,
        csrf=hosted.sign("csrf", DEFAULT_USER),
    )
