"""What a person used today of what is limited: replies that a model was asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.models import now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database


class Usage:
    """Counts by day, in UTC, in the database: several processes count together."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime] = now) -> None:
        """Nothing is read yet."""
        self._database = database
        self._now = clock

    def today(self, user_id: str) -> int:
        """How many replies a person has had today."""
        rows = Bound(self._database, user_id).read("replies_of_day", day=self._day())
        return int(rows[0][0]) if rows else 0

    def take(self, user_id: str, most: int, n: int = 1, *, tx: capsa.Transaction | None = None) -> bool:
        """Count ``n`` replies more; False, and nothing counted, if that were more than ``most`` today.

        Args:
            tx: a transaction of this person to take part in.
        """
        if n > most:
            return False
        mine = Bound(self._database, user_id)
        with mine.writing(tx) as own:
            taken = mine.run(own, "take_replies", day=self._day(), n=n, most=most)
            if taken and taken[0][0] == n:
                # The first of the day: what was used on others is nobody's concern any more.
                mine.run(own, "forget_old_usage", day=self._day())
        return bool(taken)

    def left_for_the_past(self, user_id: str, most: int) -> int:
        """How many calls reading their past may still take today: half of a day's, the others are for talking."""
        return max(0, (most + 1) // 2 - self.today(user_id))

    def seconds_left(self) -> int:
        """Until counting begins anew."""
        at = self._now().astimezone(dt.UTC)
        tomorrow = dt.datetime.combine(at.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
        return int((tomorrow - at).total_seconds()) + 1

    def _day(self) -> str:
        return self._now().astimezone(dt.UTC).date().isoformat()
