"""The rows of one owner, given to another on the way: between a memory of one's own and a shared one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from capsa.text import to_stored
from capsa.transfer.sources import RANGE_ROWS, KeyRange, Part, Source, SourceDescription
from capsa.transfer.tables import Item, Row, join


class OneOwner:
    """A source as if it held the rows of one owner alone, and they were another's. See `one_owner`."""

    def __init__(self, source: Source, owner: str, becomes: str) -> None:
        self._source = source
        self._owner, self._becomes = owner, becomes
        self._field, self._new_field = to_stored(owner).encode(), to_stored(becomes).encode()
        self._length, self._new_spelled = len(join((self._field,))), join((self._new_field,))

    @property
    def description(self) -> SourceDescription:
        described = self._source.description
        return dataclasses.replace(described, identity=f"{described.identity} {self._owner} as {self._becomes}")

    @property
    def parts(self) -> Sequence[Part]:
        return self._source.parts

    def plan(self, part: Part, rows: int = RANGE_ROWS) -> list[KeyRange]:
        return self._source.plan(part, rows)

    def read(self, part: Part, first: str, last: str) -> Iterator[list[Item]]:
        if part.table.names[0] != part.table.scope[0]:
            raise ValueError(f"{part.table.name} does not begin with whose a row is")
        for batch in self._source.read(part, first, last):
            mine = [item for item in batch if not isinstance(item, Row) or item.fields[0] == self._field]
            yield mine if self._owner == self._becomes else [self._renamed(item) for item in mine]

    def _renamed(self, item: Item) -> Item:
        if not isinstance(item, Row):
            return item
        body = self._new_spelled + item.body[self._length :]
        return item._replace(fields=(self._new_field, *item.fields[1:]), body=body)

    def changed(self) -> bool:
        return self._source.changed()

    def renew(self) -> Source:
        return OneOwner(self._source.renew(), self._owner, self._becomes)

    def close(self) -> None:
        self._source.close()


def one_owner(source: Source, owner: str, becomes: str) -> Source:
    """Only the rows of ``owner``, as rows of ``becomes``; closing it closes ``source``."""
    return OneOwner(source, owner, becomes)
