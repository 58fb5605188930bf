"""PostgreSQL's binary COPY, in both directions (PostgreSQL documentation, COPY, "Binary Format")."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator

import psycopg
from psycopg import sql

from capsa.transfer.tables import Kind

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
#: The signature, no flags, no header extension.
_HEADER = _SIGNATURE + bytes(8)
_TRAILER = b"\xff\xff"
_COUNT = struct.Struct("!h")
#: About so much is put together and sent at once.
_WRITE_BYTES = 128 * 1024


def copy_in(connection: psycopg.Connection, table: str, columns: Iterable[str], bodies: Iterable[bytes]) -> None:
    """Load rows; each body is the row's fields as `capsa.transfer.tables.join` makes them.

    What is sent is loaded by the server while the bodies after it are made, so they best come one by one.
    """
    names = list(columns)
    count = _COUNT.pack(len(names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    rows = iter(bodies)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER)
        # How many come next is told by the size of the last: measuring each takes longer than sending it.
        at_once = 1
        while some := list(itertools.islice(rows, at_once)):
            data = count.join((b"", *some))
            copy.write(data)
            at_once = max(1, min(2 * at_once, at_once * _WRITE_BYTES // len(data)))
        copy.write(_TRAILER)


def copy_out(connection: psycopg.Connection, query: sql.Composable) -> Iterator[bytes]:
    """The rows of a query, each as its fields without their count, in constant memory."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        # libpq gives one message at a time; the server sends one row a message, the header with the first.
        message = bytes(copy.read())
        (extension,) = struct.unpack_from("!i", message, 15)
        message = message[19 + extension :]
        received = connection.pgconn.get_copy_data
        while message != _TRAILER:
            yield message[2:]
            # What has come already is taken without psycopg's way of waiting, which costs more than the row.
            size, data = received(1)
            if size < 0:
                _raise_error(connection)
            message = bytes(data if size else copy.read())
        copy.read()


def _raise_error(connection: psycopg.Connection) -> None:
    """What ended a COPY before its last row."""
    # All of them are taken: before, the connection is of no use for anything else.
    for result in list(iter(connection.pgconn.get_result, None)):
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, connection.info.encoding)


def key_list(columns: Iterable[str], kinds: Iterable[Kind], keys: Iterable[tuple[object, ...]]) -> sql.Composable:
    """``unnest(ARRAY…, ARRAY…) AS k(a, b)``: many keys as a table to join with."""
    names = list(columns)
    values = list(zip(*keys, strict=True))
    arrays = [
        sql.SQL("{}::{}[]").format(sql.Literal(_array(column)), sql.SQL(kind.value))
        for column, kind in zip(values, kinds, strict=True)
    ]
    return sql.SQL("unnest({}) AS k({})").format(
        sql.SQL(", ").join(arrays), sql.SQL(", ").join(map(sql.Identifier, names))
    )


def _array(values: Iterable[object]) -> str:
    """An array as PostgreSQL reads it; psycopg's own way takes several times as long."""
    quoted = [str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return "{" + ",".join([f'"{value}"' for value in quoted]) + "}"
