"""Reading PostgreSQL databases: our own, and through descriptions any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from capsa.errors import SourceMissing, SourceUnreadable
from capsa.postgres import errors, walls
from capsa.transfer.pgcopy import copy_out
from capsa.transfer.sources import RANGE_ROWS, KeyRange, Part, SourceDescription, in_pieces
from capsa.transfer.tables import ENGINE_TABLES, Field, Item, Row, Table, Vector, join, split
from capsa.url import DatabaseUrl

_ORDER_TYPES = {"seq": "bigint"}


@dataclass(frozen=True)
class PostgresPart(Part):
    """A part that is read from one table of a PostgreSQL database."""

    source: str = ""
    #: Columns or expressions, in the order that ``convert`` takes them.
    select: tuple[str, ...] = ()
    #: What ranges go by: columns that together are unique and never null, with their types.
    order: tuple[tuple[str, str], ...] = ()
    #: (source key, fields in binary form) -> what to carry.
    convert: Callable[[str, list[Field]], Item] | None = None
    #: Where policies bind even us: the column that says whose a row is, the first of ``order``. None: they do not
    #: bind this table.
    owner: str | None = None


class PostgresTables:
    """A consistent snapshot of a PostgreSQL database, read by descriptions of its tables.

    One REPEATABLE READ, READ ONLY transaction lasts as long as the source is open: it blocks nobody, but
    keeps the server from vacuuming what is deleted meanwhile.
    """

    def __init__(
        self,
        url: DatabaseUrl,
        description: SourceDescription,
        parts: Sequence[PostgresPart],
        owners: Sequence[str] | None = None,
    ) -> None:
        """Open the snapshot.

        Args:
            owners: where the policies bind even us, whose rows to read, one owner after the other.
        """
        self._url = url
        self._description = description
        self._parts = tuple(parts)
        self._owners = owners
        self.connection = connect(url)
        with _translated(url):
            self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self.connection.execute("SET LOCAL TIME ZONE 'UTC'; SET LOCAL statement_timeout = 0")
            # The plan of a range must not depend on whether the table was analysed.
            self.connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
            self._fingerprint = self._state(self.connection)

    @property
    def description(self) -> SourceDescription:
        return self._description

    @property
    def parts(self) -> Sequence[PostgresPart]:
        return self._parts

    def plan(self, part: Part, rows: int = RANGE_ROWS) -> list[KeyRange]:
        ranges: list[KeyRange] = []
        mine = self._part(part)
        for owner in self._owners_of(mine):
            self._bind(owner)
            ranges.extend(self._plan(mine, rows, len(ranges), owner))
        return ranges

    def _owners_of(self, part: PostgresPart) -> Sequence[str | None]:
        return (None,) if self._owners is None or part.owner is None else self._owners

    def _plan(self, part: PostgresPart, rows: int, ordinal: int, owner: str | None) -> Iterator[KeyRange]:
        # Who is bound sees what is everybody's, too.
        of_owner: sql.Composable = sql.SQL("TRUE")
        if owner is not None and part.owner is not None:
            of_owner = sql.SQL("{} = {}").format(sql.Identifier(part.owner), sql.Literal(owner))
        columns = sql.SQL(", ").join(sql.Identifier(name) for name, _ in part.order)
        texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name, _ in part.order)
        query = sql.SQL(
            "SELECT n, {texts} FROM (SELECT {columns}, row_number() OVER (ORDER BY {columns}) AS n, "
            "count(*) OVER () AS total FROM {table} WHERE {of_owner}) AS numbered "
            "WHERE n % {rows} IN (0, 1) OR n = total ORDER BY n"
        ).format(
            texts=texts,
            columns=columns,
            table=sql.Identifier(part.source),
            rows=sql.Literal(rows),
            of_owner=of_owner,
        )
        with _translated(self._url):
            found = self.connection.execute(query).fetchall()
        start: tuple[int, str] | None = None
        for index, (number, *key) in enumerate(found):
            if start is None:
                start = number, json.dumps(key)
            if number % rows == 0 or index == len(found) - 1:
                yield KeyRange(part.name, ordinal, start[1], json.dumps(key), number - start[0] + 1)
                start = None
                ordinal += 1

    def read(self, part: Part, first: str, last: str) -> Iterator[list[Item]]:
        mine = self._part(part)
        low, high = json.loads(first), json.loads(last)
        if self._owners is not None and mine.owner is not None:
            self._bind(low[0])
        return in_pieces(self._items(mine, self._range_query(mine, low, high)))

    def _items(self, part: PostgresPart, query: sql.Composable) -> Iterator[Item]:
        if part.convert is None:
            raise TypeError(f"part {part.name} has no function that makes rows")
        width = len(part.order)
        for fields in self._fields(query):
            key = [field.decode() if field is not None else None for field in fields[:width]]
            yield part.convert(json.dumps(key, ensure_ascii=False), fields[width:])

    def _fields(self, query: sql.Composable) -> Iterator[list[Field]]:
        with _translated(self._url):
            for body in copy_out(self.connection, query):
                yield split(body)

    def _range_query(self, part: PostgresPart, low: list[str], high: list[str]) -> sql.Composable:
        def bound(values: list[str]) -> sql.Composable:
            casts = (
                sql.SQL("{}::" + kind).format(sql.Literal(v)) for v, (_, kind) in zip(values, part.order, strict=True)
            )
            return sql.SQL(", ").join(casts)

        order = sql.SQL(", ").join(sql.SQL("t.") + sql.Identifier(name) for name, _ in part.order)
        texts = [sql.SQL("t.{}::text").format(sql.Identifier(name)) for name, _ in part.order]
        return sql.SQL("SELECT {} FROM {} AS t {} WHERE ({}) >= ({}) AND ({}) <= ({}) ORDER BY {}").format(
            sql.SQL(", ").join([*texts, *(sql.SQL(expression) for expression in self._select(part))]),
            sql.Identifier(part.source),
            self._joins(part),
            order,
            bound(low),
            order,
            bound(high),
            order,
        )

    def _select(self, part: PostgresPart) -> list[str]:
        return list(part.select)

    def _joins(self, _part: PostgresPart) -> sql.Composable:
        return sql.SQL("")

    def _part(self, part: Part) -> PostgresPart:
        return next(mine for mine in self._parts if mine.name == part.name)

    def _bind(self, owner: str | None) -> None:
        if owner is not None:
            self.connection.execute("SELECT set_config('capsa.owner', %s, true)", (owner,))

    def _state(self, connection: psycopg.Connection) -> list[tuple[Any, ...]]:
        """What differs after any insert, update or delete: how many row versions, and which transactions made them."""
        states: list[tuple[Any, ...]] = []
        for part in self._parts:
            query = sql.SQL("SELECT count(*), sum(xmin::text::bigint) FROM {}").format(sql.Identifier(part.source))
            for owner in self._owners_of(part):
                if owner is not None:
                    connection.execute("SELECT set_config('capsa.owner', %s, true)", (owner,))
                states.extend(connection.execute(query).fetchall())
        return states

    def changed(self) -> bool:
        with _translated(self._url), connect(self._url) as connection, connection.transaction():
            return self._state(connection) != self._fingerprint

    def renew(self) -> PostgresTables:
        return type(self)(self._url, self._description, self._parts, self._owners)

    def close(self) -> None:
        self.connection.close()


class PostgresSource(PostgresTables):
    """One of our own databases."""

    @classmethod
    def open(cls, url: DatabaseUrl, tables: Sequence[Table] = ()) -> PostgresSource:
        """Snapshot our tables at ``url``.

        Args:
            tables: the application's own tables, to be carried with the engine's.

        Raises:
            DatabaseUnavailable: or one of its kinds: it cannot be reached.
            SourceMissing: our tables are not there; nothing was created.
        """
        with _translated(url), connect(url) as connection:
            names = postgres_table_names(connection)
            if "capsa_records" not in names:
                raise SourceMissing(f"{url} has no tables of ours; nothing was created")
            wanted = [table for table in (*ENGINE_TABLES, *tables) if table.name in names]
            left = sorted(n for n in names if not n.startswith("capsa_") and n not in {t.name for t in wanted})
            bound = set(walls.walled(connection)) if walls.standing(connection) is walls.Wall.FORCED else set()
            owners = _bound_owners(connection, [table for table in wanted if table.name in bound]) if bound else None
            description = describe_server(
                connection, url, "capsa", not_carried=tuple(f"table {name}: not known here" for name in left)
            )
        return cls(url, description, [_own_part(table, bound=table.name in bound) for table in wanted], owners)

    def __init__(
        self,
        url: DatabaseUrl,
        description: SourceDescription,
        parts: Sequence[PostgresPart],
        owners: Sequence[str] | None = None,
    ) -> None:
        super().__init__(url, description, parts, owners)
        rows = self.connection.execute("SELECT id, name, dimensions FROM capsa_models").fetchall()
        self._models: list[tuple[int, str, int]] = sorted(rows, key=lambda row: row[1])

    def _select(self, part: PostgresPart) -> list[str]:
        columns = super()._select(part)
        if part.table.vectors:
            columns += [f"e{number}.{column}" for number, _, _ in self._models for column in ("vector", "raw")]
        return columns

    def _joins(self, _part: PostgresPart) -> sql.Composable:
        return vector_joins([number for number, _, _ in self._models] if _part.table.vectors else [])

    def _items(self, part: PostgresPart, query: sql.Composable) -> Iterator[Item]:
        width, count = len(part.order), len(part.table.columns)
        for fields in self._fields(query):
            own = tuple(fields[width : width + count])
            key = json.dumps([(field or b"").decode() for field in fields[:width]], ensure_ascii=False)
            yield Row(key, own, join(own), read_vectors(fields[width + count :], self._models))


def vector_joins(models: Sequence[int]) -> sql.Composable:
    """Join records ``t`` with their embedding by each model, ``e<model>``: one row a record."""
    join_one = (
        "LEFT JOIN capsa_embeddings AS e{0} ON e{0}.owner = t.owner AND e{0}.collection = t.collection "
        "AND e{0}.model = {0} AND e{0}.seq = t.seq"
    )
    return sql.SQL(" ".join(join_one.format(number) for number in models))


def read_vectors(fields: Sequence[Field], models: Sequence[tuple[int, str, int]]) -> tuple[Vector, ...]:
    """The vectors in a row of `vector_joins`: (vector, raw) for each of ``models``, which are sorted by name."""
    if not any(field is not None for field in fields):
        return ()
    pairs = zip(fields[0::2], fields[1::2], models, strict=True)
    return tuple(
        Vector(name, dimensions, vector, raw)
        for vector, raw, (_, name, dimensions) in pairs
        if vector is not None or raw is not None
    )


def _own_part(table: Table, *, bound: bool) -> PostgresPart:
    owner = table.scope[0]
    order = ((owner, "text"), (table.arrival, "bigint")) if table.arrival else _key_order(table)
    select = tuple(f't."{name}"' for name in table.names)
    return PostgresPart(table.name, table, table.name, select, order, owner=owner if bound else None)


def _key_order(table: Table) -> tuple[tuple[str, str], ...]:
    kinds = dict(zip(table.names, table.kinds, strict=True))
    return tuple((name, kinds[name].value) for name in table.key)


def _bound_owners(connection: psycopg.Connection, tables: Sequence[Table]) -> list[str]:
    """Whose rows there are, where the policies bind the tables' owner."""
    owners: set[str] = set()
    with connection.transaction(force_rollback=True):
        walls.lift(connection, [table.name for table in tables])
        for table in tables:
            query = sql.SQL("SELECT DISTINCT {} FROM {}").format(
                sql.Identifier(table.scope[0]), sql.Identifier(table.name)
            )
            owners.update(owner for (owner,) in connection.execute(query).fetchall())
    return sorted(owners)


