"""Where a transfer reads from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from capsa.transfer.tables import Item, Row, Table

#: Rows of one range, which is one transaction at the target.
RANGE_ROWS = 8192
#: Rows are handed on in pieces of about so many bytes in memory (and one row at least): what bounds the memory.
_PIECE_BYTES = 4 * 1024 * 1024
_PIECE_ROWS = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceDescription:
    """What a source is, for the report and for recognising it on a later run."""

    #: "sqlite" or "postgresql".
    kind: str
    #: The path or the URL without its password.
    location: str
    #: Which layout was recognised, e.g. "capsa" or "AfterImage 0.8".
    layout: str
    #: The zone that times without one were read in; None where the layout has none.
    zone: str | None = None
    #: What tells this source from another of the same location: host and inode, or server and database.
    identity: str = ""
    #: Tables and columns that are not carried, each with the reason.
    not_carried: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "location": self.location,
            "layout": self.layout,
            "zone": self.zone,
            "identity": self.identity,
            "not_carried": list(self.not_carried),
        }

    def key(self) -> str:
        """Equal for the same source read in the same way."""
        return json.dumps([self.kind, self.location, self.layout, self.zone, self.identity])


@dataclass(frozen=True, slots=True)
class Part:
    """One stream of rows of a source, all of one target table."""

    name: str
    table: Table


@dataclass(frozen=True, slots=True)
class KeyRange:
    """A piece of a part, from ``first`` to ``last``, both included, as the source spells its rows' keys."""

    part: str
    ordinal: int
    first: str
    last: str
    rows: int = field(default=0, compare=False)


class Source(Protocol):
    """A consistent snapshot of some rows, readable by ranges."""

    @property
    def description(self) -> SourceDescription: ...

    @property
    def parts(self) -> Sequence[Part]: ...

    def plan(self, part: Part, rows: int = RANGE_ROWS) -> list[KeyRange]:
        """Cut a part into ranges of about ``rows`` rows."""
        ...

    def read(self, part: Part, first: str, last: str) -> Iterator[list[Item]]:
        """The rows of a range, in the order of arrival, some at a time: a few megabytes, or one row."""
        ...

    def changed(self) -> bool:
        """Whether the source itself has changed since the snapshot."""
        ...

    def renew(self) -> Source:
        """A new snapshot of the same source; this one stays as it is."""
        ...

    def close(self) -> None:
        """Give up the snapshot."""
        ...


def in_pieces(items: Iterable[Item]) -> Iterator[list[Item]]:
    """What `Source.read` gives, for a source whose rows come one by one."""
    piece: list[Item] = []
    size = 0
    for item in items:
        piece.append(item)
        size += item.size if isinstance(item, Row) else len(item.content)
        if size >= _PIECE_BYTES or len(piece) >= _PIECE_ROWS:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
