"""Reading the predecessor's SQLite file, whichever of its versions wrote it, or several in turn.

The layouts are recognised by their columns; the version number in the file does not tell them apart.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from capsa import SourceUnreadable, transfer
from stoic_emperor.legacy.columns import ColumnConverter, Users
from stoic_emperor.legacy.condensed import Condensed, OldSummary, source_ids
from stoic_emperor.legacy.layouts import BOOKKEEPING, LAYOUTS, LEFT_BEHIND, MESSAGES, REQUIRED, SUMMARIES, Layout
from stoic_emperor.legacy.rows import Converter
from stoic_emperor.legacy.times import MISSING, Times
from stoic_emperor.legacy.values import Value, stored
from stoic_emperor.legacy.vectors import COLUMNS, VECTOR_TABLES, VectorTable, record, vector_of_json

#: Table -> column -> (declared type, default value, place in the primary key).
Schema = Mapping[str, Mapping[str, tuple[str, str, int]]]


def open_file(path: Path | str, timezone: str | None = None) -> PredecessorFile:
    """A snapshot of the predecessor's file, to be closed by the caller; nothing of it is written.

    Args:
        timezone: the IANA zone of times that name none; default this machine's.

    Raises:
        capsa.SourceMissing: there is no such file; nothing was created.
        capsa.SourceUnreadable: it is another kind of file, or damaged.
        capsa.TransferError: there is no such zone.
    """
    return PredecessorFile(path, transfer.Clock.of(timezone))


class PredecessorFile(transfer.SqliteFile):
    """The tables of one file, on a private copy."""

    def __init__(self, path: Path | str, clock: transfer.Clock) -> None:
        self._clock = clock
        snapshot = transfer.Snapshot(path)
        try:
            self._path = snapshot.path
            snapshot.connection.text_factory = bytes
            schema = _schema(snapshot.connection)
            _check(schema, snapshot.path)
            _index_ids(snapshot.connection, schema)
            reading = _Reading(snapshot.connection, schema, clock)
            described = transfer.describe_file(snapshot.path, layout_name(schema), clock.name)
            super().__init__(snapshot, replace(described, not_carried=_not_carried(schema)), reading.parts())
        except sqlite3.DatabaseError as error:
            snapshot.close()
            raise SourceUnreadable(
                f"{snapshot.path} is damaged ({error}): restore a copy of it; nothing was changed"
            ) from error
        except BaseException:
            snapshot.close()
            raise

    def renew(self) -> PredecessorFile:
        # Which summary stands for what is read anew, too.
        return type(self)(self._path, self._clock)


def _schema(connection: sqlite3.Connection) -> Schema:
    return {
        table: {
            _string(name): (_string(kind), _string(default), place)
            for _, name, kind, _, default, place in connection.execute(f'PRAGMA table_info("{table}")')
        }
        for table in sorted(transfer.table_names(connection))
    }


def _check(schema: Schema, path: Path) -> None:
    for table, columns in REQUIRED.items():
        if not columns <= schema.get(table, {}).keys():
            raise SourceUnreadable(
                f"{path} is not a database of Stoic Emperor (it has no table {table} of the earlier program): "
                f"check the path; nothing was changed"
            )


def layout_name(schema: Schema) -> str:
    """The versions that wrote such tables."""
    kinds = {schema[table]["id"][0].upper() for table in schema if table in {layout.name for layout in LAYOUTS}}
    by_orm = {kind.startswith("VARCHAR") for kind in kinds}
    named_by_alter = "name" in schema["users"] and list(schema["users"])[-1] == "name"
    if by_orm == {True}:
        return "Stoic Emperor v4 (897c2b3 and later)"
    if True in by_orm or named_by_alter:
        return "Stoic Emperor, used across versions up to v4"
    if "condensed_summaries" in schema:
        return "Stoic Emperor v2 to v4 (ed056f0 to 6d96917)"
    return "Stoic Emperor v1 (811642f)"


def _not_carried(schema: Schema) -> tuple[str, ...]:
    carried = {layout.name for layout in LAYOUTS} | {table.source for table in VECTOR_TABLES}
    lines = [f"table {name}: {BOOKKEEPING.get(name, 'not known here')}" for name in schema if name not in carried]
    lines += [
        f"column {table}.{name}: {reason}"
        for name, reason in LEFT_BEHIND.items()
        for table in schema
        if table in carried and name in schema[table]
    ]
    return tuple(lines)


def _index_ids(connection: sqlite3.Connection, schema: Schema) -> None:
    """Let ids be looked up where the file has no key for them; what is changed is the private copy."""
    connection.execute("PRAGMA query_only = OFF")
    for table in (*REQUIRED, "semantic_insights"):
        if table in schema and not schema[table]["id"][2]:
            connection.execute(f'CREATE INDEX "predecessor_{table}_id" ON "{table}" (id)')
    connection.execute("PRAGMA query_only = ON")


class _Reading:
    """How one file is read."""

    def __init__(self, connection: sqlite3.Connection, schema: Schema, clock: transfer.Clock) -> None:
        self._connection = connection
        self._schema = schema
        self._clock = clock
        self._condensed = Condensed(self._summaries())

    def parts(self) -> list[transfer.SqlitePart]:
        parts = [self._part(layout) for layout in LAYOUTS if layout.name in self._schema]
        return parts + [self._vector_part(table) for table in VECTOR_TABLES if table.source in self._schema]

    def _times(self, table: str, column: str) -> Times:
        _, default, _ = self._schema[table].get(column, ("", "", 0))
        return Times(self._clock, by_database="CURRENT_TIMESTAMP" in default.upper())

    # Tables of texts

    def _part(self, layout: Layout) -> transfer.SqlitePart:
        table, present = layout.name, list(self._schema[layout.name])
        times = {name: self._times(table, name) for name in (*layout.times, *layout.optional_times)}
        converter = Converter(layout, present, times, self._condensed)
        columns = [f'"{table}"."{name}"' for name in ("id", *converter.columns)]
        select = [columns[0], self._oddities(table, columns), *columns[1:]]
        convert_all = ColumnConverter(converter, layout, times, self._condensed, self._users(layout)).convert
        return transfer.SqlitePart(table, layout.table, table, tuple(select), convert_all=convert_all)

    def _users(self, layout: Layout) -> Users:
        """Tells whose rows are, by their numbers."""
        table = f'"{layout.name}"'
        query = f"SELECT rowid, {user_of(layout, table)} FROM {table} WHERE rowid IN (SELECT value FROM json_each(?))"

        def users(numbers: Sequence[Value]) -> dict[Value, Value]:
            return dict(self._connection.execute(query, (json.dumps(numbers),)))

        return users

    def _oddities(self, table: str, columns: Sequence[str]) -> str:
        """SQL for whether an earlier row has the same id, and of which types the columns are; NULL for a plain row.

        SQLite keeps any type in any column, and Python is given the same for a BLOB and a text.
        """
        # Every BLOB comes after every text, and comparing costs less than asking for the type.
        is_odd = [f"{column} >= x''" for column in columns]
        same_id = "0"
        if not self._schema[table]["id"][2]:
            same_id = f'EXISTS (SELECT 1 FROM "{table}" AS d WHERE d.id = "{table}".id AND d.rowid < "{table}".rowid)'
            is_odd.append(same_id)
        types = " || ',' || ".join(f"typeof({column})" for column in columns)
        return f"CASE WHEN {' OR '.join(is_odd)} THEN {same_id} || ',' || {types} END"

    # Which summary stands for what

    def _summaries(self) -> Iterator[OldSummary]:
        columns = self._schema.get(SUMMARIES.name, {})
        wanted = ("id", "user_id", "level", "period_start", "period_end", "source_summary_ids")
        if not set(wanted) <= columns.keys():
            return
        times = [self._times(SUMMARIES.name, name) for name in ("period_start", "period_end")]
        for row in self._connection.execute(f"SELECT {', '.join(wanted)} FROM {SUMMARIES.name} ORDER BY rowid"):
            if (summary := old_summary(row, times)) is not None:
                yield summary

    # Tables of vectors

    def _vector_part(self, table: VectorTable) -> transfer.SqlitePart:
        present = self._schema[table.source]
        select = [f'"{table.source}"."{name}"' if name in present else "NULL" for name in COLUMNS]
        select.append(owner_of(table, f'"{table.source}"', insights="semantic_insights" in self._schema))
        # The program left the time to SQLite in all versions.
        times = Times(self._clock, by_database=True)

        def convert(source_key: str, values: tuple[Value, ...]) -> transfer.Item:
            return record(
                table,
                source_key,
                values,
                vectors=vector_of_json(values[4]),
                times=times,
                owner_by_row=values[5],
            )

        return transfer.SqlitePart(table.source, transfer.RECORDS, table.source, tuple(select), convert)


def user_of(layout: Layout, table: str) -> str:
    """SQL for the user that a row of ``table`` belongs to, as the table of users has it; NULL if there is none."""
    if layout is MESSAGES:
        joined = "sessions AS s JOIN users AS u ON u.id = s.user_id"
        return f"(SELECT u.id FROM {joined} WHERE s.id = {table}.session_id LIMIT 1)"
    if layout.user is None:
        return "NULL"
    return f"(SELECT u.id FROM users AS u WHERE u.id = {table}.{layout.user} LIMIT 1)"


def owner_of(table: VectorTable, name: str, *, insights: bool) -> str:
    """SQL for the person to whom a row of vectors belongs by its id; NULL if nothing tells."""
    if table.collection != "semantic" or not insights:
        return "NULL"
    return f"(SELECT i.user_id FROM semantic_insights AS i WHERE i.id = {name}.id LIMIT 1)"


def old_summary(row: Sequence[Value], times: Sequence[Times]) -> OldSummary | None:
    """What a summary says of what it stands for; None if it cannot be carried."""
    id_, user, level, start, end, sources = row
    if id_ is None or user is None or level is None:
        return None
    try:
        number = int(level)
    except ValueError:
        return None
    found = [times[0].read(start), times[1].read(end)]
    first, last = (None if r.remark in (MISSING, transfer.UNREADABLE) else r.microseconds for r in found)
    return OldSummary(
        id=stored(id_),
        user=stored(user),
        level=number,
        start=first,
        end=last,
        sources=source_ids(stored(sources) if sources is not None else None),
    )


def _string(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
