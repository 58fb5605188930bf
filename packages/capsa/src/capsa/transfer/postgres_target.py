"""Loading PostgreSQL by binary COPY, and comparing by COPY the other way."""

from __future__ import annotations

import collections
import itertools
import operator
import struct
from collections.abc import Collection, Iterator, Sequence

import psycopg
from psycopg import sql

from capsa.database import Database, Transaction
from capsa.postgres.database import PostgresDatabase
from capsa.transfer import foreign_keys
from capsa.transfer.ledger import Span
from capsa.transfer.pgcopy import copy_in, copy_out, key_list
from capsa.transfer.postgres_source import read_vectors, vector_joins
from capsa.transfer.tables import Field, Reference, Row, Table, columns_of, join, make_row, split, unpack
from capsa.transfer.targets import Collision, Key, PlainKey, State, Target, key_of, scopes_of, spans_of

_EMBEDDING_COLUMNS = ("owner", "collection", "model", "seq", "vector", "raw")
_INT32 = struct.Struct("!i")
_NULL = _INT32.pack(-1)
#: How often rows are looked for in the order of the source, and not found so, before that is given up.
_MISSES = 2
#: Fewer rows, or rows of more owners, are looked up at once.
_FEW = 16
_OWNERS = 256
_NUMBER = struct.Struct("!iq")
_BODY, _VECTORS = operator.attrgetter("body"), operator.attrgetter("vectors")
# Looked up by index whatever the statistics say of a table that was loaded a second ago.
_BY_INDEX = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; "
    "SET LOCAL enable_mergejoin = off; SET LOCAL jit = off"
)


class PostgresTarget(Target):
    """A PostgreSQL database."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        #: Table -> how often in turn its rows did not stand in the order of the source.
        self._misses: dict[str, int] = {}
        #: Numbers of arrival for the rows to come, and how many these are.
        self._taken: Sequence[int] = ()
        self._expected = 0

    def insert(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[Span]:
        if not rows:
            return []
        try:
            if table.arrival is not None and table.vectors:
                return self._insert_numbered(tx, table, table.arrival, rows)
            # Where nothing else goes by the numbers of arrival, the server gives them.
            copy_in(tx.connection, table.name, table.names, map(_BODY, rows))
            return []
        except psycopg.errors.UniqueViolation as error:
            raise Collision(table.name) from error

    def _insert_numbered(self, tx: Transaction, table: Table, arrival: str, rows: Sequence[Row]) -> list[Span]:
        seqs = self._next_numbers(tx, len(rows))
        fields = [_NUMBER.pack(8, seq) for seq in seqs]
        copy_in(tx.connection, table.name, (*table.names, arrival), map(operator.add, map(_BODY, rows), fields))
        if any(map(_VECTORS, rows)):
            embeddings = _embeddings(rows, fields, self.models(tx, rows))
            copy_in(tx.connection, "capsa_embeddings", _EMBEDDING_COLUMNS, embeddings)
        return spans_of(table, rows, seqs)

    def _next_numbers(self, tx: Transaction, count: int) -> Sequence[int]:
        """Ascending numbers of arrival, of those that were taken for the rows of this transaction."""
        if len(self._taken) < count:
            self._taken = _numbers(tx, max(count, self._expected))
        seqs, self._taken = self._taken[:count], self._taken[count:]
        self._expected -= count
        return seqs

    def compare(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[State]:
        if not rows:
            return []
        tx.script(_BY_INDEX)
        models = sorted(self.known_models(tx).items()) if table.vectors else []
        names = [name for name, _ in models]
        numbers = [number for _, (number, _) in models]
        if self._are_there(tx, table, rows, names, numbers):
            return [State.EQUAL] * len(rows)
        query = _lookup(table, _plain_keys(table, rows), numbers)
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

    def _are_there(
        self, tx: Transaction, table: Table, rows: Sequence[Row], names: Sequence[str], numbers: Sequence[int]
    ) -> bool:
        """Whether ``rows`` are in the target as they were loaded: in this order of arrival, nothing between, equal.

        Read so, they need not be looked up one by one, which costs both sides most of their time. Where it is not so
        nothing is lost but the time of trying, and so that is soon given up.
        """
        misses = self._misses.get(table.name, 0)
        if misses >= _MISSES or len(rows) < _FEW or not self._is_by_arrival(table):
            return False
        owners = {owner for owner, *_ in scopes_of(table, rows)}
        if len(owners) > _OWNERS:
            return False
        ((first, last),) = tx.connection.execute(_ends(table, [rows[0], rows[-1]])).fetchall()
        # A run with gaps in it may be of any length.
        there = (
            first is not None
            and last - first < 2 * len(rows)
            and _are_same(
                copy_out(tx.connection, _stretch(table, owners, (first, last), numbers)),
                (_expected(row, names) for row in rows) if names else (row.body for row in rows),
            )
        )
        self._misses[table.name] = 0 if there else misses + 1
        return there

    def _is_by_arrival(self, table: Table) -> bool:
        """Whether an index leads to an owner's rows in the order of arrival."""
        end = f"({table.scope[0]}, {table.arrival})"
        return any(statement.endswith(end) for statement in self._secondary_indexes([table]).values())

    def begin(self, tx: Transaction, rows: int) -> None:
        # What another run loaded meanwhile comes before: numbers of an earlier transaction are of no use.
        self._taken, self._expected = (), rows
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
        for table in tables:
            # Looked at row by row, they take the server longer than the rows.
            for reference in table.references:
                foreign_keys.drop(tx, table, reference)

    def restore_indexes(self, tx: Transaction, tables: Sequence[Table]) -> list[str]:
        # Two that make the same index at once do not both look whether it exists.
        tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('capsa indexes', 0))")
        for statement in self._secondary_indexes(tables).values():
            tx.execute(statement.replace("INDEX", "INDEX IF NOT EXISTS", 1))
        failed = [foreign_keys.add(tx, table, reference) for table in tables for reference in table.references]
        return list(filter(None, failed))

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
        copy_in(connection, f"capsa_incoming_{table.name}", table.names, map(_BODY, rows))
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
        columns = columns_of(rows, places)
        # A reference with a NULL in it refers to nothing.
        wanted = {key for key in set(zip(*columns, strict=True)) if None not in key}
        if not wanted:
            return []
        tx.script(_BY_INDEX)
        plain = [tuple(map(unpack, kinds, key)) for key in wanted]
        on = [sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in reference.key]
        query = sql.SQL("SELECT k.* FROM {} WHERE NOT EXISTS (SELECT 1 FROM {} AS t WHERE {})").format(
            key_list(reference.key, kinds, plain), sql.Identifier(reference.table), sql.SQL(" AND ").join(on)
        )
        missing = {tuple(split(body)) for body in copy_out(tx.connection, query)}
        return [index for index, key in enumerate(zip(*columns, strict=True)) if key in missing] if missing else []


