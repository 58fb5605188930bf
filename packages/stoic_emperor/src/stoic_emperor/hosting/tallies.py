"""How much happened, by day: nothing about anybody. For whoever keeps the house."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.models import now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something happened on one day."""

    #: ISO, in UTC.
    day: str
    what: str
    count: int


class Tallies:
    """The counts of one house."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime] = now) -> None:
        """Nothing is read yet."""
        self._house = Bound(database, HOUSE)
        self._now = clock

    def count(self, what: str, n: int = 1, *, tx: capsa.Transaction | None = None) -> None:
        """Count something that happened now, ``n`` times; in a transaction of the house, if one is given."""
        with self._house.writing(tx) as own:
            self._house.run(own, "tally", day=self._day(0), what=what, n=n)

    def last(self, days: int = 30) -> list[Tally]:
        """The counts of the last days, the newest first."""
        return [Tally(*row) for row in self._house.read("tallies", since=self._day(days))]

    def _day(self, ago: int) -> str:
        return (self._now().astimezone(dt.UTC).date() - dt.timedelta(days=ago)).isoformat()
