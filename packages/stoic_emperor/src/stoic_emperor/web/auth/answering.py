"""How the routes of signing in answer: a page's form with the next page, a program's JSON with JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse

from stoic_emperor.errors import LoginTaken, NotRecognised, RegistrationClosed, StoicError, Unacceptable
from stoic_emperor.web.auth import forms

log = logging.getLogger(__name__)

#: Error -> status; what is told is the error's own sentence.
_STATUS: dict[type[StoicError], int] = {
    NotRecognised: 401,
    RegistrationClosed: 403,
    LoginTaken: 409,
    Unacceptable: 422,
}


def onward_with(request: Request, to: str, answer: dict[str, Any]) -> Response:
    """It is done: go on there."""
    if forms.is_form(request):
        return RedirectResponse(to, 303)
    return JSONResponse({**answer, "next": to})


async def refused(request: Request, error: StoicError, show: Callable[..., Response], **kept: Any) -> Response:
    """It was not done: the page again, with the reason on it."""
    status = _STATUS.get(type(error), 503)
    log.info("%s was refused: %s", request.url.path, type(error).__name__)
    if forms.is_form(request):
        return await run_in_threadpool(show, request, error=str(error), status=status, **kept)
    return JSONResponse({"detail": str(error)}, status)
