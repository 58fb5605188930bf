"""People who were there before their past was: a first conversation makes somebody known, and then the past arrives.

Such a person is the same one. They have been here since the past began, and what they have said about consent since
then, which the older program never asked, stands. So the target's row is given what only the past knows, and the
past's row what only the target knows, before both are compared like any others: what differs then, differs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from capsa import Database, transfer
from stoic_emperor.legacy.tables import USERS

MERGED = "known here already: what was answered here about consent is kept"

_HERE = f"SELECT {', '.join(USERS.names)} FROM users"
_MEET = "UPDATE users SET name = :name, created_at = :created_at, original = :original WHERE id = :id"
_ID, _NAME, _CREATED, _ORIGINAL = (USERS.names.index(name) for name in ("id", "name", "created_at", "original"))
_PAST = (_NAME, _CREATED, _ORIGINAL)
#: What the older program did not know of.
_OURS = tuple(USERS.names.index(name) for name in ("consent_at", "asked_at", "paused_at", "country"))

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

_Fields = tuple[transfer.Field, ...]


def meet(source: transfer.Source, target: Database, *, dry_run: bool = False) -> transfer.Source:
    """Make one of the people who are in both; gives the source as it is to be compared, which takes it over.

    A run that was interrupted may be run again: the same people are found.

    Args:
        dry_run: write nothing; those who would be met count as equal.
    """
    with target.maintain() as tx:
        here = {fields[_ID]: fields for fields in (_packed(target, row) for row in tx.execute(_HERE, {}))}
        met: dict[transfer.Field, _Fields] = {}
        for past in _people(source) if here else ():
            present = here.get(past[_ID])
            if present is None or not _is_one(past, present):
                continue
            met[past[_ID]] = present
            if not dry_run and any(past[place] != present[place] for place in _PAST):
                names = {name: _value(target, name, past) for name in ("id", "name", "created_at", "original")}
                tx.execute(_MEET, names)
    return Met(source, met, as_here=dry_run) if met else source


def _people(source: transfer.Source) -> Iterator[_Fields]:
    for part in source.parts:
        if part.table.name != USERS.name:
            continue
        for planned in source.plan(part):
            for items in source.read(part, planned.first, planned.last):
                yield from (item.fields for item in items if isinstance(item, transfer.Row))


def _is_one(past: _Fields, present: _Fields) -> bool:
    """Whether nothing that is known of a person here contradicts the past."""
    return (
        present[_NAME] in {None, b"", past[_NAME]}
        and present[_ORIGINAL] in {None, past[_ORIGINAL]}
        and _microseconds(past) <= _microseconds(present)
        and all(past[place] is None for place in _OURS)
    )


def _microseconds(fields: _Fields) -> int:
    value = transfer.unpack(transfer.Kind.TIME, fields[_CREATED])
    assert isinstance(value, int)  # noqa: S101 - for mypy; the column is NOT NULL
    return value


def _packed(target: Database, row: Sequence[Any]) -> _Fields:
    return tuple(
        transfer.pack(kind, (target.datetime(value) - _EPOCH) // _MICROSECOND)
        if kind is transfer.Kind.TIME and value is not None
        else transfer.pack(kind, value)
        for kind, value in zip(USERS.kinds, row, strict=True)
    )


def _value(target: Database, name: str, fields: _Fields) -> Any:
    place = USERS.names.index(name)
    if name == "created_at":
        return target.time(_EPOCH + _microseconds(fields) * _MICROSECOND)
    return transfer.unpack(USERS.kinds[place], fields[place])


class Met:
    """A source whose people are met in the target; a `capsa.transfer.Source`."""

    def __init__(self, source: transfer.Source, met: Mapping[transfer.Field, _Fields], *, as_here: bool) -> None:
        self._source = source
        self._met = met
        self._as_here = as_here

    @property
    def description(self) -> transfer.SourceDescription:
        return self._source.description

    @property
    def parts(self) -> Sequence[transfer.Part]:
        return self._source.parts

    def plan(self, part: transfer.Part, rows: int = 8192) -> list[transfer.KeyRange]:
        return self._source.plan(part, rows)

    def read(self, part: transfer.Part, first: str, last: str) -> Iterator[list[transfer.Item]]:
        pieces = self._source.read(part, first, last)
        return ([*map(self._merged, items)] for items in pieces) if part.table.name == USERS.name else pieces

    def _merged(self, item: transfer.Item) -> transfer.Item:
        if not isinstance(item, transfer.Row) or (present := self._met.get(item.fields[_ID])) is None:
            return item
        fields = tuple(
            present[place] if self._as_here or place in _OURS else field for place, field in enumerate(item.fields)
        )
        if fields == item.fields:
            return item
        return transfer.make_row(item.source_key, fields, item.vectors, (*item.remarks, MERGED))

    def changed(self) -> bool:
        return self._source.changed()

    def renew(self) -> Met:
        return Met(self._source.renew(), self._met, as_here=self._as_here)

    def close(self) -> None:
        self._source.close()
