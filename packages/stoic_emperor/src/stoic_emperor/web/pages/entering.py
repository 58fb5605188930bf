"""The pages before one is in: signing in and up, a lost password, and what is said and asked the first time.

Their forms work without JavaScript; those of /auth show these pages again when something was wrong.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field

from stoic_emperor.models import now
from stoic_emperor.safety.disclosure import AI_NOTICE, PURPOSE_NOTICE
from stoic_emperor.text import plain_line
from stoic_emperor.web.access import Anyone, Newcomer
from stoic_emperor.web.auth import forms
from stoic_emperor.web.auth.onward import onward
from stoic_emperor.web.auth.showing import lost_codes_page, recover_page, register_page, sign_in_page
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.pages.contacts import choices, known_country
from stoic_emperor.web.pages.templating import page
from stoic_emperor.web.state import Hosted, hosted

router = APIRouter()

NOT_ADULT = "Stoic Emperor is for adults: say that you are 18 or older and accept the terms, or leave this page."


@router.get("/sign-in")
def sign_in(request: Request, identity: Anyone, next: str = "") -> Response:
    """Sign in; who is in already goes on."""
    if identity is not None:
        return RedirectResponse(onward(next), 303)
    return sign_in_page(request, to=next)


@router.get("/login")
def login() -> Response:
    """The predecessor's address."""
    return RedirectResponse("/sign-in", 308)


@router.get("/register")
def register(request: Request, identity: Anyone) -> Response:
    """Make an account."""
    return RedirectResponse("/", 303) if identity is not None else register_page(request)


@router.get("/recover")
def recover(request: Request, identity: Anyone) -> Response:
    """A lost password; where nobody has one, there is nothing to recover."""
    single = identity is not None and identity.provider == "single"
    return RedirectResponse("/", 303) if single else recover_page(request)


@router.get("/recovery-codes")
def recovery_codes(request: Request, identity: Newcomer) -> Response:
    """That codes are shown once, and new ones."""
    if identity.provider != "local" or identity.login is None:
        return RedirectResponse("/", 303)
    return lost_codes_page(request, identity)


class Welcomed(forms.Fields):
    """What somebody says the first time."""

    name: str = Field(default="", max_length=100)
    country: str = Field(default="", max_length=2)
    adult: str = ""
    consent: str = ""
    next: str = ""


@router.get("/welcome")
def welcome(request: Request, identity: Newcomer, next: str = "") -> Response:
    """What this is; who has been here goes on."""
    if identity.adult:
        return RedirectResponse(onward(next), 303)
    return _welcome_page(request, identity, Welcomed(next=next))


@router.post("/welcome")
async def welcomed(request: Request, identity: Newcomer, hosted: Annotated[Hosted, Depends(hosted)]) -> Response:
    """Keep what they said; without being of age nobody comes in."""
    said = await forms.read(request, Welcomed)
    if not said.adult:
        return _welcome_page(request, identity, said, error=NOT_ADULT, status=422)
    await asyncio.to_thread(_keep, hosted, identity, said)
    return RedirectResponse(onward(said.next), 303)


def _keep(hosted: Hosted, identity: Identity, said: Welcomed) -> None:
    person = hosted.application.database.person(identity.user_id)
    user = person.ensure()
    person.change(
        name=plain_line(said.name) or user.name,
        country=known_country(said.country) or user.country,
        asked_at=now(),
        # Asked, and not ticked: that is a no.
        consent_at=(user.consent_at or now()) if said.consent else None,
    )
    # Last: whoever is let in has been asked everything.
    hosted.accounts.confirm_adult(identity.user_id, identity.provider)


def _welcome_page(
    request: Request, identity: Identity, said: Welcomed, *, error: str = "", status: int = 200
) -> HTMLResponse:
    return page(
        request,
        "welcome.html",
        identity,
        status=status,
        error=error,
        name=said.name,
        country=said.country,
        country_choices=choices(said.country),
        next=onward(said.next),
        notice=AI_NOTICE,
        purpose=PURPOSE_NOTICE,
    )
