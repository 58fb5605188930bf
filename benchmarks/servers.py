"""The PostgreSQL server of the benchmarks: kept in the cache, so that large databases are loaded once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from benchmarks import places
from capsa import DatabaseUrl, LocalPostgres


class Servers:
    """Started when first asked for, stopped at the end."""

    def __init__(self) -> None:
        self._server: LocalPostgres | None = None
        self.version: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.__exit__(kind, error, trace)
            self._server = None

    def kept(self, name: str) -> str:
        """The URL of a database that stays for later runs; made if missing."""
        server = self._started()
        with psycopg.connect(server.url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return server.url_of(name)

    def drop(self, name: str) -> None:
        with psycopg.connect(self._started().url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of an empty database, dropped at the end."""
        name = f"bench_{uuid.uuid4().hex[:12]}"
        try:
            yield self.kept(name)
        finally:
            self.drop(name)

    @contextmanager
    def copied(self, url: str) -> Iterator[str]:
        """The URL of a copy of a database that nobody uses now, to write to; dropped at the end."""
        of, copy = DatabaseUrl.parse(url).database, f"bench_{uuid.uuid4().hex[:12]}"
        assert of is not None
        server = self._started()
        try:
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(copy), sql.Identifier(of))
                )
            yield server.url_of(copy)
        finally:
            self.drop(copy)

    def _started(self) -> LocalPostgres:
        if self._server is None:
            server = LocalPostgres(places.databases() / "postgres")
            server.__enter__()
            self._server = server
            with psycopg.connect(server.url) as connection:
                self.version = (
                    str(connection.info.server_version // 10000) + "." + str(connection.info.server_version % 10000)
                )
        return self._server
