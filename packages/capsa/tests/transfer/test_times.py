"""What spellings of a time are understood, and which are kept beside it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa import TransferError
from capsa.transfer import Clock, canonical_time
from capsa.transfer.times import EPOCH_NUMBER, UNREADABLE

UTC = Clock.of("UTC")
BASE = 1_767_700_800_000_000  # 2026-01-06 12:00 UTC


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_the_canonical_spelling_needs_no_place_of_its_own(moment: dt.datetime) -> None:
    reading = UTC.read(moment.isoformat())
    assert reading.spelling is None
    assert reading.remark is None
    assert canonical_time(reading.microseconds) == moment.isoformat()


@pytest.mark.parametrize(
    ("spelled", "microseconds"),
    [
        ("2026-01-06T12:00:00Z", BASE),
        ("2026-01-06T12:00:00.123Z", BASE + 123_000),
        ("2026-01-06 12:00:00+00:00", BASE),
        ("2026-01-06T13:00:00+01:00", BASE),
        ("2026-01-06T12:00:00.123456789+00:00", BASE + 123_456),
        ("2026-01-06T12:00:00.000000+00:00", BASE),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_other_spellings_are_read_and_kept(spelled: str, microseconds: int) -> None:
    reading = UTC.read(spelled)
    assert (reading.microseconds, reading.spelling, reading.remark) == (microseconds, spelled, None)


@pytest.mark.parametrize(
    ("spelled", "microseconds"),
    [
        ("1767700800", BASE),
        ("1767700800.5", BASE + 500_000),
        ("1767700800000", BASE),
        ("1767700800000000", BASE),
        ("1767700800000000000", BASE),
        ("-1", -1_000_000),
        ("0", 0),
    ],
)
def test_numbers_count_from_the_epoch_in_the_unit_of_their_size(spelled: str, microseconds: int) -> None:
    reading = UTC.read(spelled)
    assert (reading.microseconds, reading.spelling, reading.remark) == (microseconds, spelled, EPOCH_NUMBER)


@pytest.mark.parametrize(
    "spelled",
    ["", " ", "yesterday", "2026-13-45", "0000-00-00", "1e99", "99999999999999999999", "0001-01-01T00:00:00+14:00",
     "NaN", "infinity", "\udcff", "12:00"],
)  # fmt: skip
def test_what_cannot_be_read_is_kept_as_spelled(spelled: str) -> None:
    reading = UTC.read(spelled)
    assert (reading.microseconds, reading.spelling, reading.remark) == (0, spelled, UNREADABLE)


@given(st.text())
def test_nothing_that_anybody_wrote_stops_the_reader(spelled: str) -> None:
    reading = UTC.read(spelled)
    assert (reading.spelling if reading.spelling is not None else canonical_time(reading.microseconds)) == spelled


def test_a_time_without_zone_is_of_the_zone_that_was_named() -> None:
    reading = Clock.of("America/New_York").read("2026-01-06T07:00:00")
    assert reading.microseconds == BASE
    assert reading.spelling == "2026-01-06T07:00:00"
    assert reading.remark == "time without zone, read as America/New_York"


def test_a_zone_that_does_not_exist_is_said() -> None:
    with pytest.raises(TransferError, match="no time zone 'Mars/Olympus'"):
        Clock.of("Mars/Olympus")


def test_the_machine_has_a_zone_with_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    clock = Clock.of()
    assert clock.name == "Europe/Berlin"
    assert clock.read("2026-01-06T13:00:00").microseconds == BASE
