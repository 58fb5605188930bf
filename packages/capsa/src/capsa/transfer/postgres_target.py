"""Loading PostgreSQL by binary COPY, and comparing by COPY the other way."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from capsa.database import Transaction
from capsa.postgres.database import SCHEMA
from capsa.transfer.ledger import Span
from capsa.transfer.pgcopy import copy_in, copy_out, key_list
from capsa.transfer.postgres_source import read_vectors, vector_joins
from capsa.transfer.tables import Field, Row, Table, join, make_row, split, unpack
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
        return spans_of(table, rows, seqs)

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

    def defer_indexes(self, tx: Transaction) -> None:
        for name in SCHEMA.secondary_indexes():
            tx.execute(f"DROP INDEX IF EXISTS {name}")

    def restore_indexes(self, tx: Transaction) -> None:
        for statement in SCHEMA.secondary_indexes().values():
            tx.execute(statement.replace("INDEX", "INDEX IF NOT EXISTS", 1))

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

    def delete_plain(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> None:
        tx.script(_BY_INDEX)
        on = [sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in table.key]
        tx.connection.execute(
            sql.SQL("DELETE FROM {} AS t USING {} WHERE {}").format(
                sql.Identifier(table.name), _key_list(table, _plain_keys(table, rows)), sql.SQL(" AND ").join(on)
            )
        )


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
    kinds = [table.kinds[position] for position in table.key_positions]
    return [tuple(unpack(kind, f) for kind, f in zip(kinds, key_of(table, row), strict=True)) for row in rows]


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
