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
_WRITE_ROWS = 64


def copy_in(connection: psycopg.Connection, table: str, columns: Iterable[str], bodies: Iterable[bytes]) -> None:
    """Load rows; each body is the row's fields as `capsa.transfer.tables.join` makes them."""
    names = list(columns)
    count = _COUNT.pack(len(names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    rows = iter(bodies)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER)
        while some := list(itertools.islice(rows, _WRITE_ROWS)):
            copy.write(count.join((b"", *some)))
        copy.write(_TRAILER)


def copy_out(connection: psycopg.Connection, query: sql.Composable) -> Iterator[bytes]:
    """The rows of a query, each as its fields without their count, in constant memory."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        first = True
        # libpq gives one message at a time, and the server sends one row a message.
        for message in copy:
            data = bytes(message)
            if first:
                (extension,) = struct.unpack_from("!i", data, 15)
                data = data[19 + extension :]
                first = False
            if data and data != _TRAILER:
                yield data[2:]


def key_list(columns: Iterable[str], kinds: Iterable[Kind], keys: Iterable[tuple[object, ...]]) -> sql.Composable:
    """``unnest(ARRAY…, ARRAY…) AS k(a, b)``: many keys as a table to join with."""
    names = list(columns)
    values = list(zip(*keys, strict=True))
    arrays = [
        sql.SQL("{}::{}[]").format(sql.Literal([_text(value) for value in column]), sql.SQL(kind.value))
        for column, kind in zip(values, kinds, strict=True)
    ]
    return sql.SQL("unnest({}) AS k({})").format(
        sql.SQL(", ").join(arrays), sql.SQL(", ").join(map(sql.Identifier, names))
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)
