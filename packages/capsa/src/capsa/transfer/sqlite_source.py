"""Reading SQLite files: our own, and through descriptions any other."""

from __future__ import annotations

import platform
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from capsa.errors import SourceUnreadable
from capsa.transfer import quarantine
from capsa.transfer.snapshot import Snapshot, unreadable
from capsa.transfer.sources import RANGE_ROWS, KeyRange, Part, SourceDescription
from capsa.transfer.tables import (
    ENGINE_TABLES,
    Item,
    Kind,
    Refused,
    SqliteValue,
    Table,
    Vector,
    make_row,
    make_rows,
    pack,
    pack_all,
)

#: Rows may be megabytes: fetched a few at a time, and handed on in chunks of so many rows or bytes.
_FETCH_ROWS = 8
_CHUNK_ROWS = 4096
_CHUNK_BYTES = 3_000_000
#: After rows of this size, the next comes alone.
_LARGE = 256 * 1024

Values = tuple[SqliteValue, ...]
#: Rows of a number and the values of the columns.
Chunk = list[tuple[Any, ...]]


@dataclass(frozen=True)
class SqlitePart(Part):
    """A part that is read from one table of a SQLite file."""

    #: The table in the file.
    source: str = ""
    #: What to select: columns or expressions, in the order that ``convert`` takes them.
    select: tuple[str, ...] = ()
    #: (source key, values) -> what to carry; texts and BLOBs come as bytes.
    convert: Callable[[str, Values], Item] | None = None
    #: The same for many rows, each its number and the values of ``select``: several times as fast, column by column.
    convert_all: Callable[[Chunk], list[Item]] | None = None


class SqliteFile:
    """A snapshot of a SQLite file, read by descriptions of its tables."""

    def __init__(self, snapshot: Snapshot, description: SourceDescription, parts: Sequence[SqlitePart]) -> None:
        self._snapshot = snapshot
        self._description = description
        self._parts = tuple(parts)
        self.connection = snapshot.connection
        # Texts of other programs need not be UTF-8.
        self.connection.text_factory = bytes

    @property
    def description(self) -> SourceDescription:
        return self._description

    @property
    def parts(self) -> Sequence[SqlitePart]:
        return self._parts

    def plan(self, part: Part, rows: int = RANGE_ROWS) -> list[KeyRange]:
        source = _quote(self._part(part).source)
        ranges: list[KeyRange] = []
        with _reading(self._snapshot.path):
            ((first,),) = self.connection.execute(f"SELECT min(rowid) FROM {source}")
            while first is not None:
                # SQLite skips rows several times as fast as it hands their numbers over.
                ends = self.connection.execute(
                    f"SELECT rowid FROM {source} WHERE rowid >= ? ORDER BY rowid LIMIT 2 OFFSET ?", (first, rows - 1)
                ).fetchall()
                count = rows
                if not ends:
                    ends = self.connection.execute(f"SELECT max(rowid) FROM {source}").fetchall()
                    ((count,),) = self.connection.execute(f"SELECT count(*) FROM {source} WHERE rowid >= ?", (first,))
                ranges.append(KeyRange(part.name, len(ranges), str(first), str(ends[0][0]), count))
                first = ends[1][0] if len(ends) > 1 else None
        return ranges

    def read(self, part: Part, first: str, last: str) -> Iterator[list[Item]]:
        mine = self._part(part)
        with _reading(self._snapshot.path):
            cursor = self.connection.execute(self._statement(mine), _bounds(first, last))
            for chunk in _chunks(cursor, self._rows_at_once(mine)):
                yield self._items(mine, chunk)

    def _rows_at_once(self, _part: SqlitePart) -> int:
        return _CHUNK_ROWS

    def _items(self, part: SqlitePart, chunk: Chunk) -> list[Item]:
        if part.convert_all is not None:
            return part.convert_all(chunk)
        if part.convert is None:
            raise TypeError(f"part {part.name} has no function that makes rows")
        convert = part.convert
        return [convert(str(row[0]), row[1:]) for row in chunk]

    def _statement(self, part: SqlitePart) -> str:
        return (
            f"SELECT rowid, {', '.join(part.select)} FROM {_quote(part.source)} "
            f"WHERE rowid BETWEEN ? AND ? ORDER BY rowid"
        )

    def _part(self, part: Part) -> SqlitePart:
        return next(mine for mine in self._parts if mine.name == part.name)

    def changed(self) -> bool:
        return self._snapshot.changed()

    def renew(self) -> SqliteFile:
        return type(self)(Snapshot(self._snapshot.path), self._description, self._parts)

    def close(self) -> None:
        self._snapshot.close()


