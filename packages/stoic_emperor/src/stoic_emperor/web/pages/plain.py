"""Pages that need nobody: help, the terms, how it works."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

import capsa
from stoic_emperor.safety import resources_for
from stoic_emperor.web.access import anyone
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.pages.contacts import choices, reviewed
from stoic_emperor.web.pages.templating import page
from stoic_emperor.web.state import Hosted, hosted

router = APIRouter()

#: As in docs/safety.md, which says more; a test compares them.
FIGURES = (
    ("the rules were written against these", "199 of 199", "148 of 148", "0 of 161"),
    ("held out, never used to change a rule", "60 of 63", "27 of 44", "0 of 64"),
    ("written last, as people might write, measured before anybody looked", "10 of 20", "5 of 20", "2 of 32"),
)

_OF_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


async def somebody(request: Request) -> Identity | None:
    """The person if they are known; whatever is wrong with what their browser brings, these pages are shown."""
    try:
        return await anyone(request)
    except (HTTPException, capsa.CapsaError):
        return None


Somebody = Annotated[Identity | None, Depends(somebody)]


@router.get("/help")
def help_now(
    request: Request,
    identity: Somebody,
    hosted: Annotated[Hosted, Depends(hosted)],
    country: str | None = None,
) -> Response:
    """People who can help; shown whatever else is broken."""
    chosen = (country if country is not None else _country(hosted, identity) or "").strip().upper()[:2]
    card = resources_for(chosen)
    return page(request, "help.html", identity, card=card, country=card.country, country_choices=choices(card.country))


def _country(hosted: Hosted, identity: Identity | None) -> str | None:
    if identity is None:
        return None
    try:
        user = hosted.application.database.person(identity.user_id).get()
    except capsa.CapsaError:
        return None
    return None if user is None else user.country


@router.get("/terms")
def terms(request: Request, identity: Somebody, hosted: Annotated[Hosted, Depends(hosted)]) -> Response:
    """What this is and is not, and what is kept."""
    return page(request, "terms.html", identity, model_host=_model_host(hosted))


@router.get("/how-it-works")
def how(request: Request, identity: Somebody) -> Response:
    """The protocol, for everybody to read."""
    return page(request, "how.html", identity, figures=FIGURES, reviewed=reviewed())


@router.get("/analysis")
def analysis() -> Response:
    """The predecessor's address."""
    return RedirectResponse("/journey", 308)


@router.get("/openapi.json")
def description() -> Response:
    """Where programs look for the API's description first."""
    return RedirectResponse("/api/openapi.json", 308)


def _model_host(hosted: Hosted) -> str | None:
    """Where what people write is sent: a host, "here" for this machine, or None for nowhere."""
    models = hosted.configuration.settings.models
    if not models.main:
        return None
    if models.base_url:
        host = urlsplit(models.base_url).hostname or models.base_url
        return "here" if host in _OF_THIS_MACHINE else host
    return "of Anthropic" if models.main.startswith("claude") else "of OpenAI"
