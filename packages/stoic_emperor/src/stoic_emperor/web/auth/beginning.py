"""Signing a browser in, once its person has proved who they are."""

from __future__ import annotations

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from stoic_emperor.hosting.accounts import Account
from stoic_emperor.hosting.sign_ins import Begun
from stoic_emperor.web.auth import cookies, csrf
from stoic_emperor.web.auth.onward import browser
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.state import Hosted


def identity_of(here: Hosted, account: Account, sign_in_id: str) -> Identity:
    """Whoever has this account, at the browser of this sign-in."""
    return Identity(
        user_id=account.user_id,
        provider=account.provider,
        adult=account.adult_at is not None,
        operator=here.is_operator(account.user_id, account.login),
        sign_in_id=sign_in_id,
        csrf=csrf.token(here, sign_in_id),
        login=account.login,
    )


async def begin(request: Request, here: Hosted, account: Account) -> Identity:
    """Sign the browser in, anew: what it brought before, others may have put there, and is no more."""
    begun = await run_in_threadpool(_replace, here, account, cookies.read(request), _browser(request))
    cookies.sign_in(request, account.user_id, begun.id, begun.secret)
    cookies.take(request, cookies.BEFORE_SIGN_IN)
    return identity_of(here, account, begun.id)


def _replace(here: Hosted, account: Account, before: cookies.Brought | None, name: str) -> Begun:
    begun = here.sign_ins.begin(account.user_id, name)
    if before is not None and here.sign_ins.recognise(before.user_id, before.sign_in_id, before.secret):
        here.sign_ins.end(before.user_id, before.sign_in_id)
    return begun


def _browser(request: Request) -> str:
    return browser(request.headers.get("user-agent", ""))
