"""Moods and themes over time: what the analyses of a person's turns noticed, week by week, counted and not judged."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stoic_emperor.infrastructure._rows import read_psych_update
from stoic_emperor.memory.words import may_be_remembered

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """One week in which something was analysed."""

    #: Its Monday, in UTC.
    week: dt.date
    #: Replies whose turn was analysed.
    replies: int
    #: What was felt and what it was about -> in how many turns.
    moods: Mapping[str, int]
    themes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Theme:
    """What came up, in all weeks together."""

    name: str
    count: int
    last_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Journey:
    """All of it: weeks in order, themes by how often they came up."""

    weeks: tuple[Week, ...] = ()
    themes: tuple[Theme, ...] = ()


def journey(person: Person) -> Journey:
    """What the analyses of this person's turns noticed, as far as they are still kept."""
    weeks: dict[dt.date, tuple[Counter[str], Counter[str]]] = {}
    replies: Counter[dt.date] = Counter()
    counts: Counter[str] = Counter()
    last: dict[str, dt.datetime] = {}
    with closing(person.walk("analyses")) as rows:
        for stored_at, stored in rows:
            update = read_psych_update(stored)
            if update is None:
                continue
            at = person.database.engine.datetime(stored_at)
            monday = at.date() - dt.timedelta(days=at.weekday())
            moods, themes = weeks.setdefault(monday, (Counter(), Counter()))
            replies[monday] += 1
            moods.update(_named([update.emotional_state]))
            found = _named(update.detected_patterns)
            themes.update(found)
            counts.update(found)
            last |= dict.fromkeys(found, at)
    return Journey(
        tuple(
            Week(week=monday, replies=replies[monday], moods=dict(moods), themes=dict(themes))
            for monday, (moods, themes) in sorted(weeks.items())
        ),
        tuple(
            Theme(name=name, count=count, last_at=last[name])
            for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ),
    )


def _named(words: list[str]) -> set[str]:
    """Each once, in one spelling, so that what is the same is counted together.

    Earlier programs asked their models for labels (``victim_mindset``): those are no more shown than new ones are kept.
    """
    spelled = (" ".join(text.replace("_", " ").split()).rstrip(".").casefold() for text in words)
    return {name for name in spelled if may_be_remembered(name)}
