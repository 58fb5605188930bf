"""The PostgreSQL side of `capsa.database`.

Everything a transaction needs is set inside it (SET LOCAL and transaction-level locks only), so it
works the same behind a pooler in transaction mode.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from capsa import _queries, _schema
from capsa._schema import SchemaPackage
from capsa.database import Database, Loaded, LoadedRow, Transaction, check_writer
from capsa.errors import DatabaseUnavailable
from capsa.postgres import errors, walls
from capsa.postgres.connections import Connections
from capsa.postgres.transaction import PostgresTransaction
from capsa.postgres.types import register_vector, vector_oid
from capsa.postgres.vectors import PostgresVectors, ensure_indexes
from capsa.postgres.walls import Wall
from capsa.search.vectors import VectorIndex
from capsa.url import DatabaseUrl

SCHEMA = SchemaPackage("capsa", "capsa.postgres")

#: Advisory lock classes of this engine; the second key is a hash of what is locked.
LOCK_SCHEMA = 0x63617001

#: Seconds that maintenance waits for readers, where the policies must be lifted for it.
LIFTING_WAIT = 60.0
#: How often it makes way for them.
_LIFTINGS = 5

#: Rows of the lexical index that one statement takes: megabytes.
_ROWS_AT_ONCE = 500

_PRELUDES_KEPT = 1_000
_MAINTENANCE = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL timezone = 'UTC'"

# PostgreSQL documentation, COPY, "Binary Format": signature, flags, length of the header's extension.
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


class PostgresDatabase(Database):
    """One database of a PostgreSQL server."""

    dialect = "postgresql"

    def __init__(
        self,
        url: DatabaseUrl,
        *,
        min_connections: int = 0,
        max_connections: int = 10,
        connect_timeout: float = 10.0,
        statement_timeout: float = 60.0,
    ) -> None:
        """Connect, and create or migrate the schema.

        Args:
            url: of dialect ``postgresql``.
            min_connections, max_connections: of the pool.
            connect_timeout: seconds to wait for a connection.
            statement_timeout: seconds for one statement of `read` and `write`; 0 for no limit.

        Raises:
            AuthenticationFailed, DatabaseUnavailable: see their messages.
            MissingExtension: no pgvector, and no right to create it.
            SchemaTooNew: a newer version of the software has been here.
        """
        self.url = url
        self._statement_timeout = statement_timeout
        self._migrated: dict[str, SchemaPackage] = {}
        sizes = (min_connections, max(1, max_connections, min_connections))
        self._connections = Connections(url, sizes, connect_timeout, self._configure)
        self.wall = Wall.ROLE
        self._preludes: dict[tuple[str, str, Wall], bytes] = {}
        self._vector_oid = 0
        self.migrate(SCHEMA)

    # Connections

    def connect(self) -> psycopg.Connection:
        """A connection of one's own, in autocommit mode, outside the pool."""
        return self._connections.make()

    def _configure(self, connection: psycopg.Connection) -> None:
        if self._vector_oid:
            register_vector(connection, self._vector_oid)

    @contextmanager
    def _borrow(self, begin: Callable[[psycopg.Connection], object]) -> Iterator[psycopg.Connection]:
        """A connection that ``begin`` has begun a transaction on."""
        try:
            with self._connections.lent(begin) as connection:
                yield connection
        except psycopg.Error as error:
            missing = errors.missing_table(error, self.url, self.packages)
            if translated := missing or errors.translate(error, self.url):
                raise translated from error
            raise

    def close(self) -> None:
        self._connections.close()

    # Transactions

    @contextmanager
    def read(self, owner: str) -> Iterator[Transaction]:
        with self._transaction(owner, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as tx:
            yield tx

    @contextmanager
    def write(self, owner: str) -> Iterator[Transaction]:
        with self._transaction(check_writer(owner), "BEGIN") as tx:
            yield tx

    @contextmanager
    def _transaction(self, owner: str, begin: str) -> Iterator[Transaction]:
        with self._borrow(lambda own: own.execute(self._prelude(owner, begin, own))) as connection:
            tx = PostgresTransaction(self, connection, owner)
            try:
                yield tx
                self._commit(connection)
            except BaseException:
                _roll_back(connection)
                raise
        for work in tx.afterwards:
            work()

    def _prelude(self, owner: str, begin: str, connection: psycopg.Connection) -> bytes:
        """Begin and bind in one round trip."""
        key = (owner, begin, self.wall)
        if (known := self._preludes.get(key)) is None:
            if len(self._preludes) >= _PRELUDES_KEPT:
                self._preludes.clear()
            # Put together once: quoting takes as long as a small query.
            known = self._preludes[key] = self._compose_prelude(owner, begin, connection)
        return known

    def _compose_prelude(self, owner: str, begin: str, connection: psycopg.Connection) -> bytes:
        # Compiling a query costs more than running any of ours.
        settings = {
            "capsa.owner": owner,
            "jit": "off",
            "statement_timeout": str(round(self._statement_timeout * 1000)),
            # In another zone the first and the last day of time are no times that Python knows.
            "timezone": "UTC",
        }
        if self.wall is Wall.ROLE:
            settings["role"] = walls.BOUND_ROLE
        calls = sql.SQL(", ").join(
            sql.SQL("set_config({}, {}, true)").format(sql.Literal(key), sql.Literal(value))
            for key, value in settings.items()
        )
        return sql.SQL("{}; SELECT {}").format(sql.SQL(begin), calls).as_bytes(connection)

    @contextmanager
    def maintain(self) -> Iterator[Transaction]:
        with self._borrow(lambda own: own.execute(_MAINTENANCE)) as connection:
            tx = PostgresTransaction(self, connection, None)
            try:
                with self._unbound(connection):
                    yield tx
                self._commit(connection)
            except BaseException:
                _roll_back(connection)
                raise
        for work in tx.afterwards:
            work()

    def _commit(self, connection: psycopg.Connection) -> None:
        # After an error that the caller caught, the server answers COMMIT with a quiet ROLLBACK.
        if connection.execute("COMMIT").statusmessage != "COMMIT":
            raise DatabaseUnavailable(
                f"a statement of this transaction failed in {self.url}: nothing of it was written"
            )

    @contextmanager
    def _unbound(self, connection: psycopg.Connection) -> Iterator[None]:
        if self.wall is not Wall.FORCED:
            yield
            return
        # In name order, and alone: two that lift at once would wait for each other's table locks.
        connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext('walls'))", (LOCK_SCHEMA,))
        # Needs the tables to itself for a moment; whoever reads meanwhile may be this very thread.
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LIFTING_WAIT:.0f}s")))
        self._lift(connection)
        connection.execute("SET LOCAL lock_timeout = 0")
        yield
        walls.restore(connection, walls.walled(connection))

    @staticmethod
    def _lift(connection: psycopg.Connection) -> None:
        tables = walls.walled(connection)
        for attempt in range(1, _LIFTINGS + 1):
            try:
                with connection.transaction():
                    walls.lift(connection, tables)
                return
            except psycopg.errors.DeadlockDetected:
                # Nothing has been done yet, so whoever was in the way may go first.
                if attempt == _LIFTINGS:
                    raise

    # Schema

    def migrate(self, package: SchemaPackage) -> None:
        with self.connect() as connection:
            tx = PostgresTransaction(self, connection, None)
            try:
                self._migrate(tx, connection, package)
            except psycopg.Error as error:
                if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.DuplicateTable)) and (
                    gone := self._gone(tx, package)
                ):
                    raise errors.gone(gone, self.url) from error
                raise errors.of_tables(error, self.url) or errors.translate(error, self.url) or error from error
        self._migrated[package.name] = package

    def _migrate(self, tx: PostgresTransaction, connection: psycopg.Connection, package: SchemaPackage) -> None:
        known = connection.execute("SELECT to_regclass('capsa_migrations')").fetchone()
        applied = _schema.applied_version(tx, package) if known and known[0] else None
        if not _schema.check(package, applied, str(self.url)):
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (LOCK_SCHEMA,))
                self._enable_extension(connection)
                if applied is not None and walls.standing(connection) is Wall.FORCED:
                    # A step may touch rows, of all owners; `build` forces the policies again.
                    walls.lift(connection, package.tables())
                if _schema.apply(tx, package, str(self.url)):
                    walls.build(connection, package)
        self.wall = walls.standing(connection)
        self._vector_oid = vector_oid(connection)

    @staticmethod
    def _gone(tx: PostgresTransaction, package: SchemaPackage) -> list[str]:
        names = [*package.relations(), _schema.BOOKKEEPING]
        rows = tx.execute(
            "SELECT name FROM unnest(:names::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL",
            {"names": names},
        )
        there = {name for (name,) in rows}
        return package.gone(there, _schema.applied_version(tx, package) if _schema.BOOKKEEPING in there else None)

    def _enable_extension(self, connection: psycopg.Connection) -> None:
        if vector_oid(connection):
            return
        try:
            with connection.transaction():
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported):
            raise errors.missing_extension(self.url) from None
        except psycopg.errors.UndefinedFile:
            raise errors.missing_extension(self.url) from None

    @property
    def packages(self) -> Sequence[SchemaPackage]:
        """Those whose tables were created or migrated here."""
        return tuple(self._migrated.values())

    # The engine's needs

    @property
    def exclusive_maintenance(self) -> bool:  # type: ignore[override]
        return self.wall is Wall.FORCED

    def lock(self, tx: Transaction, kind: str, owner: str, collection: str) -> None:
        tx.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))", {"what": _lock_name(kind, owner, collection)}
        )

    def try_lock(self, tx: Transaction, kind: str, owner: str, collection: str) -> bool:
        name = _lock_name(kind, owner, collection)
        ((taken,),) = tx.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(:what, 0))", {"what": name})
        return bool(taken)

    def load(self, tx: Transaction, table: Loaded, owner: str, collection: str, rows: Iterable[LoadedRow]) -> None:
        if tx.owner is None:
            self._copy(tx, table, owner, collection, rows)
            return
        # COPY refuses a table whose policies bind us, so one statement takes arrays of a bounded size.
        arrays = ", ".join(f":{column}::{kind}[]" for column, kind in table.columns.items())
        statement = (
            f"INSERT INTO {table.name} (owner, collection, {', '.join(table.columns)}) "
            f"SELECT :owner, :collection, * FROM unnest({arrays})"
        )
        left = iter(rows)
        while chunk := list(itertools.islice(left, _ROWS_AT_ONCE)):
            values = dict(zip(table.columns, map(list, zip(*chunk, strict=True)), strict=True))
            tx.execute(statement, {"owner": owner, "collection": collection, **values})

    @staticmethod
    def _copy(tx: Transaction, table: Loaded, owner: str, collection: str, rows: Iterable[LoadedRow]) -> None:
        count = (2 + len(table.columns)).to_bytes(2, "big")
        constant = b"".join((count, *map(_field, (owner.encode(), collection.encode()))))
        columns = ", ".join(("owner", "collection", *table.columns))
        statement = f"COPY {table.name} ({columns}) FROM STDIN (FORMAT binary)"
        with tx.connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(_COPY_HEADER)
            for row in rows:
                values = (value if isinstance(value, bytes) else value.to_bytes(8, "big") for value in row)
                copy.write(constant + b"".join(map(_field, values)))
            copy.write(b"\xff\xff")

    def maintain_vectors(self) -> None:
        ensure_indexes(self)

    @functools.cached_property
    def vectors(self) -> VectorIndex:  # type: ignore[override]
        return PostgresVectors(self)

    def scrub(self) -> tuple[str, ...]:
        with self.connect() as connection:
            for table in walls.walled(connection):
                # Not FULL, which would write every index anew and keep everybody out for as long.
                connection.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))
        note = "the server's pages, log and backups keep the bytes of erased rows, out of reach, until written over"
        return (note,)

    # Values

    def statement(self, name: str) -> str:
        return _queries.of_dialect("capsa.postgres")[name]

    def time(self, value: dt.datetime) -> dt.datetime:
        return value

    def datetime(self, value: dt.datetime) -> dt.datetime:
        return value.astimezone(dt.UTC)

    def array(self, values: Sequence[str] | Sequence[int]) -> list[str] | list[int]:
        return list(values)  # type: ignore[return-value]


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _lock_name(kind: str, owner: str, collection: str) -> str:
    return f"capsa\x1f{kind}\x1f{owner}\x1f{collection}"


def _roll_back(connection: psycopg.Connection) -> None:
    if not connection.closed:
        try:
            connection.execute("ROLLBACK")
        except psycopg.OperationalError:
            # The connection is gone, and the transaction with it; the pool replaces it.
            connection.close()
