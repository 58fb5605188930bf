"""Signing in with a Supabase project, without its script: we ask its server, and the browser gets our cookie."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from stoic_emperor.errors import AuthServerUnavailable, NotRecognised, StoicError
from stoic_emperor.hosting.accounts import Account
from stoic_emperor.web.auth import cookies, showing
from stoic_emperor.web.auth.beginning import begin
from stoic_emperor.web.auth.onward import onward
from stoic_emperor.web.auth.origin import host_name
from stoic_emperor.web.auth.single_user import is_local_name
from stoic_emperor.web.state import Hosted, hosted

#: Below ``/auth``.
router = APIRouter(prefix="/supabase")

Here = Annotated[Hosted, Depends(hosted)]

#: Seconds for which one may be on the way to another service and back.
_ON_THE_WAY = 600

NO_SUPABASE = "no Supabase project is configured here: /api/config says how one signs in"
LOST = "signing in took too long, or was begun in another browser: try again"


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


@router.get("/start", status_code=303)
def start(request: Request, here: Here, provider: str, next: str | None = None) -> Response:
    """Send a browser to sign in with another service, by way of the project."""
    server = here.application.auth_server
    if server is None or provider not in here.configuration.settings.auth.supabase_providers:
        raise HTTPException(404, NO_SUPABASE if server is None else "one cannot sign in with this service here")
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    to = base64.urlsafe_b64encode(onward(next).encode()).decode()
    cookies.give(request, cookies.ON_THE_WAY, f"{verifier}.{to}", _ON_THE_WAY)
    return RedirectResponse(server.authorize_url(provider, _back(request), challenge), 303)


@router.get("/callback", status_code=303)
async def callback(request: Request, here: Here, code: str | None = None) -> Response:
    """Where a browser comes back to. Only the one that was sent off has what the code is worth something with."""
    server = here.application.auth_server
    if server is None:
        raise HTTPException(404, NO_SUPABASE)
    verifier, _, to = request.cookies.get(cookies.ON_THE_WAY, "").partition(".")
    cookies.take(request, cookies.ON_THE_WAY)
    if not code or not verifier or len(code) > 1_000:
        return showing.sign_in_page(request, error=LOST, status=401)
    try:
        token = await here.asking(server.exchange, code, verifier)
        account = await here.asking(account_of_token, here, token)
    except AuthServerUnavailable as error:
        return showing.sign_in_page(request, error=str(error), status=503)
    except StoicError:
        return showing.sign_in_page(request, error=LOST, status=401)
    await begin(request, here, account)
    return RedirectResponse(_decoded(to), 303)


def _back(request: Request) -> str:
    """Our own address, as the browser has it: encrypted, unless it is this very machine."""
    host = request.headers.get("host", "")
    name = host_name(host)
    if name is None:
        raise HTTPException(400, "this request names no host")
    return f"{'http' if is_local_name(name) else 'https'}://{host}/auth/supabase/callback"


def _decoded(to: str) -> str:
    try:
        return onward(base64.urlsafe_b64decode(to).decode())
    except ValueError:
        return "/"
