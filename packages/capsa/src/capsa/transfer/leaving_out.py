"""A source without some of its rows: those that the target is not to get, and the report is to name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from capsa.transfer.sources import RANGE_ROWS, KeyRange, Part, Source, SourceDescription
from capsa.transfer.tables import Item

#: Says of a part which of its rows are unwanted; None: none of them.
Unwanted = Callable[[Part], Callable[[Item], bool] | None]


class LeavingOut:
    """A source as if it did not hold the rows that are unwanted. See `leaving_out`."""

    def __init__(
        self, source: Source, unwanted: Unwanted, because: str | None, left_out: dict[str, set[str]] | None = None
    ) -> None:
        self._source = source
        self._unwanted = unwanted
        self._because = because
        #: Part -> the keys of its rows that were left out; rows that are read again count once.
        self._left_out = {} if left_out is None else left_out

    @property
    def description(self) -> SourceDescription:
        """The source's own, and, once it was read, how many rows of each part were left out."""
        described = self._source.description
        if self._because is None:
            return described
        said = (
            f"{len(keys):,} {'row' if len(keys) == 1 else 'rows'} of {part}: {self._because}"
            for part, keys in self._left_out.items()
        )
        return dataclasses.replace(described, not_carried=(*described.not_carried, *said))

    @property
    def parts(self) -> Sequence[Part]:
        return self._source.parts

    def plan(self, part: Part, rows: int = RANGE_ROWS) -> list[KeyRange]:
        return self._source.plan(part, rows)

    def read(self, part: Part, first: str, last: str) -> Iterator[list[Item]]:
        batches = self._source.read(part, first, last)
        unwanted = self._unwanted(part)
        return batches if unwanted is None else self._wanted(part.name, batches, unwanted)

    def _wanted(
        self, part: str, batches: Iterator[list[Item]], unwanted: Callable[[Item], bool]
    ) -> Iterator[list[Item]]:
        for batch in batches:
            left_out = {id(item) for item in batch if unwanted(item)}
            if not left_out:
                yield batch
                continue
            self._left_out.setdefault(part, set()).update(item.source_key for item in batch if id(item) in left_out)
            yield [item for item in batch if id(item) not in left_out]

    def changed(self) -> bool:
        return self._source.changed()

    def renew(self) -> Source:
        return LeavingOut(self._source.renew(), self._unwanted, self._because, self._left_out)

    def close(self) -> None:
        self._source.close()


def leaving_out(source: Source, unwanted: Unwanted, because: str | None) -> Source:
    """Without the rows that are ``unwanted``; closing it closes ``source``.

    Args:
        unwanted: asked of every part once it is read, and then of each of its rows, refused ones included.
        because: what the report says of them, e.g. "forgotten here since"; None for what nobody has to be told of.
    """
    return LeavingOut(source, unwanted, because)
