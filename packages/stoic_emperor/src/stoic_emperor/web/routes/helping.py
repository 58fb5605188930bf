"""Help, for everybody: nobody has to sign in to find somebody to turn to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from stoic_emperor.safety import resources_for
from stoic_emperor.web.cards import card_html
from stoic_emperor.web.routes.common import troubles

router = APIRouter(prefix="/api", tags=["help"], responses=troubles(422, 429))


@dataclass(frozen=True, kw_only=True, slots=True)
class LineShape:
    """A helpline; what is empty is not known."""

    name: str
    phone: str = ""
    text: str = ""
    chat: str = ""
    url: str = ""
    hours: str = ""
    languages: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HelpShape:
    """Whom to turn to, now."""

    country: str
    country_name: str
    emergency: str
    lines: Sequence[LineShape]
    elsewhere: str
    reviewed: dt.date | None
    html: str


@router.get("/help")
def help_now(country: Annotated[str | None, Query(max_length=100)] = None) -> HelpShape:
    """Whom to turn to, by the code of a country; international contacts where that is not known."""
    card = resources_for(country)
    lines = [
        LineShape(
            name=line.name,
            phone=line.phone,
            text=line.text,
            chat=line.chat,
            url=line.url,
            hours=line.hours,
            languages=line.languages,
        )
        for line in card.lines
    ]
    return HelpShape(
        country=card.country,
        country_name=card.country_name,
        emergency=card.emergency,
        lines=lines,
        elsewhere=card.elsewhere,
        reviewed=card.reviewed,
        html=str(card_html(card)),
    )
