"""Reading the tables that the predecessor kept in PostgreSQL.

They have the names of ours, so they stand in another database, or in another schema of the same one; they
are only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import psycopg
from psycopg import sql

from capsa import DatabaseUrl, SourceMissing, SourceUnreadable, transfer
from stoic_emperor.legacy.condensed import Condensed, OldSummary
from stoic_emperor.legacy.layouts import BOOKKEEPING, LAYOUTS, LEFT_BEHIND, MESSAGES, REQUIRED, SUMMARIES, Layout
from stoic_emperor.legacy.rows import Converter
from stoic_emperor.legacy.sqlite import old_summary, owner_of, user_of
from stoic_emperor.legacy.times import Times
from stoic_emperor.legacy.vectors import COLUMNS, VECTOR_TABLES, VectorTable, record, vector_of_wire

#: Table -> column -> type.
Schema = Mapping[str, Mapping[str, str]]


def open_tables(url: DatabaseUrl, timezone: str | None = None) -> PredecessorTables:
    """A snapshot of the predecessor's tables, to be closed by the caller.

    Args:
        timezone: the IANA zone of times that name none, which here is all of them; default this machine's.

    Raises:
        capsa.SourceMissing: they are not there.
        capsa.SourceUnreadable: row-level security hides rows from this user.
        capsa.DatabaseUnavailable: or one of its kinds: it cannot be reached.
    """
    return PredecessorTables(url, transfer.Clock.of(timezone))


class PredecessorTables(transfer.PostgresTables):
    """The tables of one database."""

    def __init__(self, url: DatabaseUrl, clock: transfer.Clock) -> None:
        self._clock = clock
        with transfer.connect_source(url) as connection:
            schema = _schema(connection)
            for table, columns in REQUIRED.items():
                if not columns <= schema.get(table, {}).keys():
                    raise SourceMissing(
                        f"{url} has no table {table} of an earlier Stoic Emperor: check the URL; nothing was created"
                    )
            carried = [table for table in schema if table in _CARRIED]
            _check_visible(connection, url, carried)
            description = transfer.describe_server(
                connection, url, _layout_name(schema), clock.name, not_carried=_not_carried(schema)
            )
            reading = _Reading(schema, clock, Condensed(_summaries(connection, schema, clock)), connection)
            parts = reading.parts()
        super().__init__(url, description, parts)

    def renew(self) -> PredecessorTables:
        # Which summary stands for what is read anew, too.
        return type(self)(self._url, self._clock)


#: The order of a table whose rows cannot be told apart otherwise.
_ODD = (("ctid", "tid"),)
_CARRIED = {layout.name for layout in LAYOUTS} | {table.source for table in VECTOR_TABLES}


def _schema(connection: psycopg.Connection) -> Schema:
    names = sorted(name for name in transfer.postgres_table_names(connection) if not name.startswith("capsa_"))
    schema: dict[str, dict[str, str]] = {name: {} for name in names}
    rows = connection.execute(
        "SELECT c.relname, attname, format_type(atttypid, NULL) "
        "FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped "
        "AND c.relname = ANY (%s) ORDER BY attrelid, attnum",
        (names,),
    )
    for table, column, kind in rows.fetchall():
        schema[table][column] = kind
    return schema


def _layout_name(schema: Schema) -> str:
    if "password_hash" in schema["users"] or "email" in schema["users"]:
        return "Stoic Emperor v3 (b7f2f82) in PostgreSQL"
    if schema["users"]["id"].startswith("character varying"):
        return "Stoic Emperor v4 (897c2b3 and later) in PostgreSQL"
    return "Stoic Emperor v2 to v4 in PostgreSQL"


def _not_carried(schema: Schema) -> tuple[str, ...]:
    lines = [f"table {name}: {BOOKKEEPING.get(name, 'not known here')}" for name in schema if name not in _CARRIED]
    for name, reason in LEFT_BEHIND.items():
        lines += [f"column {table}.{name}: {reason}" for table in schema if table in _CARRIED and name in schema[table]]
    return tuple(lines)


def _check_visible(connection: psycopg.Connection, url: DatabaseUrl, tables: Sequence[str]) -> None:
    """Policies hide rows without a word: to the later versions' tables of vectors, from all but their owner."""
    hidden = [
        table
        for table in tables
        if (connection.execute("SELECT row_security_active(%s::regclass)", (f'"{table}"',)).fetchone() or (False,))[0]
    ]
    if hidden:
        raise SourceUnreadable(
            f"row-level security may hide rows of {', '.join(hidden)} in {url} from this user: "
            f"name the user who owns the tables; nothing was changed"
        )


