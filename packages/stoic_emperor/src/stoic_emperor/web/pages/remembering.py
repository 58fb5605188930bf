"""What is remembered of a person, for them to see, put right and erase."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.memory.doubles import together
from stoic_emperor.memory.journey import journey
from stoic_emperor.memory.reviews import reviews_of
from stoic_emperor.models import Profile
from stoic_emperor.web.access import Visitor
from stoic_emperor.web.pages.picture import pegs
from stoic_emperor.web.pages.templating import page
from stoic_emperor.web.routes.memory import past_turns
from stoic_emperor.web.state import Hosted, hosted

router = APIRouter()


@router.get("/journey")
def show(request: Request, identity: Visitor, hosted: Annotated[Hosted, Depends(hosted)]) -> Response:
    """Insights and where they are from, moods and themes over time, summaries, portraits."""
    person = hosted.application.database.person(identity.user_id)
    user = person.ensure()
    sources = person.insight_sources()
    weeks = journey(person).weeks
    totals = person.totals()
    total, done = past_turns(person)
    return page(
        request,
        "journey.html",
        identity,
        user=user,
        model=hosted.application.model is not None,
        something=totals.messages > 0,
        waiting=totals.waiting if user.remembers else 0,
        past=total - done if user.remembers else 0,
        past_is_read="past" in Waiting(hosted.application.database).of(identity.user_id),
        insights=[
            {**same[0].model_dump(), "source": sources.get(same[0].id), "times": len(same)}
            for same in together(person.insights())
        ],
        summaries=person.active_summaries(),
        portraits=[_portrait(portrait) for portrait in person.profiles()],
        weeks=weeks,
        moods=pegs([(week.week, week.moods) for week in weeks], "Moods, week by week"),
        themes=pegs([(week.week, week.themes) for week in weeks], "Themes, week by week"),
    )


def _portrait(portrait: Profile) -> dict[str, Any]:
    return {
        "version": portrait.version,
        "content": portrait.content,
        "created_at": portrait.created_at,
        **dataclasses.asdict(reviews_of(portrait)),
    }
