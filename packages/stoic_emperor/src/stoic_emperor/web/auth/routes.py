"""Signing up, in and out. Each route takes a page's form, and answers with a page, or a program's JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import Field

from stoic_emperor.errors import NotRecognised, RegistrationClosed, StoicError, Unacceptable
from stoic_emperor.hosting.accounts import NOT_YOURS, Account
from stoic_emperor.hosting.logins import check_login
from stoic_emperor.web.access import Caller
from stoic_emperor.web.auth import cookies, csrf, forms, showing, supabase
from stoic_emperor.web.auth.answering import onward_with, refused
from stoic_emperor.web.auth.beginning import begin
from stoic_emperor.web.auth.onward import onward
from stoic_emperor.web.auth.passwords import check_password
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.routes.common import troubles
from stoic_emperor.web.state import Hosted, hosted

Here = Annotated[Hosted, Depends(hosted)]


def accounts_are_here(here: Here) -> None:
    """Refuse where nobody signs in.

    Raises:
        HTTPException: 404.
    """
    if "single" in here.configuration.ways_in:
        raise HTTPException(404, NOBODY_SIGNS_IN)


router = APIRouter(
    prefix="/auth", tags=["auth"], dependencies=[Depends(accounts_are_here)], responses=troubles(404, 422, 429)
)
router.include_router(supabase.router)

Password = Annotated[str, Field(max_length=2_000)]
Login = Annotated[str, Field(max_length=1_000)]

NO_ACCOUNTS = "there are no accounts of our own here: /api/config says how one signs in"
NOBODY_SIGNS_IN = "nobody signs in here: this server answers only the person at its own machine"
SIGNED_OUT = {"Clear-Site-Data": '"cache", "storage"'}
KEPT_FOR_THE_KEEPER = (
    "this name is kept for whoever keeps this server, who makes its account there, with `stoic users add`: "
    "choose another"
)

#: What can go wrong with a form, and with who sends it.
_FORM = troubles(400, 403, 413, 415, 422, 503)


class SignIn(forms.Fields):
    """Of signing in."""

    login: Login
    password: Password
    next: str | None = None


class Register(forms.Fields):
    """Of making an account."""

    login: Login
    password: Password
    #: How they want to be called.
    name: Annotated[str, Field(max_length=100)] | None = None
    next: str | None = None


class Recover(forms.Fields):
    """Of coming back in without the password."""

    login: Login
    #: One of the eight that were shown.
    code: Annotated[str, Field(max_length=200)]
    #: The new one.
    password: Password
    next: str | None = None


class ChangePassword(forms.Fields):
    """Of changing the password."""

    password: Password
    new_password: Password


class Proof(forms.Fields):
    """Of proving once more who one is."""

    password: Password


class Renew(Proof):
    """Of having new recovery codes made."""

    #: When those were made that the page knew of: sent again, it makes none.
    made_at: Annotated[str, Field(max_length=40)] | None = None


@router.post("/sign-in", responses=_FORM | troubles(401), openapi_extra=forms.openapi(SignIn))
async def sign_in(request: Request, here: Here) -> Response:
    """Sign a browser in by login and password."""
    await csrf.check_before_sign_in(request)
    asked = await forms.read(request, SignIn)
    here.count_try(request)
    try:
        account = await _recognise(here, asked)
    except StoicError as error:
        return await refused(request, error, showing.sign_in_page, login=asked.login, to=asked.next)
    await begin(request, here, account)
    return onward_with(request, onward(asked.next), {"id": account.user_id})


@router.post(
    "/register",
    status_code=201,
    responses=_FORM | troubles(409) | {202: {"description": "The project mails a link first."}},
    openapi_extra=forms.openapi(Register),
)
async def register(request: Request, here: Here) -> Response:
    """Make an account, and sign the browser in. The answer shows the recovery codes, once."""
    if await _was_just_shown(request, here):
        return RedirectResponse("/recovery-codes", 303)
    await csrf.check_before_sign_in(request)
    asked = await forms.read(request, Register)
    here.count_try(request)
    try:
        if showing.may_sign_up(here):
            return await _sign_up(request, here, asked)
        account = await here.with_passwords(_register, here, asked)
    except StoicError as error:
        return await refused(request, error, showing.register_page, login=asked.login)
    identity = await begin(request, here, account)
    codes = await run_in_threadpool(here.recovery.renew, account.user_id)
    if forms.is_form(request):
        return showing.codes_page(request, identity, codes, onward(asked.next))
    return JSONResponse({"id": account.user_id, "login": account.login, "codes": codes}, 201)


@router.post("/recover", responses=_FORM | troubles(401), openapi_extra=forms.openapi(Recover))
async def recover(request: Request, here: Here) -> Response:
    """Choose a new password by a recovery code. Every browser is signed out, and this one in."""
    await csrf.check_before_sign_in(request)
    asked = await forms.read(request, Recover)
    here.count_try(request)
    try:
        account = await here.with_passwords(_recover, here, asked)
    except StoicError as error:
        return await refused(request, error, showing.recover_page, login=asked.login)
    await begin(request, here, account)
    return onward_with(request, onward(asked.next), {"id": account.user_id})


@router.post("/sign-out", status_code=204, responses=troubles(401, 403, 503))
async def sign_out(request: Request, who: Caller, here: Here) -> Response:
    """Sign this browser out."""
    if who.sign_in_id is not None:
        await run_in_threadpool(here.sign_ins.end, who.user_id, who.sign_in_id)
        cookies.take(request, cookies.SIGN_IN)
    if forms.is_form(request):
        return RedirectResponse("/sign-in", 303, SIGNED_OUT)
    return Response(status_code=204, headers=SIGNED_OUT)


@router.post("/password", status_code=204, responses=_FORM | troubles(401), openapi_extra=forms.openapi(ChangePassword))
async def change_password(request: Request, who: Caller, here: Here) -> Response:
    """Choose another password. Every other browser is signed out."""
    asked = await forms.read(request, ChangePassword)
    account = await prove(request, here, who, asked.password)
    try:
        check_password(asked.new_password, account.login or "")
    except Unacceptable as error:
        raise HTTPException(422, str(error)) from None
    await here.with_passwords(here.accounts.set_password, account.user_id, asked.new_password)
    await run_in_threadpool(here.sign_ins.end_all, account.user_id)
    await begin(request, here, account)
    return Response(status_code=204)


@router.post("/recovery-codes", responses=_FORM | troubles(401), openapi_extra=forms.openapi(Renew))
async def recovery_codes(request: Request, who: Caller, here: Here) -> Response:
    """Eight new recovery codes, shown once; those before are void."""
    asked = await forms.read(request, Renew)
    try:
        account = await prove(request, here, who, asked.password)
    except HTTPException as error:
        if error.status_code != 403 or not forms.is_form(request):
            raise
        return await run_in_threadpool(showing.lost_codes_page, request, who, error=error.detail, status=403)
    if asked.made_at is not None and not await run_in_threadpool(_is_still, here, who.user_id, asked.made_at):
        # The page was sent twice, by reloading it: what it made the first time stays good.
        return RedirectResponse("/recovery-codes", 303)
    codes = await run_in_threadpool(here.recovery.renew, account.user_id)
    return showing.codes_page(request, who, codes, "/") if forms.is_form(request) else JSONResponse({"codes": codes})


@router.get("/sign-ins", responses=troubles(401, 503))
def sign_ins(who: Caller, here: Here) -> list[dict[str, Any]]:
    """Where this person is signed in, the latest first."""
    return [
        {
            "id": one.id,
            "browser": one.browser,
            "created_at": one.created_at.isoformat(),
            "seen_at": one.seen_at.isoformat(),
            "current": one.id == who.sign_in_id,
        }
        for one in here.sign_ins.all(who.user_id)
    ]


@router.delete("/sign-ins", status_code=204, responses=troubles(401, 403, 503))
def end_other_sign_ins(who: Caller, here: Here) -> Response:
    """Sign every other browser of this person out; asked with a token, every one."""
    here.sign_ins.end_all(who.user_id, who.sign_in_id)
    return Response(status_code=204)


@router.delete("/sign-ins/{sign_in_id}", status_code=204, responses=troubles(401, 403, 503))
def end_sign_in(sign_in_id: str, who: Caller, here: Here) -> Response:
    """Sign one browser of this person out."""
    if not here.sign_ins.end(who.user_id, sign_in_id):
        raise HTTPException(404, "there is no such sign-in of yours: GET /auth/sign-ins lists them")
    return Response(status_code=204)


async def prove(request: Request, here: Hosted, who: Identity, password: str) -> Account:
    """Have somebody who is signed in prove it once more, before what others at their browser must not do.

    Raises:
        HTTPException: 403, the password is not theirs; 404, they have none here; 429, too many tries.
    """
    if who.login is None or who.provider != "local":
        raise HTTPException(404, NO_ACCOUNTS)
    here.count_try(request)
    try:
        account = await here.with_passwords(here.accounts.recognise, who.login, password)
    except NotRecognised:
        raise HTTPException(403, NOT_YOURS) from None
    if account.user_id != who.user_id:
        raise HTTPException(403, NOT_YOURS)
    return account


# Steps. Those that look at passwords run in threads of their own


async def _recognise(here: Hosted, asked: SignIn) -> Account:
    if await run_in_threadpool(_is_known_elsewhere, here, asked.login):
        return await here.asking(supabase.recognise_there, here, asked.login, asked.password)
    return await here.with_passwords(here.accounts.recognise, asked.login, asked.password)


def _is_known_elsewhere(here: Hosted, login: str) -> bool:
    ways = here.configuration.ways_in
    if "local" not in ways:
        return True
    return "supabase" in ways and "@" in login and here.accounts.user_of(login) is None


def _register(here: Hosted, asked: Register) -> Account:
    registration = here.configuration.registration
    if "local" not in here.configuration.ways_in or registration == "closed":
        raise RegistrationClosed("nobody can make an account here by themselves: ask whoever keeps this server for one")
    check_login(asked.login)
    if here.is_operator("", asked.login):
        # Else whoever comes first keeps the house.
        raise RegistrationClosed(KEPT_FOR_THE_KEEPER)
    check_password(asked.password, asked.login)
    return here.accounts.register(asked.login, asked.password, name=asked.name, only_first=registration == "first")


async def _sign_up(request: Request, here: Hosted, asked: Register) -> Response:
    """Make an account at the project, which may want to see its link followed first."""
    check_password(asked.password, asked.login)
    challenge = supabase.set_off(request, asked.next)
    address, to = asked.login.strip(), supabase.back(request, "callback")
    account = await here.asking(supabase.sign_up_there, here, address, asked.password, to, challenge)
    if account is None:
        return supabase.mailed(request)
    await begin(request, here, account)
    return onward_with(request, onward(asked.next), {"id": account.user_id})


async def _was_just_shown(request: Request, here: Hosted) -> bool:
    """Whether a form is sent again by reloading the page that it led to: its browser is signed in since."""
    brought = cookies.read(request) if forms.is_form(request) else None
    if brought is None:
        return False
    return bool(await run_in_threadpool(here.recovery.left, brought.user_id)) and bool(
        await run_in_threadpool(here.sign_ins.recognise, brought.user_id, brought.sign_in_id, brought.secret)
    )


def _is_still(here: Hosted, user_id: str, made_at: str) -> bool:
    """Whether the recovery codes are those that were made then."""
    now = here.recovery.made_at(user_id)
    return made_at == ("" if now is None else now.isoformat())


def _recover(here: Hosted, asked: Recover) -> Account:
    check_password(asked.password, asked.login)
    user_id = here.accounts.user_of(asked.login) if "local" in here.configuration.ways_in else None
    # The slow part comes before the code is looked at, so that how long it takes tells nothing.
    password_hash = here.hasher.hash(asked.password)
    account = here.accounts.account(user_id) if user_id else None
    if account is None or not here.recovery.use(account.user_id, asked.code):
        raise NotRecognised("this name and recovery code do not belong together, or the code was used: check both")
    here.accounts.set_hash(account.user_id, password_hash)
    here.accounts.unlock(asked.login)
    here.sign_ins.end_all(account.user_id)
    return account
