"""Which database a name means, and opening it with both packages' tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from capsa import CapsaError, DatabaseUrl, SchemaPackage, open_database
from capsa import Database as Engine
from stoic_emperor import hosting
from stoic_emperor.config import DEFAULT_FILE, find_home
from stoic_emperor.errors import ConfigurationError, OlderTables, StoicError

if TYPE_CHECKING:
    from capsa import transfer

#: The tables of what is remembered, as the predecessor named them.
REMEMBERED = ("users", "sessions", "messages", "semantic_insights", "condensed_summaries", "profiles")

#: Whose a row is.
OWNERS = {**dict.fromkeys(REMEMBERED, "user_id"), "users": "id", "erased": "user_id", "origins": "keeper"}

#: Where the predecessor kept its vectors, beside its SQLite file.
CHROMA_FOLDER = "vector_db"
CHROMA_FILE = "chroma.sqlite3"

_OLDER_TABLES = frozenset({"users", "messages"})
_OUR_TABLE = "capsa_records"

#: How the file that holds our data beside an older one is told apart: ``stoic_emperor.capsa.db``.
OWN_MARK = ".capsa"


def schema(dialect: str) -> SchemaPackage:
    """Stoic Emperor's tables in one dialect."""
    folder = "sqlite" if dialect == "sqlite" else "postgres"
    return SchemaPackage("stoic_emperor", f"stoic_emperor.infrastructure.{folder}", OWNERS)


def named_url(name: str | Path | DatabaseUrl, home: Path) -> DatabaseUrl:
    """What a URL, or a path as the predecessor took it, says: to be read, as it may be an older program's file.

    Raises:
        capsa.InvalidUrl: the URL cannot be understood.
    """
    if isinstance(name, DatabaseUrl):
        return name
    if isinstance(name, str):
        return DatabaseUrl.named(name, home)
    return DatabaseUrl.for_path(home / name.expanduser())


def database_url(name: str | Path | DatabaseUrl, home: Path) -> DatabaseUrl:
    """The database that a URL, or a path as the predecessor took it, means.

    An older program's file at that path is never opened for writing: ours lies beside it.

    Raises:
        capsa.InvalidUrl: the URL cannot be understood.
    """
    url = named_url(name, home)
    if url.path is not None and is_older(url.path):
        return replace(url, path=own_path(url.path))
    return url


def own_path(older: Path) -> Path:
    """Where our data lies beside an older program's file."""
    return older.with_name(f"{older.stem}{OWN_MARK}{older.suffix or '.db'}")


def is_older(path: Path) -> bool:
    """Whether the predecessor wrote this file: it has the predecessor's tables and not ours."""
    # What is the matter with one that cannot be read, opening it will say.
    names = _tables(path, "mode=ro") or frozenset()
    return names >= _OLDER_TABLES and _OUR_TABLE not in names


def is_own(path: Path) -> bool:
    """Whether this file is a database of ours."""
    return _OUR_TABLE in (_tables(path, "mode=ro") or frozenset())


def _tables(path: Path, how: str) -> frozenset[str] | None:
    """The tables of a SQLite file, none for what is empty or no such file; None if it cannot be told."""
    if not path.is_file() or path.stat().st_size == 0:
        return frozenset()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error as error:
        return frozenset() if "not a database" in str(error) else None
    return frozenset(name for (name,) in rows)


def open_engine(url: DatabaseUrl) -> Engine:
    """Open the database; the tables of all packages are created or migrated here.

    Raises:
        ConfigurationError: the folder of a file is not there.
        OlderTables: tables of an earlier program are in the way.
        capsa.CapsaError: or one of its kinds, with the remedy.
    """
    _refuse(url)
    engine = open_database(url)
    try:
        for package in _packages(engine.dialect):
            engine.migrate(package)
    except BaseException:
        engine.close()
        raise
    return engine


def _packages(dialect: str) -> tuple[SchemaPackage, ...]:
    return schema(dialect), hosting.schema(dialect)


def look(url: DatabaseUrl) -> tuple[transfer.Look, tuple[Exception, ...]]:
    """What lies there, and what opening it or a migration would stop at; nothing is written or made."""
    from capsa import transfer

    found = transfer.look(url, hosting.HOUSE, _packages(url.dialect))
    if found.unseen is None:
        try:
            _refuse(url)
        except (StoicError, CapsaError) as error:
            return found, (error,)
    return found, found.errors


