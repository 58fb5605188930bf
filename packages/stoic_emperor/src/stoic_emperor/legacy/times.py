"""Times as the predecessor's versions wrote them.

| what is there | what it means |
|---|---|
| ``2026-01-27T10:00:00.123456``, ``2026-01-27T10:00:00`` | written by the program until 6d96917: naive, local |
| ``2026-01-27 10:00:00.123456``, always 26 characters | written by the program since 897c2b3: naive, local |
| ``2026-01-27 10:00:00``, 19 characters with a blank | never written by the program: SQLite's CURRENT_TIMESTAMP, UTC |
| with an offset, numbers, anything else | another program; see `capsa.transfer.Clock` |
"""

from __future__ import annotations

import datetime as dt
from functools import cached_property

from capsa import transfer

BY_THE_DATABASE = "time written by SQLite itself, read as UTC"
MISSING = "time missing"

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
#: By their length alone: with microseconds and without.
_LENGTHS = (26, 19)


class Times:
    """Reads the times of one column."""

    def __init__(self, clock: transfer.Clock, *, by_database: bool = False) -> None:
        """Prepare.

        Args:
            by_database: whether SQLite fills the column itself where the program gave nothing.
        """
        self._clock = clock
        self._by_database = by_database

    @cached_property
    def _naive(self) -> str | None:
        return self._clock.read("2026-01-01T00:00:00").remark

    def read(self, value: transfer.SqliteValue) -> transfer.Reading:
        """Read what is in a time column; the spelling is None only where there is none to keep."""
        if value is None:
            return transfer.Reading(0, None, MISSING)
        spelled = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
        if len(spelled) in _LENGTHS and (reading := self._as_written(spelled)) is not None:
            return reading
        return self._clock.read(spelled)

    def _as_written(self, spelled: str) -> transfer.Reading | None:
        """What the program and SQLite write, which is nearly all there is, without looking for anything else."""
        between = spelled[10]
        if between not in "T ":
            return None
        try:
            when = dt.datetime.fromisoformat(spelled)
            if when.tzinfo is not None:
                return None
            by_database = self._by_database and between == " " and len(spelled) == 19
            since = when.replace(tzinfo=dt.UTC if by_database else self._clock.zone) - _EPOCH
        except (ValueError, OverflowError):
            return None
        if not 0 <= since.days < 1_000_000:
            return None
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        return transfer.Reading(microseconds, spelled, BY_THE_DATABASE if by_database else self._naive)
