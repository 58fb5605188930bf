"""What goes wrong becomes ``{"detail": …}``: one sentence, without anything that somebody wrote."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

import capsa
from stoic_emperor.errors import NotFound, StoicError

log = logging.getLogger(__name__)

DATABASE_DOWN = "the memory cannot be reached at the moment: nothing was changed, try again in a minute"
OUR_FAULT = (
    "something went wrong here, and was noted: try again, and if it happens again, tell whoever keeps this server"
)


def add_handlers(app: FastAPI) -> None:
    """Have every error answered."""
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, misunderstood)
    app.add_exception_handler(StoicError, told)
    app.add_exception_handler(capsa.DatabaseUnavailable, database_down)
    app.add_exception_handler(Exception, our_fault)


async def refused(_: Request, error: Exception) -> Response:
    """An answer that a route decided on, or that there is no such route."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it was registered for
    if error.status_code < 400 or error.status_code in {204, 304}:
        return Response(status_code=error.status_code, headers=error.headers)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def misunderstood(_: Request, error: Exception) -> Response:
    """A request that is not what the route takes: which field, and why, but not what stood in it."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it was registered for
    faults = [
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or 'body'}: {fault['msg']}" for fault in error.errors()
    ]
    return JSONResponse({"detail": f"this was not understood: {'; '.join(faults)}"}, 422)


async def told(_: Request, error: Exception) -> Response:
    """Our own errors say what happened and what to do."""
    return JSONResponse({"detail": str(error)}, 404 if isinstance(error, NotFound) else 503)


async def database_down(_: Request, error: Exception) -> Response:
    """The database is away; its own words name hosts and people, and are for the log."""
    log.error("the database cannot be reached: %s", error)
    return JSONResponse({"detail": DATABASE_DOWN}, 503, {"Retry-After": "30"})


async def our_fault(request: Request, error: Exception) -> Response:
    """A defect of ours. What it says may hold what somebody wrote, so the log gets its kind and place only."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "unknown"
    log.error("%s at %s while answering %s %s", type(error).__name__, where, request.method, _route(request))
    return JSONResponse({"detail": OUR_FAULT}, 500)


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", "an unknown path"))