def _refuse(url: DatabaseUrl) -> None:
    _refuse_missing_folder(url)
    _refuse_chroma(url)
    _refuse_older_tables(url)


def _refuse_missing_folder(url: DatabaseUrl) -> None:
    """A mistyped path must not become a new, empty memory.

    Only below the working directory and the home folder is a folder made: ``./data`` is missing in a fresh checkout.
    """
    if url.path is None or url.path.parent.is_dir():
        return
    folder = url.path.parent
    if not any(folder.is_relative_to(home) for home in (Path.cwd(), find_home())):
        raise ConfigurationError(f"there is no folder {folder}: make it, or mend the path; nothing was created")


def _refuse_chroma(url: DatabaseUrl) -> None:
    """The folder's name as a file's: somebody meant the vectors, or their database."""
    if url.path is not None and url.path.name == CHROMA_FOLDER:
        raise ConfigurationError(
            f"{url.path} is where an earlier program kept vectors, and no database: name the database's file, such as "
            f"{url.path.with_name(DEFAULT_FILE.name)}; nothing was created"
        )


def _refuse_older_tables(url: DatabaseUrl) -> None:
    """Look before anything is created: ours have the names of the predecessor's."""
    if url.dialect != "postgresql":
        return
    try:
        older = has_older_tables(url)
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        # What is missing, opening it will say.
        return
    if older:
        raise OlderTables(
            f"{url} holds the tables of an earlier program (users, sessions, messages), which are never written to: "
            f"give ours another database, or a schema of their own in this one (CREATE SCHEMA stoic, and at the end of "
            f"DATABASE_URL ?options=-csearch_path%3Dstoic,public), then bring the past along with "
            f"`stoic migrate --from` and the URL as it is now; nothing was changed"
        )


def has_older_tables(url: DatabaseUrl) -> bool:
    """Whether tables in the current schema of a PostgreSQL database have names of ours, and are another program's.

    Raises:
        capsa.DatabaseUnavailable: or one of its kinds: it cannot be reached.
    """
    from capsa import transfer

    with transfer.connect_source(url) as connection:
        rows = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND attname = 'original') "
            "FROM pg_class AS c WHERE relnamespace = current_schema()::regnamespace "
            "AND relkind IN ('r', 'p', 'v', 'm') AND relname = ANY (%s)",
            (list(REMEMBERED),),
        ).fetchall()
    return bool(rows) and not all(ours for (ours,) in rows)


def data_folder(url: DatabaseUrl) -> Path:
    """Where files of an earlier memory lie: beside ours, or, with a server, where ours would lie."""
    return (find_home() / DEFAULT_FILE if url.path is None else url.path).parent


def older_files(url: DatabaseUrl) -> tuple[Path, ...]:
    """What an older program left in the data folder, and copies, under whatever name: they hold what they held."""
    folder = data_folder(url)
    if not folder.is_dir():
        return ()
    name = url.path.name if url.path is not None else DEFAULT_FILE.name
    stem = Path(name).stem.removesuffix(OWN_MARK)
    named_alike = (f"{stem}.", f"{stem}-", f"{Path(name).stem}.", CHROMA_FOLDER)
    own = set() if url.path is None else {name, f"{name}-wal"}
    # Locks and shared memory hold nothing of a memory.
    holding = (path for path in sorted(folder.iterdir()) if not path.name.endswith(("-lock", "-shm")))
    others = [path for path in holding if path.name not in own]
    found = {path.name for path in others if path.name.startswith(named_alike) or _holds_a_memory(path)}
    return tuple(path for path in others if path.name in found or path.name.removesuffix("-wal") in found)


def _holds_a_memory(path: Path) -> bool:
    """Also what cannot be read may."""
    try:
        if path.is_dir():
            return (path / CHROMA_FILE).is_file()
        # As it is: this neither waits for a writer nor leaves files beside one in WAL mode.
        names = _tables(path, "immutable=1")
    except PermissionError:
        return True
    return names is None or _OUR_TABLE in names or names >= _OLDER_TABLES
