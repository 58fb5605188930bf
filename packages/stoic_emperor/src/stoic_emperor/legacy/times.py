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
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from capsa import transfer

BY_THE_DATABASE = "time written by SQLite itself, read as UTC"
MISSING = "time missing"

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NAIVE_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - added to what has no zone either
#: By their length alone: with microseconds and without.
_LENGTHS = (26, 19)
_WITHOUT_MICROSECONDS = b".000000"
#: In place of what is spelled otherwise.
_NOT_SO = bytes(26)
_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 22, 23, 24, 25]
#: How many of the digits make year, month, day, hour, minute, second, microsecond.
_WIDTHS = (4, 2, 2, 2, 2, 2, 6)
_MARKS = {4: b"-", 7: b"-", 13: b":", 16: b":", 19: b"."}
_HOUR = 3_600_000_000
_LAST_MICROSECOND = dt.timedelta(hours=1, microseconds=-1)
_MICROSECOND = dt.timedelta(microseconds=1)
#: What `Times` remembers of a zone, hour by hour.
_HOURS_KEPT = 20_000


def _weights() -> npt.NDArray[np.float32]:
    weights = np.zeros((len(_DIGITS), len(_WIDTHS)), np.float32)
    row = 0
    for column, width in enumerate(_WIDTHS):
        for place in reversed(range(width)):
            weights[row, column] = 10**place
            row += 1
    return weights


_WEIGHTS = _weights()


class Times:
    """Reads the times of one column."""

    def __init__(self, clock: transfer.Clock, *, by_database: bool = False) -> None:
        """Prepare.

        Args:
            by_database: whether SQLite fills the column itself where the program gave nothing.
        """
        self._clock = clock
        self._by_database = by_database
        #: Hours since 1970 by the wall clock -> the offset in microseconds; None where it changes within.
        self._offsets: dict[int, int | None] = {}

    @cached_property
    def naive(self) -> str | None:
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
        return transfer.Reading(microseconds, spelled, BY_THE_DATABASE if by_database else self.naive)

    # Many at once

    def read_all(self, values: Sequence[transfer.SqliteValue]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Read a whole column.

        Returns:
            Microseconds, and which of them are to be used: what the program writes, read in `naive` time and with its
            spelling to be kept. `read` is for the rest.
        """
        grid = np.frombuffer(b"".join(self._of_one_length(values)), np.uint8).reshape(-1, 26)
        digits = grid[:, _DIGITS] - np.uint8(ord("0"))
        plain = (digits <= 9).all(axis=1) & ((grid[:, 10] == ord("T")) | (grid[:, 10] == ord(" ")))
        for place, mark in _MARKS.items():
            plain &= grid[:, place] == ord(mark)
        # Exact, as no number has more than six digits, and quicker than whole numbers are multiplied.
        numbers = (digits.astype(np.float32) @ _WEIGHTS).astype(np.int64)
        year, month, day, hour, minute, second, microsecond = numbers.T
        # Up to a year that is far enough, and below the one where `_as_written` stops.
        plain &= (year >= 1970) & (year < 4700) & (month >= 1) & (month <= 12)
        months = np.where(plain, (year - 1970) * 12 + month - 1, 0)
        first_day, next_first = (m.astype("M8[M]").astype("M8[D]").astype(np.int64) for m in (months, months + 1))
        plain &= (day >= 1) & (day <= next_first - first_day) & (hour < 24) & (minute < 60) & (second < 60)
        hours = np.where(plain, (first_day + day - 1) * 24 + hour, 0)
        different, places = np.unique(hours, return_inverse=True)
        offsets = [self._offset(number) for number in different.tolist()]
        constant = np.array([offset is not None for offset in offsets], np.bool_)
        shift = np.array([offset or 0 for offset in offsets], np.int64)
        since = hours * _HOUR + (minute * 60 + second) * 1_000_000 + microsecond - shift[places]
        plain &= constant[places] & (since >= 0)
        return since, plain

    def _of_one_length(self, values: Sequence[transfer.SqliteValue]) -> Sequence[bytes]:
        if set(map(type, values)) == {bytes} and set(map(len, values)) == {26}:  # type: ignore[arg-type]
            return values  # type: ignore[return-value]
        return [v if v.__class__ is bytes and len(v) == 26 else self._filled(v) for v in values]

    def _filled(self, value: transfer.SqliteValue) -> bytes:
        if value.__class__ is not bytes or len(value) != 19 or (self._by_database and value[10:11] == b" "):
            return _NOT_SO
        return value + _WITHOUT_MICROSECONDS

    def _offset(self, hour: int) -> int | None:
        """The zone's offset in an hour by the wall clock; no zone changes it twice within one."""
        if hour not in self._offsets:
            if len(self._offsets) >= _HOURS_KEPT:
                self._offsets.clear()
            wall = _NAIVE_EPOCH + dt.timedelta(hours=hour)
            ends = [when.replace(tzinfo=self._clock.zone).utcoffset() for when in (wall, wall + _LAST_MICROSECOND)]
            offset = ends[0] if ends[0] == ends[1] else None
            self._offsets[hour] = None if offset is None else offset // _MICROSECOND
        return self._offsets[hour]
