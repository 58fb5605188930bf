"""How often a file is edited, as a word and as a rank: by the numbers of AfterImage 0.3 to 0.8."""

from __future__ import annotations

import datetime as dt
import enum

DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(days=7)
MONTH = dt.timedelta(days=30)

#: Edits in 30 days up to which a file is Gold, Silver, Bronze; above that it is Red.
_GOLD, _SILVER, BRONZE = 2, 10, 20
#: Edits in 24 hours from which a file is Red whatever the month was like, and from which a function is noticed.
RED_IN_A_DAY = 5
REPETITIVE = 3
#: What a day that is busier than the month's average adds, and how much busier it can count at most.
_HASTE, _MOST_HASTE = 0.5, 10.0


class ChurnTier(enum.StrEnum):
    """How much a file changes."""

    GOLD = "gold"
    SILVER = "silver"
    BRONZE = "bronze"
    RED = "red"

    @property
    def meaning(self) -> str:
        """What it takes to be of this tier."""
        return {
            ChurnTier.GOLD: f"at most {_GOLD} edits in 30 days",
            ChurnTier.SILVER: f"{_GOLD + 1} to {_SILVER} edits in 30 days",
            ChurnTier.BRONZE: f"{_SILVER + 1} to {BRONZE} edits in 30 days",
            ChurnTier.RED: f"more than {BRONZE} edits in 30 days, or {RED_IN_A_DAY} and more in 24 hours",
        }[self]


_WEIGHTS = {ChurnTier.GOLD: 0.1, ChurnTier.SILVER: 0.5, ChurnTier.BRONZE: 1.0, ChurnTier.RED: 1.5}


def tier_of(*, day: int, month: int) -> ChurnTier:
    """The tier of a file with so many edits in 24 hours and in 30 days."""
    if month > BRONZE or day >= RED_IN_A_DAY:
        return ChurnTier.RED
    if month > _SILVER:
        return ChurnTier.BRONZE
    return ChurnTier.SILVER if month > _GOLD else ChurnTier.GOLD


def hotspot_score(*, day: int, month: int) -> float:
    """What hotspots are ranked by: the month's edits, more if the last day was busier than its average."""
    if month <= 0:
        return 0.0
    haste = min(day / (month / 30), _MOST_HASTE)
    return month * (1 + _HASTE * haste) * _WEIGHTS[tier_of(day=day, month=month)]
