"""Where the memory is kept: in a SQLite file or a PostgreSQL database, with the same methods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage._backend import StorageBackend
from afterimage.authors import author_of
from afterimage.entries import OWNER, StorageEntry, StorageStats

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig
    from capsa import DatabaseUrl, Embedder, Store

__all__ = [
    "PostgreSQLBackend",
    "SQLiteBackend",
    "StorageBackend",
    "StorageEntry",
    "StorageStats",
    "SyncPostgreSQLBackend",
    "get_storage_backend",
]


class SQLiteBackend(StorageBackend):
    """The memory in a SQLite file."""

    backend_type = "sqlite"

    def __init__(
        self,
        db_path: Path | str | None = None,
        *,
        own_file: Path | None = None,
        embedder: Callable[[], Embedder | None] | None = None,
        report: Callable[[str], None] | None = None,
        author: Callable[[], str] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            db_path: the memory's file; default as configured. If an older program's memory is there, its
                entries are carried over at first use into a file beside it; the older file is only read.
            own_file: a file of ours that exists or is to be made under exactly this name, instead of ``db_path``.
            embedder, author: see `StorageBackend`.
            report: gets each line of progress of that carrying over; default stderr.

        Raises:
            ConfigError: the configuration, if it is needed, cannot be used.
        """
        super().__init__(embedder=embedder, author=author)
        self._own_file = own_file
        #: Which file is open.
        self._file: tuple[int, int] | None = None
        if own_file is not None:
            db_path = own_file
        elif db_path is None:
            from afterimage.config import load_config

            db_path = load_config().storage.sqlite.path
        #: As configured; the data may be beside it, see `db_path`.
        self.configured_path = Path(db_path).expanduser().absolute()
        self._report = report

    @property
    def db_path(self) -> Path:
        """The file that holds the entries."""
        from afterimage.config import own_path

        return self._own_file or own_path(self.configured_path)

    def exists(self) -> bool:
        """Whether anything is there to open: a memory of ours, or an older one."""
        return self.db_path.exists() or self.configured_path.exists()

    def _url(self) -> DatabaseUrl:
        from capsa import DatabaseUrl

        return DatabaseUrl.for_path(self.db_path)

    @property
    def capsa_store(self) -> Store:
        """The store of the engine underneath; of the file that has the name now, also if somebody put it there."""
        with self._guard:
            if self._store is not None and _identity(self._store.database.url.path) != self._file:
                # What is written into a file that is gone is gone, too.
                self.close()
            return super().capsa_store

    def _open(self) -> Store:
        store = super()._open()
        self._file = _identity(store.database.url.path)
        return store

    def _before_open(self) -> None:
        from afterimage.first_use import carry_over_once

        carry_over_once(self.configured_path, self.db_path, self._report)


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Which file has this name; None if none has. Without opening it, which would cost this process its locks."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


class PostgreSQLBackend(StorageBackend):
    """The memory in a PostgreSQL database with pgvector."""

    backend_type = "postgresql"

    def __init__(  # noqa: PLR0917  # where earlier callers have them
        self,
        host: str | None = "localhost",
        port: int | None = 5432,
        database: str | None = "afterimage",
        user: str | None = "afterimage",
        password: str | None = None,
        connection_string: str | DatabaseUrl | None = None,
        min_pool_size: int = 2,
        max_pool_size: int = 10,
        embedding_dim: int | None = None,
        *,
        embedder: Callable[[], Embedder | None] | None = None,
        owner: str = OWNER,
        author: Callable[[], str] | None = None,
        state_directory: Path | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            password: any characters; None leaves it to libpq (PGPASSWORD, ~/.pgpass).
            connection_string: in place of the five before it.
            embedder, embedding_dim, owner, author: see `StorageBackend`.
            state_directory: where to note that this database was used, see `afterimage.state`.

        Raises:
            capsa.InvalidUrl: the connection string cannot be understood.
        """
        super().__init__(embedder=embedder, embedding_dim=embedding_dim, owner=owner, author=author)
        from capsa import DatabaseUrl

        if isinstance(connection_string, str):
            connection_string = DatabaseUrl.parse(connection_string)
        self._server = connection_string or DatabaseUrl(
            dialect="postgresql", host=host, port=port, database=database, user=user, password=password
        )
        self._sizes = (min_pool_size, max_pool_size)
        self._state_directory = state_directory

    def _url(self) -> DatabaseUrl:
        return self._server

    def _options(self) -> dict[str, Any]:
        return {"min_connections": self._sizes[0], "max_connections": self._sizes[1]}

    def _open(self) -> Store:
        store = super()._open()
        if self._state_directory is not None:
            from afterimage.state import remember_postgresql

            remember_postgresql(self._state_directory, self._server)
        return store


#: The earlier program's name of the backend that is not asynchronous; here there is no other.
SyncPostgreSQLBackend = PostgreSQLBackend


def get_storage_backend(config: AfterImageConfig | None = None) -> SQLiteBackend | PostgreSQLBackend:
    """The memory as configured. Nothing is opened before its first use.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    from afterimage.config import check_folder, load_config, postgresql_url

    config = config or load_config()
    if config.storage.backend == "sqlite":
        check_folder(config)
        return SQLiteBackend(
            config.storage.sqlite.path, embedder=lambda: embedder_of(config), author=lambda: author_of(config)
        )
    return PostgreSQLBackend(
        connection_string=postgresql_url(config),
        min_pool_size=config.storage.postgresql.min_pool_size,
        max_pool_size=config.storage.postgresql.max_pool_size,
        embedder=lambda: embedder_of(config),
        owner=config.storage.postgresql.owner,
        author=lambda: author_of(config),
        state_directory=config.directory,
    )


def embedder_of(config: AfterImageConfig) -> Embedder | None:
    """The model that ``config`` names.

    Raises:
        capsa.EmbedderUnavailable: there is no such model.
    """
    from capsa import open_embedder

    wanted = config.embeddings
    return open_embedder(wanted.model, base_url=wanted.base_url, api_key=wanted.api_key)
