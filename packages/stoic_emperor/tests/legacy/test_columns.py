"""Old rows come out the same whether they are converted one by one or many at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from capsa import transfer
from stoic_emperor.legacy.columns import ColumnConverter
from stoic_emperor.legacy.condensed import Condensed, OldSummary
from stoic_emperor.legacy.layouts import LAYOUTS, MESSAGES, USERS, Layout
from stoic_emperor.legacy.rows import Converter
from stoic_emperor.legacy.times import Times

#: Summer time by half an hour, an offset of 44:30 minutes until 1972, and a winter of 1970 in summer time.
ZONES = ("Europe/Berlin", "Australia/Lord_Howe", "Africa/Monrovia", "Europe/London", "America/St_Johns", "UTC")

WRITTEN = st.datetimes(dt.datetime(1969, 12, 31), dt.datetime(2199, 1, 1)).map(  # noqa: DTZ001 - as it was written
    lambda when: when.isoformat().encode()
)
#: Where zones change.
CHANGES = st.sampled_from(
    [
        b"2026-03-29T01:30:00.000001", b"2026-03-29T02:00:00", b"2026-03-29T02:30:00.5", b"2026-10-25T02:30:00.123456",
        b"2026-10-25 02:59:59.999999", b"2026-10-04T02:15:00", b"2026-04-05T01:45:00.000000", b"1972-01-07T00:10:00",
        b"1970-01-01T00:30:00", b"2006-10-29T00:00:30", b"2006-04-02T00:01:00",
    ]
)  # fmt: skip
#: What looks like a time as the program wrote it, and is none, or another.
ALMOST = st.sampled_from(
    [
        b"2026-01-27 10:00:00", b"2026-01-27T10:00:00+05:30", b"2026-01-27T10:00:00Z", b"2026-02-29T10:00:00",
        b"2026-13-01T10:00:00", b"2026-00-10T10:00:00", b"2026-01-00T10:00:00", b"2026-01-27T24:00:00",
        b"2026-01-27T10:60:00.000000", b"2026-01-27T10:00:60.000000", b"0000-01-27T10:00:00", b"9999-12-31T23:59:59",
        b"2026-01-27T10:00:00,123456", b"2026-01-27x10:00:00.123456", b"2026-W05-2T10:00:00.12345", b"yesterday",
        b"2026-01-27T10:00:00.12345\xff", b"20260127", b"1769508000.25", b"", b"2026-1-27T10:00:00.1234567",
        b"2026-01-27T10:00:00.12345Z", b"2026-01-27T10:00:00+0000000", "２０２６-01-27T10:0".encode(),
    ]
)  # fmt: skip
HAZARDS = st.sampled_from(
    [
        None, 0, -7, 1769508000, 0.5, float("inf"), float("nan"), b"", b"a\0b", b"caf\xe9", b"\xed\xa0\xbd", b"\xbf",
        "\ufdd0".encode(), b"\xef\xb7", b"\x90", b"null", b"high", b"90%", b"12", b"0.25", b"x" * 513,
        "Jürgen".encode(), b'{"e": "\\ud83d"}', b"@house", b"@public",
    ]
)  # fmt: skip
PLAIN = st.sampled_from([b"m", b"s", b"anna", b'Quick "quoted" \\ text', "ein Wort für 不安".encode(), b'{"a":1}'])


def plain_values(layout: Layout, name: str) -> st.SearchStrategy[Any]:
    if name in {*layout.times, *layout.optional_times}:
        return WRITTEN | CHANGES
    if name in dict(layout.integers):
        return st.integers(-(2**63), 2**63 - 1)
    if name == "confidence":
        return st.floats() | st.integers(0, 1)
    return PLAIN


@st.composite
def tables(draw: st.DrawFn) -> tuple[Layout, list[str], list[tuple[Any, ...]]]:
    """A layout, the columns that the file has of it, and rows as they are selected: many plain ones, some not."""
    layout = draw(st.sampled_from(LAYOUTS))
    columns = sorted(layout.known - {"id"})
    if draw(st.booleans()):
        columns = [c for c in columns if c in {"session_id", layout.user, "created_at"} or draw(st.booleans())]
    if draw(st.booleans()):
        columns.append("mood")
    probe = Converter(layout, columns, clocks(layout, "UTC"), Condensed())
    column_values = [plain_values(layout, name) for name in probe.columns]
    if "mood" in columns:
        column_values[-1] = st.none()
    plain_row = st.tuples(st.sampled_from([b"1", b"s1", b"s2"]), PLAIN, st.just(0), *column_values)
    rows = draw(st.lists(plain_row, min_size=1, max_size=30))
    changes = draw(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 20), HAZARDS | ALMOST), max_size=6))
    for row, place, value in changes:
        if row < len(rows):
            changed = list(rows[row])
            at = place % len(changed)
            changed[at] = (value is None) + 0 if at == 2 else value
            rows[row] = tuple(changed)
    return layout, columns, rows


def clocks(layout: Layout, zone: str, *, by_database: bool = False) -> dict[str, Times]:
    clock = transfer.Clock.of(zone)
    return {name: Times(clock, by_database=by_database) for name in (*layout.times, *layout.optional_times)}


def numbered(number: int, row: tuple[Any, ...], types: dict[str, str] | None = None) -> tuple[Any, ...]:
    """A row as it is selected: without its user, and with what is odd of it."""
    id_, _, has_same_id, *others = row
    odd = None if types is None else ",".join([str(has_same_id), *types.values()]).encode()
    return (number, id_, odd, *others)


def agreed(layout: Layout, converter: Converter, rows: list[tuple[Any, ...]], odd: set[int]) -> list[tuple[Any, ...]]:
    """The rows, those that name the same being the same person's, but for odd ones: a BLOB is not the text."""
    if layout is USERS:
        return [(id_, None, *others) for id_, _, *others in rows]
    name = "session_id" if layout is MESSAGES else layout.user
    place = 3 + converter.columns.index(name) if name in converter.columns else None
    users: dict[Any, Any] = {}
    found = []
    for number, row in enumerate(rows):
        is_alone = place is None or number in odd or not isinstance(row[place], bytes)
        user = row[1] if is_alone or place is None else users.setdefault(row[place], row[1])
        found.append((row[0], user, *row[2:]))
    return found