class SqliteSource(SqliteFile):
    """One of our own files."""

    def __init__(self, snapshot: Snapshot, description: SourceDescription, parts: Sequence[SqlitePart]) -> None:
        super().__init__(snapshot, description, parts)
        self._models: list[tuple[int, str, int]] = [
            (number, name.decode(), dimensions)
            for number, name, dimensions in self.connection.execute("SELECT id, name, dimensions FROM capsa_models")
        ]

    @classmethod
    def open(cls, path: Path | str, tables: Sequence[Table] = ()) -> SqliteSource:
        """Snapshot our own file at ``path``.

        Args:
            tables: the application's own tables, to be carried with the engine's.

        Raises:
            SourceMissing: there is no such file.
            SourceUnreadable: it is not one of ours, or damaged.
        """
        snapshot = Snapshot(path)
        try:
            names = table_names(snapshot.connection)
            if "capsa_records" not in names:
                raise SourceUnreadable(f"{snapshot.path} has no tables of ours; nothing was changed")
            wanted = [table for table in (*ENGINE_TABLES, *tables) if table.name in names]
            parts = [_own_part(table) for table in wanted]
            described = describe_file(snapshot.path, "capsa")
            left = sorted(n for n in names if not n.startswith("capsa_") and n not in {t.name for t in wanted})
            return cls(
                snapshot, replace(described, not_carried=tuple(f"table {n}: not known here" for n in left)), parts
            )
        except BaseException:
            snapshot.close()
            raise

    def _items(self, part: SqlitePart, chunk: Chunk) -> list[Item]:
        """Rows out of their number and the values of their columns, all at once: one by one takes much longer."""
        table = part.table
        numbers, *columns = zip(*chunk, strict=True)
        found = self._vectors(numbers, list(zip(*columns[:2], strict=True))) if table.vectors else {}
        vectors = [found.get(number, ()) for number in numbers]
        try:
            fields = [pack_all(kind, column) for kind, column in zip(table.kinds, columns, strict=True)]
            return [*make_rows(map(str, numbers), fields, vectors)]
        except ValueError:
            # One of them cannot be carried; which, and why, is told one by one.
            return [_item(table, row, mine) for row, mine in zip(chunk, vectors, strict=True)]

    def _rows_at_once(self, part: SqlitePart) -> int:
        # Vectors are large, and come with their rows.
        size = sum(4 * dimensions for _, _, dimensions in self._models) if part.table.vectors else 0
        return super()._rows_at_once(part) if not size else max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // size))

    def _vectors(self, seqs: Sequence[int], scopes: Sequence[Values]) -> dict[int, tuple[Vector, ...]]:
        """The vectors of records, given in ascending order."""
        groups: dict[Values, list[int]] = defaultdict(list)
        if len(set(scopes)) == 1:
            groups[scopes[0]] = list(seqs)
        else:
            for seq, scope in zip(seqs, scopes, strict=True):
                groups[scope].append(seq)
        found: dict[int, tuple[Vector, ...]] = {}
        for scope, mine in groups.items():
            for number, name, dimensions in self._models:
                rows = self.connection.execute(
                    "SELECT seq, vector, raw FROM capsa_embeddings WHERE owner = CAST(? AS TEXT) "
                    "AND collection = CAST(? AS TEXT) AND model = ? AND seq BETWEEN ? AND ?",
                    (*scope, number, mine[0], mine[-1]),
                ).fetchall()
                wires = pack_all(Kind.VECTOR, [vector for _, vector, _ in rows])
                vectors = [Vector(name, dimensions, wire, raw) for (_, _, raw), wire in zip(rows, wires, strict=True)]
                for (seq, _, _), vector in zip(rows, vectors, strict=True):
                    found[seq] = (*found[seq], vector) if seq in found else (vector,)
        return found


def _own_part(table: Table) -> SqlitePart:
    return SqlitePart(table.name, table, table.name, tuple(_quote(name) for name in table.names))


def _item(table: Table, row: tuple[Any, ...], vectors: tuple[Vector, ...]) -> Item:
    number, *values = row
    try:
        fields = tuple(pack(kind, value) for kind, value in zip(table.kinds, values, strict=True))
        return make_row(str(number), fields, vectors)
    except ValueError as error:
        return Refused(str(number), str(error), quarantine.describe(dict(zip(table.names, values, strict=True))))


def describe_file(path: Path, layout: str, zone: str | None = None) -> SourceDescription:
    """The description of a file; another file that takes its place is another source."""
    status = path.stat()
    return SourceDescription(
        kind="sqlite",
        location=str(path),
        layout=layout,
        zone=zone,
        identity=f"{platform.node()}:{status.st_dev}:{status.st_ino}",
    )


def table_names(connection: sqlite3.Connection) -> set[str]:
    """The tables of a file, without SQLite's own."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {name.decode() if isinstance(name, bytes) else name for (name,) in rows}


def _chunks(cursor: sqlite3.Cursor, rows: int) -> Iterator[Chunk]:
    chunk: Chunk = []
    size = 0
    fetched = _FETCH_ROWS
    while some := cursor.fetchmany(fetched):
        chunk += some
        added = sum([len(value) for row in some for value in row if value.__class__ is bytes])
        size += added
        if len(chunk) >= rows or size >= (_CHUNK_BYTES if added < _LARGE else _CHUNK_BYTES // 2):
            yield chunk
            chunk, size = [], 0
        fetched = _FETCH_ROWS if added < _LARGE else 1
    if chunk:
        yield chunk


def _bounds(first: str, last: str) -> tuple[int, int]:
    return int(first), int(last)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class _reading:  # noqa: N801 - a context manager, used like a function
    """Turns SQLite's errors while reading into ours; a class, as a generator may be closed inside it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.DatabaseError):
            raise unreadable(self._path, error) from error
