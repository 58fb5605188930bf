"""The SQLite side of `capsa.database`.

WAL: readers never wait. A commit is flushed before it is acknowledged, so it survives a power cut; see
`SqliteDatabase._make_durable` for where. Every
write and checkpoint happens under `WriterLock`, see there.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import re
import sqlite3
import stat
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from capsa import _queries, _schema
from capsa._schema import SchemaPackage
from capsa.database import NO_PARAMETERS, Database, Loaded, LoadedRow, Parameters, Row, Transaction, check_writer
from capsa.errors import CapsaError, DatabaseBusy, DatabaseDamaged, DatabaseFull, DatabaseUnavailable
from capsa.sqlite import still
from capsa.sqlite.lock import WriterLock
from capsa.url import DatabaseUrl

if TYPE_CHECKING:
    from capsa.search.vectors import VectorIndex

#: ``PRAGMA application_id`` of our files: "Caps" in ASCII.
APPLICATION_ID = 0x43617073
SCHEMA = SchemaPackage("capsa", "capsa.sqlite")

_flush = getattr(os, "fdatasync", os.fsync)

#: Seconds that closing waits for a writer: a hook must be gone soon.
_CLOSING_WAIT = 1.0

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class SqliteTransaction(Transaction):
    """An open transaction of one SQLite file."""

    def __init__(self, database: SqliteDatabase, connection: sqlite3.Connection, owner: str | None) -> None:
        self.database = database
        self.connection = connection
        self.owner = owner
        self.afterwards = []

    @property
    def active(self) -> bool:
        return bool(self.connection.in_transaction)

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> list[Row]:
        rows: list[Row] = self.connection.execute(sql, parameters).fetchall()
        return rows

    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        changed: int = self.connection.executemany(sql, rows).rowcount
        return changed

    def stream(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> Iterator[Row]:
        return iter(self.connection.execute(sql, parameters))

    def script(self, sql: str) -> None:
        for statement in _queries.statements(sql):
            self.connection.execute(statement)


class SqliteDatabase(Database):
    """One SQLite file."""

    dialect = "sqlite"
    exclusive_maintenance = False

    def __init__(self, url: DatabaseUrl, *, timeout: float = 30.0) -> None:
        """Open or create the file.

        Args:
            url: of dialect ``sqlite``.
            timeout: seconds to wait for other writers.

        Raises:
            DatabaseUnavailable: the file or its folder cannot be used.
            DatabaseDamaged: it is not a SQLite database, or damaged.
            SchemaTooNew: a newer version of the software has been here.
        """
        if url.path is None:
            raise ValueError("not the URL of a file")
        self.url = url
        self.path: Path = url.path
        self._timeout = timeout
        self._lock = WriterLock(self.path)
        self._packages: list[SchemaPackage] = []
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._finalizer = weakref.finalize(self, _close_all, self._idle, self._lock)
        self.migrate(SCHEMA)

    def statement(self, name: str) -> str:
        return _queries.of_dialect("capsa.sqlite")[name]

    @contextmanager
    def read(self, owner: str) -> Iterator[Transaction]:
        with self._borrow() as connection, self._transaction(connection, "BEGIN", owner) as tx:
            yield tx

    @contextmanager
    def write(self, owner: str) -> Iterator[Transaction]:
        check_writer(owner)
        with self._writing(owner) as tx:
            yield tx

    @contextmanager
    def maintain(self) -> Iterator[Transaction]:
        with self._writing(None) as tx:
            yield tx

    @contextmanager
    def _writing(self, owner: str | None) -> Iterator[Transaction]:
        with (
            self._borrow() as connection,
            self._lock.hold(self._timeout),
            self._transaction(connection, "BEGIN IMMEDIATE", owner) as tx,
        ):
            yield tx
        self._make_durable()
        for work in tx.afterwards:
            work()

    def _make_durable(self) -> None:
        """Wait until what was committed is on the disk, without keeping the next writer waiting.

        What synchronous=FULL does inside the commit; outside of the lock, one flush serves several writers.
        """
        try:
            journal = os.open(f"{self.path}-wal", os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            # Another process closed the file since, and what was in the journal is in the database, flushed.
            return
        try:
            _flush(journal)
        except OSError as error:
            raise DatabaseUnavailable(
                f"{self.path}: what was written may not be on the disk ({error.strerror}): check the disk"
            ) from error
        finally:
            os.close(journal)

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection, begin: str, owner: str | None) -> Iterator[Transaction]:
        try:
            connection.execute(begin)
            try:
                yield SqliteTransaction(self, connection, owner)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def migrate(self, package: SchemaPackage) -> None:
        self._packages.append(package)
        if self.path.exists():
            if package is SCHEMA:
                self._refuse_what_is_no_file()
                self._refuse_another_programs()
            try:
                with self.read("") as tx:
                    applied = _schema.applied_version(tx, package)
            except DatabaseUnavailable as error:
                if not isinstance(error.__cause__, sqlite3.OperationalError) or "no such table" not in str(
                    error.__cause__
                ):
                    raise
            else:
                if _schema.check(package, applied, str(self.path)):
                    return
        else:
            self._create_file()
        with self.maintain() as tx:
            if package is SCHEMA:
                self._check_ours(tx.connection)
                self._check_whole(tx)
                tx.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            _schema.apply(tx, package, str(self.path))

    def _refuse_what_is_no_file(self) -> None:
        """SQLite would wait at a pipe for ever, and write into a device."""
        if not self.path.is_file():
            raise DatabaseUnavailable(
                f"{self.path} is {_kind(self.path)}, where a database file should be: name a file; nothing was changed"
            )

    def _refuse_another_programs(self) -> None:
        """Look before opening for writing: not even the journal mode of another program's file may change.

        By SQLite, never by a look into the file: whoever closes a file gives up the locks on it of the whole process
        (POSIX), those of other connections too, and another process would take the journal away from under them.
        """
        try:
            if still.is_still(self.path):
                with still.reading(self.path) as connection:
                    self._check_ours(connection)
                return
            connection = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, timeout=self._timeout)
            try:
                self._check_ours(connection)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _check_ours(self, connection: sqlite3.Connection) -> None:
        # In this order: our first tables and the stamp come in one transaction, maybe between the two looks.
        table = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 1").fetchone()
        if table and connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise DatabaseUnavailable(
                f"{self.path} is another program's database (it has a table {table[0]!r}): "
                f"name a new file, or read this one with a migration; nothing was changed"
            )

    def _check_whole(self, tx: Transaction) -> None:
        """Making the tables would stop at those that are left, and not say which are gone."""
        there = {name for (name,) in tx.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if _schema.BOOKKEEPING not in there and (gone := SCHEMA.gone(there, None)):
            raise DatabaseDamaged(f"{_schema.said_gone(gone, str(self.path))}: restore a backup")

    def _create_file(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The journal files take the mode of the database file.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR))
        except OSError as error:
            raise DatabaseUnavailable(f"cannot create {self.path}: {error.strerror}") from error

    @contextmanager
    def _borrow(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None and still.is_still(self.path):
            with still.reading(self.path) as connection:
                yield connection
            return
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            with self._guard:
                self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        try:
            uri = f"{self.path.as_uri()}?mode=rw"
            connection = sqlite3.connect(
                uri, uri=True, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                with self._lock.hold(self._timeout):
                    # A read-only folder keeps its journal mode; reading goes on.
                    connection.execute("PRAGMA journal_mode = WAL")
            for pragma in (
                "synchronous = NORMAL",
                "secure_delete = ON",
                "cache_size = -8192",
                "temp_store = MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise self._translate(error) from error
        return connection

    def _translate(self, error: sqlite3.Error) -> CapsaError:
        text = str(error)
        if "locked" in text or "busy" in text:
            return DatabaseBusy(f"{self.path} is in use by another program: try again")
        if "not a database" in text or "malformed" in text or "disk image" in text:
            return DatabaseDamaged(f"{self.path} is not a SQLite database, or it is damaged ({text}): restore a backup")
        # On a full disk there is no way to write, and none to make the files that writing needs.
        if "full" in text or (("readonly" in text or "I/O" in text) and still.is_full(self.path)):
            return DatabaseFull(still.no_space(self.path))
        if match := re.match(r"no such table: (?:main\.)?(\w+)", text):
            if any(match[1] in package.relations() for package in self._packages):
                return DatabaseDamaged(f"{_schema.said_gone([match[1]], str(self.path))}: restore a backup")
        elif "already exists" in text:
            return DatabaseDamaged(f"the tables in {self.path} are not as they were made ({text}): restore a backup")
        if "unable to open" in text:
            return DatabaseUnavailable(f"cannot open {self.path}: check that the file exists and may be written")
        if "readonly" in text:
            return DatabaseUnavailable(
                f"{self.path} may not be written: check the permissions of the file and its folder"
            )
        remedy = ": if there is no space or quota left, free some; else check the disk" if "I/O" in text else ""
        return DatabaseUnavailable(f"{self.path}: {text}{remedy}")

    def close(self) -> None:
        with self._guard:
            _close_all(self._idle, self._lock)

    def lock(self, tx: Transaction, kind: str, owner: str, collection: str) -> None:
        """Nothing to do: whoever writes holds the whole file."""

    def try_lock(self, tx: Transaction, kind: str, owner: str, collection: str) -> bool:  # noqa: ARG002 - as in Database
        return True

    def load(self, tx: Transaction, table: Loaded, owner: str, collection: str, rows: Iterable[LoadedRow]) -> None:
        key = {"owner": owner, "collection": collection}
        complete = ({**key, **dict(zip(table.columns, row, strict=True))} for row in rows)
        tx.connection.executemany(self.statement(f"lexical_add_{table.row}"), complete)

    def maintain_vectors(self) -> None:
        """Nothing to do: the codes are kept with every write."""

    @functools.cached_property
    def vectors(self) -> VectorIndex:  # type: ignore[override]
        # numpy takes a tenth of a second to load, and not every process searches.
        from capsa.sqlite.codes import SqliteVectors

        return SqliteVectors()

    def scrub(self) -> tuple[str, ...]:
        with self._borrow() as connection, self._lock.hold(self._timeout):
            try:
                # Deleted cells are overwritten at once (secure_delete); what page splits left of them is not.
                connection.execute("VACUUM")
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error as error:
                raise self._translate(error) from error
        if busy:
            return (f"{self.path}-wal still holds old pages while another program reads: it goes when that one ends",)
        return ()

    def time(self, value: dt.datetime) -> int:
        return (value - _EPOCH) // _MICROSECOND

    def datetime(self, value: int) -> dt.datetime:
        return _EPOCH + dt.timedelta(microseconds=value)

    def array(self, values: Sequence[str] | Sequence[int]) -> str:
        return json.dumps(values)


def _kind(path: Path) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(path.stat().st_mode), "a device")


def _close_all(idle: list[sqlite3.Connection], lock: WriterLock) -> None:
    if not idle:
        return
    try:
        # Closing the last connection checkpoints, which is a write.
        with lock.hold(_CLOSING_WAIT):
            while idle:
                idle.pop().close()
    except DatabaseUnavailable:
        # Whoever holds the lock has the file open, so none of ours is the last.
        while idle:
            idle.pop().close()