def _summaries(connection: psycopg.Connection, schema: Schema, clock: transfer.Clock) -> Iterator[OldSummary]:
    wanted = ("id", "user_id", "level", "period_start", "period_end", "source_summary_ids")
    present = schema.get(SUMMARIES.name, {})
    if not set(wanted) <= present.keys():
        return
    columns = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in wanted)
    order = sql.SQL("created_at, id" if "created_at" in present else "id")
    rows = connection.execute(sql.SQL("SELECT {} FROM condensed_summaries ORDER BY {}").format(columns, order))
    times = [Times(clock), Times(clock)]
    for row in rows:
        if (summary := old_summary([None if v is None else v.encode() for v in row], times)) is not None:
            yield summary


class _Reading:
    """How the tables are read: everything as PostgreSQL spells it, but vectors, which come bit for bit."""

    def __init__(
        self, schema: Schema, clock: transfer.Clock, condensed: Condensed, connection: psycopg.Connection
    ) -> None:
        self._schema = schema
        self._times = Times(clock)
        self._condensed = condensed
        self._connection = connection

    def parts(self) -> list[transfer.PostgresPart]:
        parts = [self._part(layout) for layout in LAYOUTS if layout.name in self._schema]
        return parts + [self._vector_part(table) for table in VECTOR_TABLES if table.source in self._schema]

    def _part(self, layout: Layout) -> transfer.PostgresPart:
        present = self._schema[layout.name]
        times = dict.fromkeys((*layout.times, *layout.optional_times), self._times)
        converter = Converter(layout, list(present), times, self._condensed)
        order = self._order(layout, present)
        select = [
            "t.id::text",
            f"{user_of(layout, 't')}::text",
            _same_id(layout.name) if order == _ODD else "NULL::text",
        ]
        select += [f't."{name}"::text' for name in converter.columns]

        def convert(source_key: str, fields: list[transfer.Field]) -> transfer.Item:
            return converter.convert(source_key, fields)

        return transfer.PostgresPart(layout.name, layout.table, layout.name, tuple(select), order, convert)

    def _order(self, layout: Layout, present: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Messages in the order of their times, as far as every one has a time and an id; ids tell no order."""
        name = layout.name
        has_times = present.get("created_at") == "timestamp without time zone"
        order = (("created_at", "timestamp"), ("id", "text")) if layout is MESSAGES and has_times else (("id", "text"),)
        nothing = sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(sql.Identifier(column)) for column, _ in order)
        query = sql.SQL(
            "SELECT EXISTS (SELECT 1 FROM {0} WHERE {1}) OR (SELECT count(*) <> count(DISTINCT id) FROM {0})"
        ).format(sql.Identifier(name), nothing)
        (odd,) = self._connection.execute(query).fetchone() or (False,)
        return _ODD if odd else order

    def _vector_part(self, table: VectorTable) -> transfer.PostgresPart:
        present = self._schema[table.source]
        select = [
            "NULL" if name not in present else f't."{name}"' + ("" if name == "embedding" else "::text")
            for name in COLUMNS
        ]
        select.append(f"{owner_of(table, 't', insights='semantic_insights' in self._schema)}::text")
        convert = _vector_converter(table, self._times)
        return transfer.PostgresPart(
            table.source, transfer.RECORDS, table.source, tuple(select), (("id", "text"),), convert
        )


def _same_id(table: str) -> str:
    return f"CASE WHEN EXISTS (SELECT 1 FROM {table} AS d WHERE d.id = t.id AND d.ctid < t.ctid) THEN '1' END"


def _vector_converter(table: VectorTable, times: Times) -> Callable[[str, list[transfer.Field]], transfer.Item]:
    def convert(source_key: str, fields: list[transfer.Field]) -> transfer.Item:
        return record(table, source_key, fields, vectors=vector_of_wire(fields[4]), times=times, owner_by_row=fields[5])

    return convert
