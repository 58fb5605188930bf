"""What goes wrong becomes ``{"detail": …}``, or a page: one sentence, without anything that somebody wrote."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import capsa
from stoic_emperor.errors import NotFound, StoicError
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.safety import ResourceCard
from stoic_emperor.web.cards import card_html
from stoic_emperor.web.pages.errors import error_page, is_for_a_page
from stoic_emperor.web.state import hosted_of
from stoic_emperor.web.wording import OUR_FAULT, of_database

log = logging.getLogger(__name__)

#: How the addresses end at which something is said.
TALKING = ("/chat", "/chat/stream", "/edit")
TOO_LARGE = 413
#: Seconds to wait for what was said, and for where the person is.
_PATIENCE = 1.0


def add_handlers(app: FastAPI) -> None:
    """Have every error answered."""
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, misunderstood)
    app.add_exception_handler(StoicError, told)
    app.add_exception_handler(capsa.DatabaseUnavailable, database_down)


class AnswerFaults:
    """Middleware: answers for our defects. The framework's own hands them on to the server's log, words and all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the person gets an answer and the log its place
            request = Request(scope)
            answer = await our_fault(request, error)
            if begun:
                # It cannot be taken back; the server sees that it is not whole, and closes the connection.
                return
            await answer(scope, receive, send)


async def refused(request: Request, error: Exception) -> Response:
    """An answer that a route decided on, or that there is no such route."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it was registered for
    if error.status_code < 400 or error.status_code in {204, 304}:
        return Response(status_code=error.status_code, headers=error.headers)
    if error.status_code == 404 and (page := _without_slash(request)) is not None:
        return Response(status_code=308, headers={"Location": page})
    help_ = None if error.status_code == TOO_LARGE else await _help(request)
    return _answer(request, error.status_code, error.detail, error.headers, help_)


async def misunderstood(request: Request, error: Exception) -> Response:
    """A request that is not what the route takes: which field, and why, but not what stood in it."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it was registered for
    faults = [
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or 'body'}: {fault['msg']}" for fault in error.errors()
    ]
    return _answer(request, 422, f"this was not understood: {'; '.join(faults)}")


async def told(request: Request, error: Exception) -> Response:
    """Our own errors say what happened and what to do."""
    return _answer(request, 404 if isinstance(error, NotFound) else 503, str(error), help_=await _help(request))


async def database_down(request: Request, error: Exception) -> Response:
    """The database is away, or full; its own words are for the log."""
    assert isinstance(error, capsa.DatabaseUnavailable)  # noqa: S101 - what it was registered for
    log.error("the database cannot be used: %s", error)
    return _answer(request, 503, of_database(error), {"Retry-After": "30"}, await _help(request))


async def our_fault(request: Request, error: Exception) -> Response:
    """A defect of ours. What it says may hold what somebody wrote, so the log gets its kind and place only."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "unknown"
    log.error("%s at %s while answering %s %s", type(error).__name__, where, request.method, _route(request))
    return _answer(request, 500, OUR_FAULT)


async def _help(request: Request) -> ResourceCard | None:
    """The contacts, if what could not be taken shows that somebody may be in danger."""
    if request.method != "POST" or not request.url.path.endswith(TALKING):
        return None
    try:
        # Mostly it was read before; of what was refused before that, nobody waits for the rest.
        async with asyncio.timeout(_PATIENCE):
            said = (await request.json())["message"]
    except (ValueError, TypeError, KeyError, RuntimeError, TimeoutError, HTTPException, ClientDisconnect):
        return None
    if not isinstance(said, str):
        return None
    application = hosted_of(request).application
    desk = await asyncio.to_thread(lambda: application.desk)
    verdict = desk.before(said)
    return None if verdict.card is None else desk.card(await _country(request, application.database))


async def _country(request: Request, database: Database) -> str | None:
    """Where the person is, if they said so; the database may be what is away."""
    who: str | None = getattr(request.state, "who", None)
    if who is None:
        return None
    try:
        async with asyncio.timeout(_PATIENCE):
            return await asyncio.to_thread(database.person(who).country)
    except TimeoutError:
        return database.countries.of(who).country


def _answer(
    request: Request,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    help_: ResourceCard | None = None,
) -> Response:
    if is_for_a_page(request):
        return error_page(request, status, detail, headers)
    told = {"detail": detail}
    if help_ is not None:
        # First in the one line that every program shows, and once more for who can show links.
        told = {"detail": f"{help_.as_text()}\n\n{detail}", "reason": detail, "help": card_html(help_)}
    return JSONResponse(told, status, headers)


def _without_slash(request: Request) -> str | None:
    """The page that was meant by an address with a slash at its end: a path alone, whatever host the request names."""
    path: str = request.scope["path"]
    if request.method not in {"GET", "HEAD"} or not path.endswith("/") or not (named := path.strip("/")):
        return None
    return f"/{quote(named)}" + (f"?{request.url.query}" if request.url.query else "")


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", "an unknown path"))
