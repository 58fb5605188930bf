"""Reading ``memory.db`` of AfterImage 0.1 to 0.8."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from afterimage.legacy import REQUIRED_COLUMNS
from afterimage.legacy_rows import (
    BLOB_AS_TEXT,
    LAYOUTS,
    NOT_SEARCHABLE,
    Converter,
    Layout,
    json_value,
    layout_name,
    not_carried,
    read_time,
    vector_of,
)
from capsa import SourceUnreadable, transfer


def open_file(path: Path | str, timezone: str | None = None) -> transfer.SqliteFile:
    """See `afterimage.legacy.open_legacy`."""
    clock = transfer.Clock.of(timezone)
    snapshot = transfer.Snapshot(path)
    try:
        connection = snapshot.connection
        tables = transfer.table_names(connection)
        columns = columns_of(connection, "code_memory")
        if lacking := sorted(REQUIRED_COLUMNS - columns.keys()):
            what = f"its table code_memory has no {', '.join(lacking)}" if columns else "it has no table code_memory"
            raise SourceUnreadable(f"{snapshot.path} is not a memory of AfterImage ({what}): check the path")
        parts = [part_of(connection, layout, clock) for layout in LAYOUTS if layout.table in tables]
        description = transfer.describe_file(snapshot.path, layout_name(sorted(columns)), clock.name)
        return transfer.SqliteFile(snapshot, replace(description, not_carried=not_carried(sorted(tables))), parts)
    except sqlite3.DatabaseError as error:
        snapshot.close()
        raise SourceUnreadable(f"{snapshot.path} is damaged ({error}): restore a copy of it") from error
    except BaseException:
        snapshot.close()
        raise


def columns_of(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """Column -> declared type, in order."""
    rows = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
    return {_string(row[1]): _string(row[2]) for row in rows}


def part_of(connection: sqlite3.Connection, layout: Layout, clock: transfer.Clock) -> transfer.SqlitePart:
    """The rows of an earlier table, with whatever columns it has, as records."""
    present = list(columns_of(connection, layout.table))
    layout = layout.limited_to(present)
    extra = [name for name in present if name not in layout.placed]
    names = [name for name in layout.placed if name] + extra
    select = [f'"{name}"' for name in names]
    odd = _is_odd(connection, layout, names)
    if odd:
        # Only where a file needs it: SQLite keeps any type in any column, and Python tells BLOB from text by this.
        select.append(" || ',' || ".join(f'typeof("{name}")' for name in names))
    convert = _converter(layout, extra, clock, odd=odd)
    return transfer.SqlitePart(layout.table, layout.target, layout.table, tuple(select), convert)


def _is_odd(connection: sqlite3.Connection, layout: Layout, names: list[str]) -> bool:
    """Whether any value is not of the type its column should have."""
    tests = []
    for name in names:
        allowed = "'blob', 'null'" if name == layout.embedding else "'text', 'null', 'integer', 'real'"
        tests.append(f'typeof("{name}") NOT IN ({allowed})')
    query = f'SELECT 1 FROM "{layout.table}" WHERE {" OR ".join(tests)} LIMIT 1'
    return connection.execute(query).fetchone() is not None


def _converter(
    layout: Layout, extra: list[str], clock: transfer.Clock, *, odd: bool
) -> Callable[[str, tuple[transfer.SqliteValue, ...]], transfer.Item]:
    maker = Converter(layout, extra)
    names = maker.names
    place = {name: index for index, name in enumerate(names)}
    key_at, time_at = place[layout.id], place[layout.time]
    texts_at = [place.get(name or "", -1) for name in layout.texts]
    embedding_at = place.get(layout.embedding or "", -1)
    extra_at = [(name, place[name]) for name in extra]
    width = len(names)

    def convert(source_key: str, values: tuple[transfer.SqliteValue, ...]) -> transfer.Item:
        types: Mapping[str, str] = {}
        remarks: list[str] = []

        def describe() -> bytes:
            return transfer.describe_row(dict(zip(names, values, strict=False)), types)

        if odd:
            types = dict(zip(names, str(values[width], "ascii").split(","), strict=True))  # type: ignore[arg-type]
            if types[layout.id] == "blob":
                return transfer.Refused(source_key, "its id is a BLOB", describe())
            if any(types[names[at]] == "blob" for at in texts_at if at >= 0):
                remarks.append(BLOB_AS_TEXT)
        embedding = values[embedding_at] if embedding_at >= 0 else None
        is_bytes = isinstance(embedding, bytes) and types.get(layout.embedding or "", "blob") == "blob"
        data = embedding if embedding is None or isinstance(embedding, bytes) else repr(embedding).encode()
        vectors, searchable = vector_of(data, is_bytes=is_bytes)
        if not searchable:
            remarks.append(NOT_SEARCHABLE)
        return maker.record(
            source_key,
            key=stored(values[key_at]),
            texts=[stored(values[at]) if at >= 0 else None for at in texts_at],
            reading=read_time(clock, values[time_at]),
            metadata={n: json_value(n, values[at], types.get(n)) for n, at in extra_at if values[at] is not None},
            vectors=vectors,
            remarks=remarks,
            describe=describe,
        )

    return convert


def stored(value: transfer.SqliteValue) -> bytes | None:
    """A value of an earlier file as the text that a column of ours has for it."""
    if isinstance(value, bytes):
        # Plain ASCII is by far the most, and the quickest to tell.
        return value if value.isascii() and b"\0" not in value else transfer.bytes_to_stored(value)
    return None if value is None else repr(value).encode()


def _string(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
