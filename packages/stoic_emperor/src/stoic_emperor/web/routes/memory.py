"""What is remembered: to see, put right and erase."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, Field

from stoic_emperor.errors import NotFound
from stoic_emperor.hosting.usage import Usage
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.correcting import correct_insight
from stoic_emperor.memory.journey import journey
from stoic_emperor.memory.tokens import LETTERS_A_TOKEN
from stoic_emperor.memory.words import MAX_ASSERTION
from stoic_emperor.web.access import Adult
from stoic_emperor.web.identity import Identity
from stoic_emperor.web.routes.common import Here, Id, erasing, for_persons, person_of, troubles
from stoic_emperor.web.routes.shapes import (
    Accepted,
    InsightShape,
    MemoryShape,
    PortraitShape,
    ProfileShape,
    ReceiptShape,
    SummaryShape,
)
from stoic_emperor.web.state import Hosted

router = for_persons("memory")

NO_INSIGHT = "there is no such insight: GET /api/memory shows what is remembered"
NO_SUMMARY = "there is no such summary: GET /api/memory shows what is remembered"
NO_MODEL = "a portrait needs a language model, and none is configured here: whoever keeps this server can set one"
NO_MODEL_FOR_THE_PAST = (
    "this needs a language model, and none is configured here: whoever keeps this server can set one"
)
NOT_ALL = "{n} turns of the past wait to be read, as nobody asked for it or the model could not read them: ask again"
NOT_TODAY = "half of today's {most} replies are used, and the others are for talking: ask again from midnight (UTC) on"
NO_CONSENT = 'you have not allowed that what you write is analysed: PUT /api/user {"consent": true} allows it'


class Correction(BaseModel):
    """What is right, in the person's own words."""

    model_config = ConfigDict(extra="forbid")

    assertion: Annotated[str, Field(min_length=1, max_length=MAX_ASSERTION, pattern=r"\S")]


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisShape:
    """How far the analysis is."""

    #: Of what no summary stands for yet, an estimate.
    uncondensed_tokens: int
    condensation_threshold: int
    summary_count: int
    has_profile: bool
    #: Turns that wait to be analysed.
    waiting: int
    #: What is about to be done: "reflect", "portrait", "upload".
    tasks: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class PastShape:
    """How far the analysis of the past is, of what was said before one agreed to any."""

    #: "working", "waiting" for the next day, as what this one has for it is used up, or "done".
    state: Literal["working", "waiting", "done"]
    #: Turns of then that wait for nothing, and all.
    done: int
    total: int
    #: What became of it; None before.
    report: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekShape:
    """What one week was like."""

    #: Its Monday.
    week: dt.date
    replies: int
    #: Name -> in how many turns.
    moods: Mapping[str, int]
    themes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ThemeShape:
    """What came up, in all weeks together."""

    name: str
    count: int
    last_at: dt.datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class JourneyShape:
    """Moods and themes over time."""

    weeks: Sequence[WeekShape]
    themes: Sequence[ThemeShape]


@router.get("/memory")
def memory(identity: Adult, here: Here) -> MemoryShape:
    """Insights with what they were taken from, and summaries."""
    person = person_of(here, identity)
    sources = person.insight_sources()
    return MemoryShape(
        insights=[InsightShape.of(insight, sources.get(insight.id)) for insight in person.insights()],
        summaries=[SummaryShape.of(summary) for summary in person.active_summaries()],
    )


@router.patch("/insights/{insight_id}", responses=troubles(404))
def correct(insight_id: Id, correction: Correction, identity: Adult, here: Here) -> InsightShape:
    """Put an insight right."""
    person = person_of(here, identity)
    if person.insight(insight_id) is None:
        raise NotFound(NO_INSIGHT)
    corrected = correct_insight(person, here.application.recall(person.user_id), insight_id, correction.assertion)
    return InsightShape.of(corrected, person.insight_sources().get(insight_id))


@router.delete("/insights/{insight_id}", responses=troubles(404))
async def forget_insight(insight_id: Id, identity: Adult, here: Here, *, same: bool = False) -> ReceiptShape:
    """Forget an insight, or with ``same`` each that says the same; what it was taken from is not analysed again."""
    person = person_of(here, identity)
    if await asyncio.to_thread(person.insight, insight_id) is None:
        raise NotFound(NO_INSIGHT)
    forget = here.application.forgetting(person).insight
    return ReceiptShape.of(await erasing(here, forget, insight_id, and_same=same))


