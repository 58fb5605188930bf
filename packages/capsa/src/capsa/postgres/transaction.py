"""Statements inside one transaction of PostgreSQL."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import psycopg

from capsa import _queries
from capsa.database import NO_PARAMETERS, Parameters, Row, Transaction

if TYPE_CHECKING:
    from capsa.postgres.database import PostgresDatabase

_FIRST_FETCH = 16
_ROWS_PER_FETCH = 1_000
_BYTES_PER_FETCH = 2_000_000


class PostgresTransaction(Transaction):
    """An open transaction of one PostgreSQL database."""

    def __init__(self, database: PostgresDatabase, connection: psycopg.Connection, owner: str | None) -> None:
        self.database = database
        self.connection = connection
        self.owner = owner
        self.afterwards = []
        # Cursors open at the same time need different names.
        self._cursors = itertools.count()

    @property
    def active(self) -> bool:
        return not self.connection.closed

    def rebind(self, owner: str) -> None:
        super().rebind(owner)
        self.execute("SELECT set_config('capsa.owner', :owner, true)", {"owner": owner})

    def execute(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> list[Row]:
        cursor = self.connection.execute(_text(sql), parameters, binary=True)
        # Asking for the description would describe every column, which takes as long as a small statement.
        return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []

    def execute_many(self, sql: str, rows: Sequence[Parameters]) -> int:
        if len(rows) == 1:
            # Without the pipeline of many, which costs more than the statement.
            return int(self.connection.execute(_text(sql), rows[0]).rowcount)
        with self.connection.cursor() as cursor:
            cursor.executemany(_text(sql), rows)
            return int(cursor.rowcount)

    def stream(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> Iterator[Row]:
        with self.connection.cursor(name=f"capsa_{next(self._cursors)}", binary=True) as cursor:
            cursor.execute(_text(sql), parameters)
            size = _FIRST_FETCH
            while rows := cursor.fetchmany(size):
                yield from rows
                # Rows may have megabytes each, so what is fetched at a time is bounded by bytes.
                length = sum(len(value) for row in rows for value in row if isinstance(value, (str, bytes)))
                size = max(1, min(4 * size, _ROWS_PER_FETCH, len(rows) * _BYTES_PER_FETCH // max(length, 1)))

    def script(self, sql: str) -> None:
        # Without parameters psycopg sends the whole script at once.
        self.connection.execute(sql.encode())


@functools.lru_cache(maxsize=1024)
def _text(statement: str) -> bytes:
    return _queries.to_psycopg(statement).encode()