def describe_server(
    connection: psycopg.Connection,
    url: DatabaseUrl,
    layout: str,
    zone: str | None = None,
    not_carried: tuple[str, ...] = (),
) -> SourceDescription:
    """The description of a database; a copy of it on another server is another source."""
    row = connection.execute(
        "SELECT current_database(), (SELECT oid::bigint FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    return SourceDescription(
        kind="postgresql",
        location=str(url),
        layout=layout,
        zone=zone,
        identity=":".join(map(str, row or ())),
        not_carried=not_carried,
    )


def postgres_table_names(connection: psycopg.Connection) -> set[str]:
    """The tables of the current schema."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
    )
    return {name for (name,) in rows.fetchall()}


def connect(url: DatabaseUrl) -> psycopg.Connection:
    """A connection that creates nothing; see `capsa.postgres` for the one that does."""
    with _translated(url):
        return psycopg.connect(
            **{"connect_timeout": 10, "application_name": "capsa", **url.conninfo()},  # type: ignore[arg-type]
            autocommit=True,
            prepare_threshold=None,
        )


@contextmanager
def _translated(url: DatabaseUrl) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.UndefinedTable as error:
        raise SourceUnreadable(f"{url} lacks a table it should have: {str(error).splitlines()[0]}") from error
    except psycopg.Error as error:
        if translated := errors.translate(error, url):
            raise translated from error
        raise
