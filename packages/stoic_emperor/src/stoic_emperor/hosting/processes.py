"""Which processes serve this house, so that what a dead one left in its middle is told from what another still does.

Each has a row among what waits, held until a moment in the near future as work that is taken on: who dies, holds it no
longer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.models import new_id, now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

#: For how long a sign of life counts, and after how long the next is due.
LEASE, RENEWED = dt.timedelta(seconds=20), dt.timedelta(seconds=5)
#: When such a row is due as work.
_NEVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


class Processes:
    """This process among those of its house."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime] = now) -> None:
        """Nobody knows of it yet."""
        self._house = Bound(database, HOUSE)
        self._database = database
        self._now = clock
        self._id = new_id()
        self._begun = clock()
        self._seen: dt.datetime | None = None

    def live(self) -> None:
        """Give a sign of life, if one is due."""
        at = self._now()
        if self._seen is not None and at - self._seen < RENEWED:
            return
        with self._house.writing() as tx:
            self._house.run(tx, "end_processes", process="", at=at - LEASE)
            self._house.run(tx, "hold_process", process=self._id, since=self._begun, until=at + LEASE, never=_NEVER)
        self._seen = at

    def leave(self) -> None:
        """It ends."""
        self._house.write("end_processes", process=self._id, at=self._now() - LEASE)

    def others_since(self) -> dt.datetime | None:
        """Since when the oldest of the others lives; None if there are none."""
        since = self._house.read("oldest_other_process", process=self._id, at=self._now())[0][0]
        return None if since is None else self._database.engine.datetime(since)