@router.delete("/summaries/{summary_id}", responses=troubles(404))
async def forget_summary(summary_id: Id, identity: Adult, here: Here) -> ReceiptShape:
    """Forget a summary and those that were made of it."""
    person = person_of(here, identity)
    if all(summary.id != summary_id for summary in await asyncio.to_thread(person.summaries)):
        raise NotFound(NO_SUMMARY)
    return ReceiptShape.of(await erasing(here, here.application.forgetting(person).summary, summary_id))


@router.get("/profile")
def profile(identity: Adult, here: Here) -> ProfileShape | None:
    """The newest portrait; null if there is none."""
    newest = next(iter(person_of(here, identity).profiles(1)), None)
    return None if newest is None else ProfileShape.of(newest)


@router.get("/profiles")
def profiles(identity: Adult, here: Here) -> list[PortraitShape]:
    """Every portrait, the newest first, with what its reviewers agreed with and doubted."""
    return [PortraitShape.of(portrait) for portrait in person_of(here, identity).profiles()]


@router.post("/profiles", status_code=202, responses=troubles(409))
def write_profile(identity: Adult, here: Here) -> Accepted:
    """Have a new portrait written, soon."""
    application = here.application
    model = application.model
    if model is None:
        raise HTTPException(409, NO_MODEL)
    person = person_of(here, identity)
    user = person.get()
    if user is None or user.consent_at is None:
        raise HTTPException(409, NO_CONSENT)
    here.talking.take(person, application.portraying(person, model).most_calls)
    Waiting(application.database).put(identity.user_id, "portrait")
    here.worker.wake()
    return Accepted()


@router.delete("/profiles")
async def forget_profiles(identity: Adult, here: Here) -> ReceiptShape:
    """Forget every portrait."""
    person = person_of(here, identity)
    return ReceiptShape.of(await erasing(here, here.application.forgetting(person).portraits))


@router.get("/analysis/status")
def analysis(identity: Adult, here: Here) -> AnalysisShape:
    """How far the analysis is."""
    person = person_of(here, identity)
    return AnalysisShape(
        uncondensed_tokens=round(person.read("uncondensed_length")[0][0] / LETTERS_A_TOKEN),
        condensation_threshold=here.configuration.settings.condensation.chunk_threshold_tokens,
        summary_count=len(person.active_summaries()),
        has_profile=bool(person.profiles(1)),
        waiting=person.totals().waiting,
        tasks=Waiting(here.application.database).of(identity.user_id),
    )


@router.get("/analysis/past")
def analysis_of_the_past(identity: Adult, here: Here) -> PastShape:
    """How far the analysis of what was said before one agreed to it is, if one asked for it."""
    total, done = past_turns(person_of(here, identity))
    if "past" in Waiting(here.application.database).of(identity.user_id):
        state: Literal["working", "waiting"] = "working" if _left_for_the_past(here, identity) else "waiting"
        return PastShape(state=state, done=done, total=total, report=None)
    failed = [{"why": NOT_ALL.format(n=total - done)}] if done < total else []
    return PastShape(state="done", done=done, total=total, report={"failed": failed})


@router.post("/analysis/past", status_code=202, responses=troubles(409))
def analyse_the_past(identity: Adult, here: Here) -> Accepted:
    """Have what was said before one agreed to its analysis analysed too, soon; a call of the model each turn.

    Each counts as a reply of the day. Where half of those are used, it goes on the next day.
    """
    if here.application.model is None:
        raise HTTPException(409, NO_MODEL_FOR_THE_PAST)
    person = person_of(here, identity)
    user = person.get()
    if user is None or not user.remembers:
        raise HTTPException(409, NO_CONSENT)
    if not _left_for_the_past(here, identity):
        most = here.configuration.settings.web.daily_replies
        headers = {"Retry-After": str(Usage(here.application.database).seconds_left())}
        raise HTTPException(429, NOT_TODAY.format(most=most), headers)
    Waiting(here.application.database).put(identity.user_id, "past")
    here.worker.wake()
    return Accepted()


def _left_for_the_past(here: Hosted, identity: Identity) -> int:
    most = here.configuration.settings.web.daily_replies
    return Usage(here.application.database).left_for_the_past(identity.user_id, most)


def past_turns(person: Person) -> tuple[int, int]:
    """Turns of before somebody agreed to their analysis, and how many of them wait for nothing."""
    user = person.get()
    if user is None or user.consent_at is None:
        return 0, 0
    total, done = person.read("past_turns", since=user.consent_at)[0]
    return int(total), int(done)


@router.get("/journey")
def over_time(identity: Adult, here: Here) -> JourneyShape:
    """Moods and themes, week by week."""
    found = journey(person_of(here, identity))
    return JourneyShape(
        weeks=[WeekShape(**dataclasses.asdict(week)) for week in found.weeks],
        themes=[ThemeShape(**dataclasses.asdict(theme)) for theme in found.themes],
    )
