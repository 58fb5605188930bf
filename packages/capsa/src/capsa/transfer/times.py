"""Reading the times of files written by others.

A time is carried as microseconds since 1970-01-01 UTC. Its spelling is kept beside it unless it is
the canonical one, so that going back gives the same characters; what cannot be read at all is
carried by its spelling alone.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from capsa.errors import TransferError

UNREADABLE = "time unreadable, kept as spelled"
NAIVE = "time without zone, read as {zone}"
EPOCH_NUMBER = "time is an epoch number, kept as spelled"

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NAIVE_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - subtracted from what has no zone either
_MICROSECOND = dt.timedelta(microseconds=1)
_NUMBER = re.compile(r"[+-]?\d{1,19}(\.\d+)?(e[+-]?\d{1,2})?", re.IGNORECASE | re.ASCII)
#: Years 1 to 9999, which is what Python's datetime can show.
_FIRST = (dt.datetime.min.replace(tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
_LAST = (dt.datetime.max.replace(tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND


class Reading(NamedTuple):
    """A time that was read."""

    #: Since 1970-01-01 UTC; 0 if unreadable.
    microseconds: int
    #: None where `canonical` gives the same characters.
    spelling: str | None
    remark: str | None = None


def canonical(microseconds: int) -> str:
    """The spelling that need not be kept: ``datetime.isoformat()`` in UTC, e.g. 2026-01-06T12:00:00+00:00."""
    return (_EPOCH + dt.timedelta(microseconds=microseconds)).isoformat()


@dataclass(frozen=True)
class Clock:
    """Reads times; those without a zone are taken to be of ``zone``."""

    zone: dt.tzinfo
    #: What the user calls it, for the report.
    name: str

    @classmethod
    def of(cls, name: str | None = None) -> Clock:
        """The clock of an IANA zone, or of this machine.

        Raises:
            TransferError: there is no such zone.
        """
        if name is None:
            return _machine_clock()
        try:
            return cls(ZoneInfo(name), name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise TransferError(f"there is no time zone {name!r}: name one such as Europe/Berlin or UTC") from None

    @cached_property
    def _naive_remark(self) -> str:
        return NAIVE.format(zone=self.name)

    def read(self, spelling: str) -> Reading:
        """Read ISO 8601 with or without zone, or a number since the epoch (seconds to nanoseconds)."""
        try:
            return self._read_iso(spelling)
        except (ValueError, OverflowError):
            pass
        if _NUMBER.fullmatch(spelling.strip()):
            microseconds = _from_number(spelling.strip())
            if _FIRST <= microseconds <= _LAST:
                return Reading(microseconds, spelling, EPOCH_NUMBER)
        return Reading(0, spelling, UNREADABLE)

    def _read_iso(self, spelling: str) -> Reading:
        if spelling.endswith("+00:00"):
            # What nearly every time is, and cheap to tell.
            read = dt.datetime.fromisoformat(spelling)
            since = read - _EPOCH
            microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            return Reading(microseconds, None if read.isoformat() == spelling else spelling)
        plain = spelling.strip()
        # fromisoformat takes 20260106 for a date; eight digits are more likely one than seconds of 1970.
        if _NUMBER.fullmatch(plain) and not re.fullmatch(r"(19|20)\d{6}", plain):
            raise ValueError(spelling)
        read = dt.datetime.fromisoformat(spelling)
        remark = None
        offset = read.utcoffset()
        if offset is None:
            remark = self._naive_remark
            offset = read.replace(tzinfo=self.zone).utcoffset() or dt.timedelta()
        microseconds = (read.replace(tzinfo=None) - _NAIVE_EPOCH - offset) // _MICROSECOND
        if not _FIRST <= microseconds <= _LAST:
            raise OverflowError(spelling)
        same = canonical(microseconds) == spelling
        return Reading(microseconds, None if same else spelling, remark)


def _from_number(text: str) -> int:
    """Microseconds of an epoch number, by its size: seconds, milli-, micro- or nanoseconds."""
    value = float(text)
    size = abs(value)
    if size < 1e11:
        return round(value * 1e6)
    whole = int(value) if "." in text or "e" in text.lower() else int(text)
    if size < 1e14:
        return whole * 1000
    return whole if size < 1e17 else whole // 1000


class _LocalZone(dt.tzinfo):
    """This machine's zone where it has no IANA name: what the C library says."""

    def utcoffset(self, when: dt.datetime | None) -> dt.timedelta | None:
        if when is None:
            return None
        return when.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _when: dt.datetime | None) -> dt.timedelta | None:
        return None

    def tzname(self, _when: dt.datetime | None) -> str | None:
        return None


def _machine_clock() -> Clock:
    candidates = [os.environ.get("TZ", "").lstrip(":")]
    with contextlib.suppress(OSError):
        candidates.append(str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2])
    for candidate in candidates:
        try:
            if candidate:
                return Clock(ZoneInfo(candidate), candidate)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    offset = dt.datetime.now().astimezone().strftime("%z")
    return Clock(_LocalZone(), f"this machine's zone (now UTC{offset})" if offset != "+0000" else "UTC")
