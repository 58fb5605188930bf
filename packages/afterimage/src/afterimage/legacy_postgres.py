"""Reading the tables that AfterImage 0.2 to 0.8 kept in PostgreSQL.

They may stand in the very database that our own go into: ours have other names, and these are only read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from afterimage.legacy import REQUIRED_COLUMNS
from afterimage.legacy_rows import (
    DIMENSIONS,
    LAYOUTS,
    MODEL,
    NOT_SEARCHABLE,
    Converter,
    Layout,
    json_value,
    layout_name,
    not_carried,
)
from capsa import DatabaseUrl, SourceMissing, transfer

#: Columns that PostgreSQL derives.
_DERIVED_COLUMNS = frozenset({"search_vector"})
#: Years 1 to 9999; beyond, and infinity, a time is kept as PostgreSQL spells it.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999


def has_tables(url: DatabaseUrl) -> bool:
    """Whether the earlier program kept its memory in this database.

    Raises:
        capsa.DatabaseUnavailable: or one of its kinds: it cannot be reached.
    """
    with transfer.connect_source(url) as connection:
        return _columns(connection, "code_memory").keys() >= REQUIRED_COLUMNS


def open_tables(url: DatabaseUrl) -> transfer.PostgresTables:
    """A snapshot of the earlier program's tables, to be closed by the caller.

    Raises:
        capsa.SourceMissing: they are not there.
        capsa.DatabaseUnavailable: or one of its kinds: it cannot be reached.
    """
    with transfer.connect_source(url) as connection:
        columns = _columns(connection, "code_memory")
        if lacking := sorted(REQUIRED_COLUMNS - columns.keys()):
            what = f"a table code_memory without {', '.join(lacking)}" if columns else "no table code_memory"
            raise SourceMissing(f"{url} has {what} of an earlier AfterImage; nothing was created")
        tables = {name for name in transfer.postgres_table_names(connection) if not name.startswith("capsa_")}
        parts = [_part(layout, _columns(connection, layout.table)) for layout in LAYOUTS if layout.table in tables]
        layout = layout_name(sorted(columns)) + " in PostgreSQL"
        description = transfer.describe_server(connection, url, layout, not_carried=not_carried(sorted(tables)))
    return transfer.PostgresTables(url, description, parts)


def _columns(connection: psycopg.Connection, table: str) -> dict[str, str]:
    """Column -> type, in order."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (table,),
    )
    return dict(rows.fetchall())


def _part(layout: Layout, columns: dict[str, str]) -> transfer.PostgresPart:
    layout = layout.limited_to(columns)
    extra = [name for name in columns if name not in layout.placed and name not in _DERIVED_COLUMNS]
    names = [name for name in layout.placed if name] + extra
    select = [_expression(name, columns[name], layout) for name in names]
    select.append(f't."{layout.time}"::text')
    order = ((layout.id, "text"),)
    kinds = {name: columns[name] for name in names}
    return transfer.PostgresPart(
        layout.table, layout.target, layout.table, tuple(select), order, _converter(layout, extra, kinds)
    )


def _expression(name: str, kind: str, layout: Layout) -> str:
    column = f't."{name}"'
    if name == layout.embedding or kind in ("text", "timestamp with time zone", "bytea"):
        return column
    casts = {"integer": "bigint", "smallint": "bigint", "bigint": "bigint", "boolean": "boolean"}
    if kind in ("real", "double precision"):
        return f"{column}::float8"
    # jsonb, arrays and what else there may be: as PostgreSQL spells them.
    return f"{column}::{casts.get(kind, 'text')}"


def _converter(
    layout: Layout, extra: list[str], kinds: dict[str, str]
) -> Callable[[str, list[transfer.Field]], transfer.Item]:
    maker = Converter(layout, extra)
    names = maker.names
    place = {name: index for index, name in enumerate(names)}
    texts_at = [place.get(name or "", -1) for name in layout.texts]
    embedding_at = place.get(layout.embedding or "", -1)
    extra_at = [(name, place[name]) for name in extra]
    key_at, time_at = place[layout.id], place[layout.time]

    def convert(source_key: str, fields: list[transfer.Field]) -> transfer.Item:
        remarks: list[str] = []
        embedding = fields[embedding_at] if embedding_at >= 0 else None
        vectors = _vectors(embedding)
        if vectors and vectors[0].vector is None:
            remarks.append(NOT_SEARCHABLE)
        return maker.record(
            source_key,
            key=_stored(fields[key_at]),
            texts=[_stored(fields[at]) if at >= 0 else None for at in texts_at],
            reading=_reading(fields[time_at], fields[-1], kinds[layout.time]),
            metadata={name: _plain(name, fields[at], kinds[name]) for name, at in extra_at if fields[at] is not None},
            vectors=vectors,
            remarks=remarks,
            describe=lambda: transfer.describe_row(dict(zip(names, fields, strict=False))),
        )

    return convert


def _vectors(wire: transfer.Field) -> tuple[transfer.Vector, ...]:
    if wire is None:
        return ()
    data = transfer.vector_from_wire(wire)
    if len(data) == 4 * DIMENSIONS:
        return (transfer.Vector(MODEL, DIMENSIONS, wire, None),)
    return (transfer.Vector(MODEL, DIMENSIONS, None, data),)


def _reading(field: transfer.Field, spelled: transfer.Field, kind: str) -> transfer.Reading:
    if kind != "timestamp with time zone" or field is None:
        return transfer.Reading(0, None if spelled is None else spelled.decode(), transfer.UNREADABLE)
    microseconds = _microseconds(field)
    if not _FIRST <= microseconds <= _LAST:
        return transfer.Reading(0, (spelled or b"").decode(), transfer.UNREADABLE)
    return transfer.Reading(microseconds, None)


def _plain(name: str, field: transfer.Field, kind: str) -> Any:
    """A field for the metadata, spelled as the SQLite files spell it."""
    match kind:
        case "integer" | "smallint" | "bigint":
            return json_value(name, transfer.unpack(transfer.Kind.INTEGER, field))
        case "boolean":
            value = transfer.unpack(transfer.Kind.BOOLEAN, field)
            return bool(value)
        case "real" | "double precision":
            return json_value(name, transfer.unpack(transfer.Kind.FLOAT, field))
        case "bytea":
            return json_value(name, field, "blob")
        case "timestamp with time zone":
            microseconds = _microseconds(field)
            return transfer.canonical_time(microseconds) if _FIRST <= microseconds <= _LAST else str(microseconds)
        case _:
            return json_value(name, field)


def _stored(field: transfer.Field) -> bytes | None:
    return None if field is None else transfer.bytes_to_stored(field)


def _microseconds(field: transfer.Field) -> int:
    return int(transfer.unpack(transfer.Kind.TIME, field) or 0)
