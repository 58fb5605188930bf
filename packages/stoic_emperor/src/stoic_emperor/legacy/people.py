"""People who are known in a target before what is theirs arrives there.

Such a person is the same one, and has one row in the end: the target's is given what only the source knows, and the
source's what only the target knows, before both are compared like any others. From an older program comes since when
they have been known; what they answered about consent, which that never asked, stands. Of two memories of ours the
later answer counts, and a pause in either, whatever the names are: those of the target stay.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from capsa import Database, transfer
from stoic_emperor.legacy.tables import USERS, rows_of

MERGED = "known here already: made one of both"

_HERE = f"SELECT {', '.join(USERS.names)} FROM users"
_MEET = f"UPDATE users SET {', '.join(f'{name} = :{name}' for name in USERS.names[1:])} WHERE id = :id"
_ID, _NAME, _CREATED, _CONSENT, _ASKED, _PAUSED, _COUNTRY, _ORIGINAL = range(len(USERS.names))
#: What the older program did not know of.
_OURS = (_CONSENT, _ASKED, _PAUSED, _COUNTRY)

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

_Fields = tuple[transfer.Field, ...]


def meet(source: transfer.Source, target: Database, *, older: bool, dry_run: bool = False) -> transfer.Source:
    """Make one of the people who are in both; gives the source as it is to be compared, which takes it over.

    A run that was interrupted may be run again: the same people are found.

    Args:
        older: whether the predecessor wrote the source.
        dry_run: write nothing; those who would be met count as equal.
    """
    merge = _with_past if older else _with_other
    with target.maintain() as tx:
        here = {fields[_ID]: fields for fields in (_packed(target, row) for row in tx.execute(_HERE, {}))}
        met: dict[transfer.Field, _Fields] = {}
        for there in (row.fields for row in rows_of(source, USERS)) if here else ():
            present = here.get(there[_ID])
            merged = None if present is None else merge(there, present)
            if present is None or merged is None:
                continue
            met[there[_ID]] = present if dry_run else merged
            if not dry_run and merged != present:
                tx.execute(_MEET, {name: _value(target, name, merged) for name in USERS.names})
    return Met(source, met) if met else source


def _with_past(past: _Fields, present: _Fields) -> _Fields | None:
    """One row of both; None if what is known of the person here contradicts the past."""
    one = (
        present[_NAME] in {None, b"", past[_NAME]}
        and present[_ORIGINAL] in {None, past[_ORIGINAL]}
        and _microseconds(past, _CREATED) <= _microseconds(present, _CREATED)
        and all(past[place] is None for place in _OURS)
    )
    return tuple(present[place] if place in _OURS else field for place, field in enumerate(past)) if one else None


def _with_other(there: _Fields, present: _Fields) -> _Fields:
    """One row of two of ours: whoever said no, or not now, in either is not analysed or remembered against that."""
    merged = list(present)
    merged[_PAUSED] = present[_PAUSED] or there[_PAUSED]
    merged[_NAME] = present[_NAME] or there[_NAME]
    merged[_COUNTRY] = present[_COUNTRY] or there[_COUNTRY]
    if _microseconds(there, _ASKED) > _microseconds(present, _ASKED):
        merged[_ASKED], merged[_CONSENT] = there[_ASKED], there[_CONSENT]
    return tuple(merged)


def _microseconds(fields: _Fields, place: int) -> int:
    """0: never, or a time that is before any of ours."""
    value = None if fields[place] is None else transfer.unpack(transfer.Kind.TIME, fields[place])
    return value if isinstance(value, int) else 0


def _packed(target: Database, row: Sequence[Any]) -> _Fields:
    return tuple(
        transfer.pack(kind, (target.datetime(value) - _EPOCH) // _MICROSECOND)
        if kind is transfer.Kind.TIME and value is not None
        else transfer.pack(kind, value)
        for kind, value in zip(USERS.kinds, row, strict=True)
    )


def _value(target: Database, name: str, fields: _Fields) -> Any:
    place = USERS.names.index(name)
    if USERS.kinds[place] is transfer.Kind.TIME and fields[place] is not None:
        return target.time(_EPOCH + _microseconds(fields, place) * _MICROSECOND)
    return None if fields[place] is None else transfer.unpack(USERS.kinds[place], fields[place])


class Met:
    """A source whose people are met in the target; a `capsa.transfer.Source`."""

    def __init__(self, source: transfer.Source, met: Mapping[transfer.Field, _Fields]) -> None:
        self._source = source
        self._met = met

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
        if (
            not isinstance(item, transfer.Row)
            or (fields := self._met.get(item.fields[_ID], item.fields)) == item.fields
        ):
            return item
        return transfer.make_row(item.source_key, fields, item.vectors, (*item.remarks, MERGED))

    def changed(self) -> bool:
        return self._source.changed()

    def renew(self) -> Met:
        return Met(self._source.renew(), self._met)

    def close(self) -> None:
        self._source.close()