def _numbers(tx: Transaction, count: int) -> Sequence[int]:
    """Ascending numbers of arrival; mostly a run of them, of which its ends say all."""
    ((first, last),) = tx.execute(
        "SELECT min(n), max(n) FROM (SELECT nextval('capsa_sequence') AS n FROM generate_series(1, :n)) AS taken",
        {"n": count},
    )
    if last - first == count - 1:
        return range(first, last + 1)
    # Somebody else takes numbers, too. Those above are left out.
    rows = tx.execute("SELECT nextval('capsa_sequence') FROM generate_series(1, :n)", {"n": count})
    return sorted([seq for (seq,) in rows])


def _ends(table: Table, rows: Sequence[Row]) -> sql.Composable:
    """The first and the last number of arrival of some rows."""
    number = sql.SQL("t.") + sql.Identifier(table.arrival or "")
    return sql.SQL("SELECT min({}), max({}) FROM {} JOIN {} AS t ON {}").format(
        number, number, _key_list(table, _plain_keys(table, rows)), sql.Identifier(table.name), _same_key(table)
    )


def _stretch(table: Table, owners: Collection[Field], ends: tuple[int, int], models: Sequence[int]) -> sql.Composable:
    """The rows of some owners from one number of arrival to another, in order, as `_lookup` gives them."""
    names = sql.SQL(", ").join(sql.Literal((owner or b"").decode()) for owner in owners)
    return sql.SQL(
        "SELECT {} FROM {} AS t {} WHERE t.{owner} IN ({}) AND t.{number} BETWEEN {} AND {} ORDER BY t.{number}"
    ).format(
        _columns(table, models),
        sql.Identifier(table.name),
        vector_joins(models),
        names,
        *map(sql.Literal, ends),
        owner=sql.Identifier(table.scope[0]),
        number=sql.Identifier(table.arrival or ""),
    )


def _are_same(found: Iterator[bytes], expected: Iterator[bytes]) -> bool:
    """Whether two things are the same to their ends; ``found`` is read to its end in any case."""
    end = (b"",)
    same = all(map(operator.eq, itertools.chain(found, end), itertools.chain(expected, end)))
    collections.deque(found, maxlen=0)
    return same


def _lookup(table: Table, keys: Sequence[PlainKey], models: Sequence[int]) -> sql.Composable:
    return sql.SQL("SELECT {} FROM {} JOIN {} AS t ON {} {}").format(
        _columns(table, models),
        _key_list(table, keys),
        sql.Identifier(table.name),
        _same_key(table),
        vector_joins(models),
    )


def _columns(table: Table, models: Sequence[int]) -> sql.Composable:
    columns: list[sql.Composable] = [sql.SQL("t.") + sql.Identifier(name) for name in table.names]
    for number in models:
        columns += [sql.SQL(f"e{number}.vector"), sql.SQL(f"e{number}.raw")]
    return sql.SQL(", ").join(columns)


def _same_key(table: Table) -> sql.Composable:
    return sql.SQL(" AND ").join(sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in table.key)


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


def _embeddings(rows: Sequence[Row], numbers: Sequence[bytes], models: dict[str, int]) -> Iterator[bytes]:
    prefixes: dict[tuple[Field, Field, str], bytes] = {}
    length = _INT32.pack
    for row, number in zip(rows, numbers, strict=True):
        for model, _, vector, raw in row.vectors:
            key = (row.fields[0], row.fields[1], model)
            if (prefix := prefixes.get(key)) is None:
                prefix = prefixes[key] = join((*key[:2], _INT32.pack(models[model])))
            if raw is None and vector is not None:
                yield b"".join((prefix, number, length(len(vector)), vector, _NULL))
            else:
                yield prefix + number + join((vector, raw))
