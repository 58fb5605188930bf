"""From a request to the person it comes from: one way in, however they prove it."""

from __future__ import annotations

import logging

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from stoic_emperor.application import DEFAULT_USER
from stoic_emperor.errors import AuthServerUnavailable
from stoic_emperor.hosting.accounts import Account
from stoic_emperor.web.auth import cookies, csrf, single_user
from stoic_emperor.web.auth.bearer import NOT_BELIEVED, Bearer, TokenRefused, TooManyRefused, Verifier
from stoic_emperor.web.auth.beginning import identity_of
from stoic_emperor.web.auth.origin import SAFE_METHODS, any_site_could_send, begun_elsewhere, says_where
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.limits import network, too_many
from stoic_emperor.web.state import Hosted

log = logging.getLogger(__name__)

NO_TOKENS = "bearer tokens are those of a Supabase project, and none is configured here: sign in at /sign-in"
_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


async def identify(request: Request, hosted: Hosted) -> Identity | None:
    """The person whom a request comes from; None if it does not say.

    A token goes before a cookie, which is then not looked at: a request is never two people's.

    Raises:
        HTTPException: 401, what it says is wrong; 403, it was begun elsewhere; 429, too many tokens of its address
            were refused; 503, it cannot be told.
    """
    if "single" in hosted.configuration.ways_in:
        return await _single(request, hosted)
    # Other schemes are not ours: a proxy may ask for a password of its own before it lets anybody through.
    given = [header.partition(" ") for header in request.headers.getlist("authorization")]
    if any(scheme.lower() == "bearer" for scheme, _, _ in given):
        return await _by_token(request, hosted, [token.strip(" ") for _, _, token in given])
    return await _by_cookie(request, hosted)


async def _single(request: Request, hosted: Hosted) -> Identity:
    if not single_user.sits_here(request):
        raise HTTPException(403, single_user.REFUSED)
    # There is no cookie to steal, but other sites could have the browser ask.
    if request.method not in SAFE_METHODS:
        if begun_elsewhere(request):
            raise HTTPException(403, csrf.ELSEWHERE)
        if not says_where(request) and any_site_could_send(request):
            raise HTTPException(403, csrf.UNTOLD)
    account = await run_in_threadpool(hosted.accounts.account, DEFAULT_USER)
    return Identity(
        user_id=DEFAULT_USER,
        provider="single",
        adult=account is not None and account.adult_at is not None,
        operator=True,
        csrf=csrf.token(hosted, DEFAULT_USER),
    )


async def _by_token(request: Request, hosted: Hosted, tokens: list[str]) -> Identity:
    verifier = hosted.verifier
    if verifier is None:
        raise HTTPException(401, NO_TOKENS, _CHALLENGE)
    if len(tokens) != 1:
        raise HTTPException(401, "send one Authorization header: Bearer and the token", _CHALLENGE)
    try:
        address = network(request.client.host if request.client else "")
        bearer, account = await run_in_threadpool(_believe, hosted, verifier, tokens[0], address)
    except TokenRefused as refused:
        raise HTTPException(401, str(refused), _CHALLENGE) from None
    except TooManyRefused as many:
        detail, headers = too_many(many.seconds)
        raise HTTPException(429, detail, headers) from None
    except AuthServerUnavailable as unavailable:
        raise HTTPException(503, str(unavailable), {"Retry-After": "30"}) from None
    return Identity(
        user_id=bearer.user_id,
        provider="supabase",
        adult=account is not None and account.adult_at is not None,
        # An address in a token need not have been confirmed, so it is the id that counts.
        operator=hosted.is_operator(bearer.user_id, None),
        login=bearer.email,
    )


def _believe(hosted: Hosted, verifier: Verifier, token: str, address: str) -> tuple[Bearer, Account | None]:
    bearer = verifier.verify(token, address)
    account = hosted.accounts.account(bearer.user_id)
    if account is not None and account.provider != "supabase":
        log.warning("a token was refused: it names an account that the project does not vouch for")
        raise TokenRefused(NOT_BELIEVED)
    return bearer, account


async def _by_cookie(request: Request, hosted: Hosted) -> Identity | None:
    brought = cookies.read(request)
    if brought is None:
        return None
    found = await run_in_threadpool(hosted.sign_ins.recognise, brought.user_id, brought.sign_in_id, brought.secret)
    if found is None or found.account.provider not in hosted.configuration.ways_in:
        cookies.take(request, cookies.SIGN_IN)
        return None
    if request.method not in SAFE_METHODS:
        await csrf.check(request, csrf.token(hosted, found.id))
    if found.secret is not None:
        cookies.sign_in(request, found.account.user_id, found.id, found.secret)
    return identity_of(hosted, found.account, found.id)
