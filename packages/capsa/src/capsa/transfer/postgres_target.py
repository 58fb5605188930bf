"""Loading PostgreSQL by binary COPY, and comparing by COPY the other way."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from capsa.database import Transaction
from capsa.postgres.database import PostgresDatabase
from capsa.transfer.ledger import Span
from capsa.transfer.pgcopy import copy_in, copy_out, key_list
from capsa.transfer.postgres_source import read_vectors, vector_joins
from capsa.transfer.tables import Field, Reference, Row, Table, join, make_row, split, unpack
from capsa.transfer.targets import Collision, Key, PlainKey, State, Target, key_of, spans_of

_EMBEDDING_COLUMNS = ("owner", "collection", "model", "seq", "vector", "raw")
_INT32 = struct.Struct("!i")
_NULL = _INT32.pack(-1)
_INT64_FIELD = struct.Struct("!iq")
# Looked up by index whatever the statistics say of a table that was loaded a second ago.
_BY_INDEX = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; "
    "SET LOCAL enable_mergejoin = off; SET LOCAL jit = off"
)


class PostgresTarget(Target):
    """A PostgreSQL database."""

    def insert(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[Span]:
        if not rows:
            return []
        try:
            if table.arrival is None:
                copy_in(tx.connection, table.name, table.names, (row.body for row in rows))
                return []
            return self._insert_numbered(tx, table, table.arrival, rows)
        except psycopg.errors.UniqueViolation as error:
            raise Collision(table.name) from error

    def _insert_numbered(self, tx: Transaction, table: Table, arrival: str, rows: Sequence[Row]) -> list[Span]:
        numbers = tx.execute("SELECT nextval('capsa_sequence') FROM generate_series(1, :n)", {"n": len(rows)})
        seqs = sorted([seq for (seq,) in numbers])
        number = _INT64_FIELD.pack
        bodies = (row.body + number(8, seq) for row, seq in zip(rows, seqs, strict=True))
        copy_in(tx.connection, table.name, (*table.names, arrival), bodies)
        if table.vectors and any(row.vectors for row in rows):
            embeddings = _embeddings(rows, seqs, self.models(tx, rows))
            copy_in(tx.connection, "capsa_embeddings", _EMBEDDING_COLUMNS, embeddings)
        return spans_of(table, rows, seqs) if table.vectors else []

    def compare(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[State]:
        if not rows:
            return []
        tx.script(_BY_INDEX)
        models = sorted(self.known_models(tx).items()) if table.vectors else []
        names = [name for name, _ in models]
        query = _lookup(table, _plain_keys(table, rows), [number for _, (number, _) in models])
        found = set(copy_out(tx.connection, query))
        states = [State.EQUAL if _expected(row, names) in found else State.MISSING for row in rows]
        if State.MISSING in states and found:
            # The key columns come first, so that a row that differs still tells which one it is.
            width = len(table.key)
            keys = {tuple(split(body, 0, width)) for body in found} if _leads(table) else _keys(table, found)
            for index, row in enumerate(rows):
                if states[index] is State.MISSING and key_of(table, row) in keys:
                    states[index] = State.DIFFERENT
        return states

    def flush_later(self, tx: Transaction) -> None:
        tx.script("SET LOCAL synchronous_commit = off")

    def refresh_statistics(self, tx: Transaction, tables: Sequence[Table]) -> None:
        # A tenth of the usual sample tells which index to take; the server's own look at the table comes in any case.
        tx.script("SET LOCAL default_statistics_target = 10")
        for table in tables:
            # Of the columns that indexes have only: texts and vectors would take seconds.
            names = [*table.key, *([table.arrival] if table.arrival else [])]
            tx.execute(f"ANALYZE {table.name} ({', '.join(names)})")
            if table.vectors:
                tx.execute("ANALYZE capsa_embeddings (owner, collection, model, seq)")

    def defer_indexes(self, tx: Transaction, tables: Sequence[Table]) -> None:
        for name in self._secondary_indexes(tables):
            tx.execute(f"DROP INDEX IF EXISTS {name}")

    def restore_indexes(self, tx: Transaction, tables: Sequence[Table]) -> None:
        # Two that make the same index at once do not both look whether it exists.
        tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('capsa indexes', 0))")
        for statement in self._secondary_indexes(tables).values():
            tx.execute(statement.replace("INDEX", "INDEX IF NOT EXISTS", 1))

    def _secondary_indexes(self, tables: Sequence[Table]) -> dict[str, str]:
        packages = self.database.packages if isinstance(self.database, PostgresDatabase) else ()
        found: dict[str, str] = {}
        for package in packages:
            for table in tables:
                found |= package.secondary_indexes(table.name)
        return found

    def fetch(self, tx: Transaction, table: Table, keys: Sequence[PlainKey]) -> Iterator[Row]:
        if not keys:
            return
        tx.script(_BY_INDEX)
        known = self.known_models(tx).items() if table.vectors else ()
        models = sorted(((number, name, dimensions) for name, (number, dimensions) in known), key=lambda m: m[1])
        count = len(table.columns)
        for body in copy_out(tx.connection, _lookup(table, keys, [number for number, _, _ in models])):
            fields = split(body)
            yield make_row("", tuple(fields[:count]), read_vectors(fields[count:], models))

    def update(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> None:
        changed = [name for name in table.names if name not in table.key]
        if not changed:
            return
        own, incoming = sql.Identifier(table.name), sql.Identifier(f"capsa_incoming_{table.name}")
        columns = sql.SQL(", ").join(map(sql.Identifier, table.names))
        connection = tx.connection
        connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                incoming, columns, own
            )
        )
        copy_in(connection, f"capsa_incoming_{table.name}", table.names, (row.body for row in rows))
        tx.script(_BY_INDEX)
        connection.execute(
            sql.SQL("UPDATE {} AS t SET {} FROM {} AS k WHERE {}").format(
                own,
                sql.SQL(", ").join(sql.SQL("{0} = k.{0}").format(sql.Identifier(name)) for name in changed),
                incoming,
                sql.SQL(" AND ").join(sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in table.key),
            )
        )
        connection.execute(sql.SQL("DROP TABLE {}").format(incoming))

    def orphans(self, tx: Transaction, table: Table, reference: Reference, rows: Sequence[Row]) -> list[int]:
        places = [table.names.index(name) for name in reference.columns]
        kinds = [table.kinds[place] for place in places]
        named = [tuple(row.fields[place] for place in places) for row in rows]
        # A reference with a NULL in it refers to nothing.
        wanted = {key for key in named if None not in key}
        if not wanted:
            return []
        tx.script(_BY_INDEX)
        plain = [tuple(map(unpack, kinds, key)) for key in wanted]
        on = [sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in reference.key]
        query = sql.SQL("SELECT {} FROM {} JOIN {} AS t ON {}").format(
            sql.SQL(", ").join(sql.SQL("t.") + sql.Identifier(name) for name in reference.key),
            key_list(reference.key, kinds, plain),
            sql.Identifier(reference.table),
            sql.SQL(" AND ").join(on),
        )
        there = {tuple(split(body)) for body in copy_out(tx.connection, query)}
        return [index for index, key in enumerate(named) if key in wanted and key not in there]


def _lookup(table: Table, keys: Sequence[PlainKey], models: Sequence[int]) -> sql.Composable:
    columns: list[sql.Composable] = [sql.SQL("t.") + sql.Identifier(name) for name in table.names]
    for number in models:
        columns += [sql.SQL(f"e{number}.vector"), sql.SQL(f"e{number}.raw")]
    on = [sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in table.key]
    return sql.SQL("SELECT {} FROM {} JOIN {} AS t ON {} {}").format(
        sql.SQL(", ").join(columns),
        _key_list(table, keys),
        sql.Identifier(table.name),
        sql.SQL(" AND ").join(on),
        vector_joins(models),
    )


def _plain_keys(table: Table, rows: Sequence[Row]) -> list[PlainKey]:
    kinds = table.kinds
    parts = [(kinds[position], position) for position in table.key_positions]
    return [tuple([unpack(kind, row.fields[position]) for kind, position in parts]) for row in rows]


def _key_list(table: Table, keys: Sequence[PlainKey]) -> sql.Composable:
    return key_list(table.key, [table.kinds[position] for position in table.key_positions], keys)


def _leads(table: Table) -> bool:
    return table.key_positions == tuple(range(len(table.key)))


def _keys(table: Table, bodies: set[bytes]) -> set[Key]:
    return {tuple(fields[position] for position in table.key_positions) for fields in map(split, bodies)}


def _expected(row: Row, models: Sequence[str]) -> bytes:
    """The row as `PostgresTarget._lookup` gives it, if it is there and equal."""
    if not models:
        return row.body
    if len(row.vectors) == len(models) == 1 and row.vectors[0].model == models[0]:
        return row.body + join(row.vectors[0][2:])
    vectors = {vector.model: vector[2:] for vector in row.vectors}
    if vectors.keys() - set(models):
        return b""
    return row.body + b"".join(join(vectors.get(name, (None, None))) for name in models)


def _embeddings(rows: Sequence[Row], seqs: Sequence[int], models: dict[str, int]) -> Iterator[bytes]:
    prefixes: dict[tuple[Field, Field, str], bytes] = {}
    number, length = _INT64_FIELD.pack, _INT32.pack
    for row, seq in zip(rows, seqs, strict=True):
        for model, _, vector, raw in row.vectors:
            key = (row.fields[0], row.fields[1], model)
            if (prefix := prefixes.get(key)) is None:
                prefix = prefixes[key] = join((*key[:2], _INT32.pack(models[model])))
            if raw is None and vector is not None:
                yield b"".join((prefix, number(8, seq), length(len(vector)), vector, _NULL))
            else:
                yield prefix + number(8, seq) + join((vector, raw))
