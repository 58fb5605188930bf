"""Times as the predecessor's versions wrote them.

| what is there | what it means |
|---|---|
| ``2026-01-27T10:00:00.123456``, ``2026-01-27T10:00:00`` | written by the program until 6d96917: naive, local |
| ``2026-01-27 10:00:00.123456``, always 26 characters | written by the program since 897c2b3: naive, local |
| ``2026-01-27 10:00:00``, 19 characters with a blank | never written by the program: SQLite's CURRENT_TIMESTAMP, UTC |
| with an offset, numbers, anything else | another program; see `capsa.transfer.Clock` |
"""

from __future__ import annotations

from dataclasses import dataclass

from capsa import transfer

BY_THE_DATABASE = "time written by SQLite itself, read as UTC"
MISSING = "time missing"


@dataclass(frozen=True, slots=True)
class Times:
    """Reads the times of one column."""

    clock: transfer.Clock
    #: Whether SQLite fills the column itself where the program gave nothing.
    by_database: bool = False

    def read(self, value: transfer.SqliteValue) -> transfer.Reading:
        """Read what is in a time column; the spelling is None only where there is none to keep."""
        if value is None:
            return transfer.Reading(0, None, MISSING)
        spelled = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
        if self.by_database and len(spelled) == 19 and spelled[10] == " ":
            reading = self.clock.read(spelled + "+00:00")
            if reading.remark is None:
                return transfer.Reading(reading.microseconds, spelled, BY_THE_DATABASE)
        return self.clock.read(spelled)