def users_of(rows: list[tuple[Any, ...]]) -> Callable[[Sequence[Any]], dict[Any, Any]]:
    """Looks them up as SQLite does."""
    return lambda numbers: {number: rows[number][1] for number in numbers}


@given(tables(), st.sampled_from(ZONES), st.booleans(), st.sets(st.integers(0, 29), max_size=3), st.randoms())
def test_many_rows_at_once_are_what_they_are_one_by_one(
    table: tuple[Layout, list[str], list[tuple[Any, ...]]],
    zone: str,
    by_database: bool,
    with_blobs: set[int],
    chance: Random,
) -> None:
    layout, columns, rows = table
    times = clocks(layout, zone, by_database=by_database)
    condensed = Condensed(
        [
            OldSummary(id=b"s1", user=b"anna", level=1, start=0, end=2 * 10**15, sources=frozenset()),
            OldSummary(id=b"s2", user=b"anna", level=2, start=None, end=None, sources=frozenset([b"s1"])),
        ]
    )
    converter = Converter(layout, columns, times, condensed)
    names = ("id", *converter.columns)
    odd = with_blobs | {n for n, row in enumerate(rows) if row[2]}
    types = {n: {name: chance.choice(["blob", "text"]) for name in names} for n in odd}
    rows = agreed(layout, converter, rows, odd)
    given_rows = list(enumerate(rows))
    expected = [converter.convert(str(number), row, types.get(number)) for number, row in given_rows]

    found = ColumnConverter(converter, layout, times, condensed, users_of(rows)).convert(
        [numbered(n, row, types.get(n)) for n, row in given_rows]
    )

    assert found == expected


@given(st.lists(WRITTEN | CHANGES | ALMOST | HAZARDS, min_size=1), st.sampled_from(ZONES), st.booleans())
@example([b"2026-10-25T02:30:00"] * 9, "Europe/Berlin", False)
def test_a_column_of_times_says_what_each_of_them_says(values: list[Any], zone: str, by_database: bool) -> None:
    times = Times(transfer.Clock.of(zone), by_database=by_database)

    since, usable = times.read_all(values)

    for value, microseconds, is_usable in zip(values, since.tolist(), usable.tolist(), strict=True):
        if is_usable:
            assert times.read(value) == (microseconds, value.decode(), times.naive)


@pytest.mark.parametrize("zone", ZONES)
def test_what_the_program_wrote_is_read_at_once_but_for_the_hours_in_which_a_zone_changes(zone: str) -> None:
    first = dt.datetime(2026, 1, 27, 10)  # noqa: DTZ001 - as it was written
    written = [(first + dt.timedelta(hours=11 * n, microseconds=n % 3)).isoformat().encode() for n in range(1000)]

    _, usable = Times(transfer.Clock.of(zone)).read_all(written)

    assert usable.sum() >= 995


def test_plain_rows_do_not_go_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    times = clocks(MESSAGES, "Europe/Berlin")
    converter = Converter(MESSAGES, sorted(MESSAGES.known), times, Condensed())
    known: dict[str, Any] = {"session_id": b"s", "created_at": b"2026-01-27T10:00:00", "semantic_processed_at": None}
    row = (b"m", b"anna", 0, *(known.get(name, "für".encode()) for name in converter.columns))
    blob = {name: "blob" if name == "content" else "text" for name in ("id", *converter.columns)}
    other = tuple(b"nobody's" if value == b"s" else value for value in row)
    given_rows = [*[row] * 9, (b"m", None, *other[2:]), row]
    rows = [numbered(n, row, blob if n == 10 else None) for n, row in enumerate(given_rows)]
    asked: list[str] = []
    convert = converter.convert

    def noted(key: str, *args: Any) -> transfer.Item:
        asked.append(key)
        return convert(key, *args)

    monkeypatch.setattr(converter, "convert", noted)

    found = ColumnConverter(converter, MESSAGES, times, Condensed(), users_of(given_rows)).convert(rows)

    assert [item.source_key for item in found] == [str(n) for n in range(11)]
    assert asked == ["9", "10"]
    assert isinstance(found[9], transfer.Refused)


@pytest.mark.parametrize("count", [3, 30])
def test_of_rows_that_name_the_same_one_is_looked_up_and_a_blob_that_looks_the_same_for_itself(count: int) -> None:
    times = clocks(MESSAGES, "UTC")
    converter = Converter(MESSAGES, sorted(MESSAGES.known), times, Condensed())
    row = (b"m", b"anna", 0, *(b"s" if name == "session_id" else b"x" for name in converter.columns))
    blob = {name: "blob" if name == "session_id" else "text" for name in ("id", *converter.columns)}
    asked: list[Any] = []

    def users(numbers: Sequence[Any]) -> dict[Any, Any]:
        asked.extend(numbers)
        return {number: None if number == count - 1 else b"anna" for number in numbers}

    rows = [numbered(n, row, blob if n == count - 1 else None) for n in range(count)]
    *plain, odd = ColumnConverter(converter, MESSAGES, times, Condensed(), users).convert(rows)

    assert len(asked) == 2
    assert {item.fields[0] for item in plain if isinstance(item, transfer.Row)} == {b"anna"}
    assert isinstance(odd, transfer.Refused)
