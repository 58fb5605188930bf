"""A database and its transactions, whatever the dialect."""

from __future__ import annotations

import abc
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from capsa._schema import SchemaPackage
from capsa.errors import InvalidRecord, MissingExtra
from capsa.records import PUBLIC_OWNER
from capsa.url import DatabaseUrl, Dialect

if TYPE_CHECKING:
    from capsa.search.vectors import VectorIndex

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]

#: Nobody may put anything in.
NO_PARAMETERS: Parameters = {}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table of the lexical index that many rows are put into at once."""

    #: What a row is called in the names of statements.
    row: str
    name: str
    #: What it has beside owner and collection, with PostgreSQL's types: bigint or bytea.
    columns: Mapping[str, str]


#: The values of a row, in the order of its columns.
LoadedRow = tuple[int | bytes, ...]


class Transaction(abc.ABC):
    """An open transaction. Made by `Database.read`, `Database.write` and `Database.maintain`."""

    #: The owner whose rows it sees, or None for maintenance.
    owner: str | None
    database: Database
    #: The driver's own connection, for what only the driver can do (COPY, backup).
    connection: Any
    #: Done once all of it is committed, and its locks are free: work that nobody need wait for, such as on indexes.
    afterwards: list[Callable[[], None]]

    @property
    @abc.abstractmethod
    def active(self) -> bool:
        """Whether there is still something to commit or to undo."""

    @abc.abstractmethod
    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> list[Row]:
        """Run one statement with ``:name`` parameters; the rows it returns, if any."""

    @abc.abstractmethod
    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        """Run one statement for each of ``rows``; the number of rows changed."""

    @abc.abstractmethod
    def stream(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> Iterator[Row]:
        """Run one query and give its rows in constant memory."""

    @abc.abstractmethod
    def script(self, sql: str) -> None:
        """Run several statements without parameters, inside this transaction."""

    def rebind(self, owner: str) -> None:
        """Go on for another owner, and see only their rows from here on: small writes of many, committed together.

        Raises:
            InvalidRecord: the owner is `PUBLIC_OWNER`.
            ValueError: this is maintenance, which is bound to nobody.
        """
        if self.owner is None:
            raise ValueError("maintenance is bound to no owner")
        self.owner = check_writer(owner)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what is done inside, and nothing else of the transaction, if it raises."""
        self.execute("SAVEPOINT capsa_part")
        try:
            yield
        except BaseException:
            # A full disk or a lost connection has undone everything already.
            if self.active:
                self.script("ROLLBACK TO SAVEPOINT capsa_part; RELEASE SAVEPOINT capsa_part")
            raise
        self.execute("RELEASE SAVEPOINT capsa_part")

    def query(self, name: str, parameters: Parameters = NO_PARAMETERS) -> list[Row]:
        """`execute` a statement named in the dialect's ``queries.sql``."""
        return self.execute(self.database.statement(name), parameters)


class Database(abc.ABC):
    """One database: connections, transactions, schema. Thread-safe; open a new one after a fork."""

    dialect: Dialect
    url: DatabaseUrl
    #: Whether `maintain` keeps others from the tables while it lasts.
    exclusive_maintenance: bool
    #: Stores vectors and finds the nearest.
    vectors: VectorIndex

    @abc.abstractmethod
    def read(self, owner: str) -> AbstractContextManager[Transaction]:
        """One consistent, read-only snapshot of what ``owner`` may see."""

    @abc.abstractmethod
    def write(self, owner: str) -> AbstractContextManager[Transaction]:
        """One transaction of ``owner``: committed at the end, rolled back on an exception.

        Raises:
            InvalidRecord: the owner is `PUBLIC_OWNER`, whose rows are written in `maintain` only.
        """

    @abc.abstractmethod
    def maintain(self) -> AbstractContextManager[Transaction]:
        """One transaction bound to no owner, for transfers and the schema. Committed at the end."""

    @abc.abstractmethod
    def migrate(self, package: SchemaPackage) -> None:
        """Create or migrate the tables of ``package``, once, whichever process comes first.

        Raises:
            SchemaTooNew: a newer version of the software has been here.
        """

    @abc.abstractmethod
    def statement(self, name: str) -> str:
        """The SQL of a statement of the engine in this dialect."""

    @abc.abstractmethod
    def lock(self, tx: Transaction, kind: str, owner: str, collection: str) -> None:
        """Wait for one thing of one collection, until the transaction ends."""

    @abc.abstractmethod
    def try_lock(self, tx: Transaction, kind: str, owner: str, collection: str) -> bool:
        """`lock` if it is free now."""

    @abc.abstractmethod
    def load(self, tx: Transaction, table: Loaded, owner: str, collection: str, rows: Iterable[LoadedRow]) -> None:
        """Store new rows of the lexical index; there may be megabytes of them."""

    @abc.abstractmethod
    def maintain_vectors(self) -> None:
        """Make the vector indexes that the present sizes need."""

    @abc.abstractmethod
    def scrub(self) -> tuple[str, ...]:
        """Leave no trace of deleted rows in the database's files, as far as the database can.

        A SQLite file is written anew, which takes as long as its size. A server gives the rows up.

        Returns:
            What could not be done, for a person; empty if everything was.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Give up all connections; a second call does nothing."""

    @abc.abstractmethod
    def time(self, value: dt.datetime) -> Any:
        """An aware time as a parameter of this dialect."""

    @abc.abstractmethod
    def datetime(self, value: Any) -> dt.datetime:
        """A time column's value as an aware datetime in UTC."""

    @abc.abstractmethod
    def array(self, values: Sequence[str] | Sequence[int]) -> Any:
        """A list as one parameter, for ``= ANY(:x)`` and ``IN (SELECT value FROM json_each(:x))``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def check_writer(owner: str) -> str:
    """The owner to whom a transaction that writes is bound.

    Raises:
        InvalidRecord: it is `PUBLIC_OWNER`.
    """
    if owner == PUBLIC_OWNER:
        raise InvalidRecord(f"what belongs to {PUBLIC_OWNER!r} is written in maintenance only: use Database.maintain")
    return owner


def open_database(url: str | DatabaseUrl, **options: Any) -> Database:
    """Open a database; its schema is created or migrated here.

    Args:
        url: ``sqlite:///path``, ``postgresql://…`` or ``postgres://…``.
        options: of `capsa.sqlite.SqliteDatabase` or `capsa.postgres.PostgresDatabase`.

    Raises:
        InvalidUrl: the URL cannot be understood.
        MissingExtra: PostgreSQL without its driver.
        DatabaseUnavailable: or one of its kinds, with the remedy.
        SchemaTooNew: a newer version of the software has been here.
    """
    if isinstance(url, str):
        url = DatabaseUrl.parse(url)
    if url.dialect == "sqlite":
        from capsa.sqlite.database import SqliteDatabase

        return SqliteDatabase(url, **options)
    try:
        from capsa.postgres.database import PostgresDatabase
    except ModuleNotFoundError as error:
        if error.name not in {"psycopg", "psycopg_pool"}:
            raise
        raise missing_driver() from None
    return PostgresDatabase(url, **options)


def missing_driver() -> MissingExtra:
    """PostgreSQL is asked for, and its driver is an extra."""
    return MissingExtra('PostgreSQL needs its driver, which is not installed: pip install "capsa[postgresql]"')
