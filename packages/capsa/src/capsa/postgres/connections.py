"""Connections to one server: lent from a pool, and an error soon where there is no server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from capsa.errors import CapsaError, DatabaseUnavailable
from capsa.postgres import errors
from capsa.url import DatabaseUrl

# What the pool tells of each attempt is for whoever logs. Without a handler Python would write it to stderr, and what
# is raised says it already.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())

#: Seconds that a connection is waited for before it is asked whether the server is there at all.
_SOON = 1.0
#: Seconds for which a server that was found away is not asked again; whoever comes meanwhile is told at once.
_AWAY = 2.0


class Connections:
    """The connections of one database object; those who use them are many threads."""

    def __init__(
        self,
        url: DatabaseUrl,
        sizes: tuple[int, int],
        patience: float,
        configure: Callable[[psycopg.Connection], None],
    ) -> None:
        """Nothing is connected yet.

        Args:
            url: where to.
            sizes: the fewest and the most of the pool.
            patience: seconds to wait for a connection.
            configure: called with every new one.
        """
        self.url = url
        self._sizes = sizes
        self._patience = patience
        self._configure = configure
        self._guard = threading.Lock()
        self._pool: ConnectionPool | None = None
        #: Why the server was found away, and until when that is believed.
        self._away: CapsaError | None = None
        self._away_until = 0.0

    def make(self, patience: float | None = None) -> psycopg.Connection:
        """A connection outside the pool, in autocommit mode.

        Args:
            patience: seconds to wait for it; default: as for all.

        Raises:
            DatabaseUnavailable: or another of `CapsaError`: why there is none.
        """
        try:
            connection = psycopg.connect(**self._parameters(self._patience if patience is None else patience))
        except psycopg.Error as error:
            raise errors.translate(error, self.url) or error from error
        self._configure(connection)
        return connection

    @contextmanager
    def lent(self, begin: Callable[[psycopg.Connection], object]) -> Iterator[psycopg.Connection]:
        """A connection of the pool; soon an error if the server is away, and at once while that is known.

        Args:
            begin: runs the first statement on it. A restart of the server leaves dead connections behind, which this
                shows without a statement of its own; then another connection takes the place of those.
        """
        pool = self._open_pool()
        connection = self._begun(pool, begin)
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def close(self) -> None:
        """Give all up; the next use opens new ones."""
        with self._guard:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _parameters(self, patience: float) -> dict[str, Any]:
        return {
            "connect_timeout": max(2, round(patience)),
            "application_name": "capsa",
            **self.url.conninfo(),
            "autocommit": True,
            # Poolers in transaction mode, and plans that know the owner: nothing is prepared.
            "prepare_threshold": None,
        }

    def _open_pool(self) -> ConnectionPool:
        with self._guard:
            if self._pool is None:
                self._pool = ConnectionPool(
                    kwargs=self._parameters(self._patience),
                    min_size=self._sizes[0],
                    max_size=self._sizes[1],
                    # One that failed is not tried again later, and later still, but when it is next asked for.
                    reconnect_timeout=0.0,
                    configure=self._configure,
                    open=True,
                    name="capsa",
                )
            return self._pool

    def _begun(
        self, pool: ConnectionPool, begin: Callable[[psycopg.Connection], object], *, again: bool = True
    ) -> psycopg.Connection:
        connection = self._take(pool)
        try:
            begin(connection)
        except BaseException as error:
            is_dead = connection.closed and isinstance(error, psycopg.OperationalError)
            pool.putconn(connection)
            if not again or not is_dead:
                raise
            # So are all others that were idle, and each would be found out alone.
            pool.check()
            return self._begun(pool, begin, again=False)
        return connection

    def _take(self, pool: ConnectionPool) -> psycopg.Connection:
        self._look_again()
        try:
            return pool.getconn(min(_SOON, self._patience))
        except PoolTimeout:
            # The pool tells only that it waited; a connection of our own tells why, or that all are busy.
            self._ask()
        # After a restart of the server all that were idle are dead, and would be found out one by one.
        pool.check()
        try:
            return pool.getconn(self._patience + 1)
        except PoolTimeout:
            raise DatabaseUnavailable(f"all connections to {self.url} were busy for too long: try again") from None

    def _look_again(self) -> None:
        """Of those who come while the server is known to be away, one looks now and then whether it is back."""
        with self._guard:
            away = self._away
            mine = time.monotonic() >= self._away_until
            if away is not None and mine:
                self._away_until = time.monotonic() + _AWAY
        if away is None:
            return
        if not mine:
            raise type(away)(str(away))
        self._ask(_AWAY)

    def _ask(self, patience: float | None = None) -> None:
        try:
            self.make(patience).close()
        except CapsaError as error:
            with self._guard:
                self._away, self._away_until = error, time.monotonic() + _AWAY
            raise
        with self._guard:
            self._away = None
