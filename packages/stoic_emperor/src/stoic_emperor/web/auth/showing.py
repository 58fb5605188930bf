"""The pages before somebody is signed in, each with what went wrong on it; ``pages`` and the auth routes show them.

What they offer depends on the house, which may have to be looked up: call them in a thread.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from stoic_emperor.web.auth import csrf
from stoic_emperor.web.auth.onward import onward
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.pages.templating import page
from stoic_emperor.web.state import Hosted, hosted_of


def sign_in_page(
    request: Request, *, error: str | None = None, login: str = "", to: str | None = None, status: int = 200
) -> HTMLResponse:
    """Sign in: by a password, or by way of another service."""
    hosted = hosted_of(request)
    configuration = hosted.configuration
    local, by_mail = "local" in configuration.ways_in, by_mail_of(hosted)
    return page(
        request,
        "sign_in.html",
        None,
        status,
        csrf.before_sign_in(request),
        error=error,
        login=login,
        next=onward(to),
        password=local or by_mail,
        lost=local or by_mail,
        supabase="supabase" in configuration.ways_in,
        oauth=configuration.settings.auth.supabase_providers if "supabase" in configuration.ways_in else (),
        registration=hosted.may_register() or may_sign_up(hosted),
    )


def register_page(request: Request, *, error: str | None = None, login: str = "", status: int = 200) -> HTMLResponse:
    """Make an account: here, or at the project."""
    hosted = hosted_of(request)
    by_mail = may_sign_up(hosted)
    word = csrf.before_sign_in(request)
    may = by_mail or hosted.may_register()
    return page(request, "register.html", None, status, word, error=error, login=login, open=may, by_mail=by_mail)


def recover_page(request: Request, *, error: str | None = None, login: str = "", status: int = 200) -> HTMLResponse:
    """A new password, by a recovery code or by a link that is mailed."""
    hosted = hosted_of(request)
    word = csrf.before_sign_in(request)
    local, by_mail = "local" in hosted.configuration.ways_in, by_mail_of(hosted)
    return page(request, "recover.html", None, status, word, error=error, login=login, local=local, by_mail=by_mail)


def mailed_page(request: Request) -> HTMLResponse:
    """That a link is on its way, if anybody is to get one."""
    return page(request, "mailed.html")


def reset_page(request: Request, code: str, *, error: str | None = None, status: int = 200) -> HTMLResponse:
    """A new password, for whoever followed the link that was mailed."""
    return page(request, "reset.html", None, status, csrf.before_sign_in(request), error=error, code=code)


def codes_page(request: Request, identity: Identity, codes: list[str], to: str) -> HTMLResponse:
    """Recovery codes, shown this once; it goes on to ``to``."""
    return page(request, "codes.html", identity, codes=codes, next=to)


def lost_codes_page(
    request: Request, identity: Identity, *, error: str | None = None, status: int = 200
) -> HTMLResponse:
    """How many codes there are, that they are not shown again, and a way to new ones."""
    recovery = hosted_of(request).recovery
    made_at = recovery.made_at(identity.user_id)
    return page(
        request,
        "lost_codes.html",
        identity,
        status,
        error=error,
        left=recovery.left(identity.user_id),
        made_at="" if made_at is None else made_at.isoformat(),
    )


def by_mail_of(hosted: Hosted) -> bool:
    """Whether people sign in with a password of the project's."""
    auth = hosted.configuration.settings.auth
    return "supabase" in hosted.configuration.ways_in and auth.supabase_anon_key is not None


def may_sign_up(hosted: Hosted) -> bool:
    """Whether an account is made at the project, as far as it lets people: then it is the only kind there is."""
    configuration = hosted.configuration
    return (
        by_mail_of(hosted)
        and "local" not in configuration.ways_in
        and configuration.settings.auth.registration != "closed"
    )
