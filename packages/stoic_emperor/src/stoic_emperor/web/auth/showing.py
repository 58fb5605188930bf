"""The pages before somebody is signed in, each with what went wrong on it; ``pages`` and the auth routes show them."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from stoic_emperor.web.auth import csrf
from stoic_emperor.web.auth.onward import onward
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.pages.templating import page
from stoic_emperor.web.state import hosted_of


def sign_in_page(
    request: Request, *, error: str | None = None, login: str = "", to: str | None = None, status: int = 200
) -> HTMLResponse:
    """Sign in: by a password, or by way of another service."""
    configuration = hosted_of(request).configuration
    auth = configuration.settings.auth
    local, supabase = "local" in configuration.ways_in, "supabase" in configuration.ways_in
    return page(
        request,
        "sign_in.html",
        None,
        status,
        csrf.before_sign_in(request),
        error=error,
        login=login,
        next=onward(to),
        password=local or (supabase and auth.supabase_anon_key is not None),
        local=local,
        supabase=supabase,
        oauth=auth.supabase_providers if supabase else (),
        registration=local and configuration.registration != "closed",
    )


def register_page(request: Request, *, error: str | None = None, login: str = "", status: int = 200) -> HTMLResponse:
    """Make an account."""
    configuration = hosted_of(request).configuration
    may = "local" in configuration.ways_in and configuration.registration != "closed"
    word = csrf.before_sign_in(request)
    return page(request, "register.html", None, status, word, error=error, login=login, open=may)


def recover_page(request: Request, *, error: str | None = None, login: str = "", status: int = 200) -> HTMLResponse:
    """A new password, by a recovery code."""
    return page(request, "recover.html", None, status, csrf.before_sign_in(request), error=error, login=login)


def codes_page(request: Request, identity: Identity, codes: list[str], to: str) -> HTMLResponse:
    """Recovery codes, shown this once; it goes on to ``to``."""
    return page(request, "codes.html", identity, codes=codes, next=to)
