"""Signing in with a Supabase project, without its script: we ask its server, and the browser gets our cookie."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import Field

from stoic_emperor.errors import AuthServerUnavailable, NotRecognised, StoicError, Unacceptable
from stoic_emperor.hosting.accounts import Account
from stoic_emperor.hosting.auth_server import AuthServer
from stoic_emperor.web.auth import cookies, csrf, forms, showing
from stoic_emperor.web.auth.answering import onward_with, refused
from stoic_emperor.web.auth.beginning import begin
from stoic_emperor.web.auth.onward import onward
from stoic_emperor.web.auth.origin import host_name
from stoic_emperor.web.auth.passwords import check_password
from stoic_emperor.web.auth.single_user import is_local_name
from stoic_emperor.web.routes.common import troubles
from stoic_emperor.web.state import Hosted, hosted

#: Below ``/auth``.
router = APIRouter(prefix="/supabase")

Here = Annotated[Hosted, Depends(hosted)]

#: Seconds for which one may be on the way to another service and back; and to one's mail.
_ON_THE_WAY, _IN_THE_MAIL = 600, 3600

_LONGEST_CODE = 1_000

NO_SUPABASE = "no Supabase project is configured here: /api/config says how one signs in"
LOST = "signing in took too long, or was begun in another browser: try again"
LOST_MAIL = "this link is too old, was used, or was asked for in another browser: ask for a new one in this browser"
USED_UP = "and the link is used up: ask for another one"


def recognise_there(here: Hosted, email: str, password: str) -> Account:
    """The account of whoever the project knows by this address and password.

    Raises:
        NotRecognised: it knows nobody.
        AuthServerUnavailable: it cannot be asked.
    """
    server = here.application.auth_server
    if server is None:
        raise NotRecognised(NO_SUPABASE)
    return account_of_token(here, server.sign_in(email, password))


def account_of_token(here: Hosted, token: str) -> Account:
    """The account of whoever a token stands for, made if it is their first time here.

    Raises:
        TokenRefused: it is not to be believed, whoever gave it.
        AuthServerUnavailable: it cannot be told.
    """
    if here.verifier is None:
        raise NotRecognised(NO_SUPABASE)
    return here.accounts.ensure(here.verifier.verify(token).user_id, "supabase")


def sign_up_there(here: Hosted, email: str, password: str, back_to: str, challenge: str) -> Account | None:
    """The account of whoever just became known to the project; None if they have to follow a link first.

    Raises:
        RegistrationClosed: it takes nobody.
        Unacceptable: not this address or password.
        AuthServerUnavailable: it cannot be asked.
    """
    token = _server(here).sign_up(email, password, back_to, challenge)
    return None if token is None else account_of_token(here, token)


@router.get("/start", status_code=303, responses=troubles(400, 404))
def start(request: Request, here: Here, provider: str, next: str | None = None) -> Response:
    """Send a browser to sign in with another service, by way of the project."""
    server = here.application.auth_server
    if server is None or provider not in here.configuration.settings.auth.supabase_providers:
        raise HTTPException(404, NO_SUPABASE if server is None else "one cannot sign in with this service here")
    challenge = set_off(request, next, _ON_THE_WAY)
    return RedirectResponse(server.authorize_url(provider, back(request, "callback"), challenge), 303)


@router.get("/callback", status_code=303, responses=troubles(401, 404, 503))
async def callback(request: Request, here: Here, code: str | None = None) -> Response:
    """Where a browser comes back to. Only the one that was sent off has what the code is worth something with."""
    server = _server(here)
    verifier, _, to = request.cookies.get(cookies.ON_THE_WAY, "").partition(".")
    cookies.take(request, cookies.ON_THE_WAY)
    if not code or not verifier or len(code) > _LONGEST_CODE:
        return await run_in_threadpool(showing.sign_in_page, request, error=LOST, status=401)
    try:
        token = await here.asking(server.exchange, code, verifier)
        account = await here.asking(account_of_token, here, token)
    except AuthServerUnavailable as error:
        return await run_in_threadpool(showing.sign_in_page, request, error=str(error), status=503)
    except StoicError:
        return await run_in_threadpool(showing.sign_in_page, request, error=LOST, status=401)
    await begin(request, here, account)
    return RedirectResponse(_decoded(to), 303)


class Forgotten(forms.Fields):
    """Of asking for a link."""

    login: Annotated[str, Field(min_length=3, max_length=320)]


class Reset(forms.Fields):
    """Of following it."""

    code: Annotated[str, Field(min_length=1, max_length=_LONGEST_CODE)]
    password: Annotated[str, Field(max_length=2_000)]


@router.post(
    "/forgotten",
    status_code=202,
    responses=troubles(400, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra=forms.openapi(Forgotten),
)
async def forgotten(request: Request, here: Here) -> Response:
    """Have the project mail a link that lets one choose a new password, in this browser."""
    await csrf.check_before_sign_in(request)
    server = _server(here)
    asked = await forms.read(request, Forgotten)
    here.count_try(request)
    challenge = set_off(request, None, _IN_THE_MAIL)
    try:
        await here.asking(server.mail_reset, asked.login.strip(), back(request, "reset"), challenge)
    except StoicError as error:
        return await refused(request, error, showing.recover_page, login=asked.login)
    return mailed(request)


@router.get("/reset", responses=troubles(401, 404))
async def reset(request: Request, here: Here, code: str | None = None) -> Response:
    """Where the link leads."""
    _server(here)
    if not code or len(code) > _LONGEST_CODE or cookies.ON_THE_WAY not in request.cookies:
        return await run_in_threadpool(showing.recover_page, request, error=LOST_MAIL, status=401)
    return showing.reset_page(request, code)


@router.post(
    "/reset", responses=troubles(400, 401, 403, 404, 413, 415, 422, 429, 503), openapi_extra=forms.openapi(Reset)
)
async def choose(request: Request, here: Here) -> Response:
    """Choose the new password. Every browser is signed out, and this one in."""
    await csrf.check_before_sign_in(request)
    server = _server(here)
    asked = await forms.read(request, Reset)
    here.count_try(request)
    try:
        check_password(asked.password, "")
    except Unacceptable as error:
        return await refused(request, error, showing.reset_page, code=asked.code)
    verifier = request.cookies.get(cookies.ON_THE_WAY, "").partition(".")[0]
    cookies.take(request, cookies.ON_THE_WAY)
    try:
        token = await here.asking(server.exchange, asked.code, verifier)
        account = await here.asking(account_of_token, here, token)
        await here.asking(server.set_password, token, asked.password)
    except Unacceptable as error:
        return await refused(request, Unacceptable(f"{error}; {USED_UP}"), showing.recover_page)
    except AuthServerUnavailable as error:
        return await refused(request, error, showing.recover_page)
    except StoicError:
        return await refused(request, NotRecognised(LOST_MAIL), showing.recover_page)
    await run_in_threadpool(here.sign_ins.end_all, account.user_id)
    await begin(request, here, account)
    return onward_with(request, "/", {"id": account.user_id})


def mailed(request: Request) -> Response:
    """That a link is on its way."""
    if forms.is_form(request):
        return showing.mailed_page(request)
    return JSONResponse({"mailed": True}, 202)


def set_off(request: Request, to: str | None, seconds: int = _IN_THE_MAIL) -> str:
    """Give the browser what a code will be worth something with, and nowhere else; the challenge that goes along."""
    verifier = secrets.token_urlsafe(48)
    encoded = base64.urlsafe_b64encode(onward(to).encode()).decode()
    cookies.give(request, cookies.ON_THE_WAY, f"{verifier}.{encoded}", seconds)
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def back(request: Request, page: str) -> str:
    """An address of ours, as the browser has it: encrypted, unless it is this very machine."""
    host = request.headers.get("host", "")
    name = host_name(host)
    if name is None:
        raise HTTPException(400, "this request names no host")
    return f"{'http' if is_local_name(name) else 'https'}://{host}/auth/supabase/{page}"


def _server(here: Hosted) -> AuthServer:
    server = here.application.auth_server
    if server is None:
        raise HTTPException(404, NO_SUPABASE)
    return server


def _decoded(to: str) -> str:
    try:
        return onward(base64.urlsafe_b64decode(to).decode())
    except ValueError:
        return "/"
