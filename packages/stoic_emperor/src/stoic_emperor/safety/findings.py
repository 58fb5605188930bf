"""What the detector says, and what may be counted of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Category(StrEnum):
    """What a message may be a sign of. These are occasions to offer help, not descriptions of a person."""

    SUICIDE = "suicide"
    SELF_HARM = "self_harm"
    HARM_TO_OTHERS = "harm_to_others"
    ABUSE = "abuse"
    EATING = "eating"
    SUBSTANCE = "substance"
    MEDICAL = "medical"
    PANIC = "panic"
    REALITY = "reality"
    RISK_TAKING = "risk_taking"
    #: the detector itself failed, so help is shown to be safe
    UNKNOWN = "unknown"


class Level(StrEnum):
    """How plainly it was said, which decides how loudly help is offered."""

    #: said outright, by somebody in it: help comes first, and the persona steps back
    EXPLICIT = "explicit"
    #: veiled, denied, long past, or about somebody else: help stands quietly beside the reply
    INDIRECT = "indirect"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sign in a message. It names the place, never the words, so it may be logged."""

    category: Category
    level: Level
    start: int
    end: int
    rule: str


@dataclass(frozen=True, slots=True)
class Referral:
    """That help was shown, once: all that a counter may keep. No person, no session, no time of day, no words."""

    category: Category
    level: Level
    day: date

    @classmethod
    def of(cls, finding: Finding, day: date) -> Referral:
        return cls(finding.category, finding.level, day)
