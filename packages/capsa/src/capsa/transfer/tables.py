"""What a transfer knows of a table: columns, their kinds, and the key that makes a row itself.

A row in flight is the concatenation of its fields in PostgreSQL's binary COPY form: each field is
an int32 length (-1 for NULL) and that many bytes (PostgreSQL documentation, COPY, "Binary Format").
These bytes are loaded into PostgreSQL as they are, compared with what PostgreSQL gives back, hashed
for the manifest, and decoded for SQLite: one form, so nothing is compared that was not carried.
"""

from __future__ import annotations

import enum
import functools
import itertools
import operator
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

#: A value as Python's sqlite3 gives it (texts as bytes or str) and takes it.
SqliteValue = bytes | str | int | float | None
#: A field in PostgreSQL's binary form, or None for NULL.
Field = bytes | None

_INT64 = struct.Struct("!q")
_FLOAT64 = struct.Struct("!d")
_VECTOR_HEADER = struct.Struct("!HH")
_LENGTH = struct.Struct("!i")
_NULL = _LENGTH.pack(-1)

#: PostgreSQL counts microseconds from 2000-01-01, we from 1970-01-01.
POSTGRES_EPOCH = 946_684_800_000_000


class Kind(enum.Enum):
    """The type of a column; the value is PostgreSQL's name of it."""

    TEXT = "text"
    INTEGER = "bigint"
    #: SQLite: integer microseconds since 1970-01-01 UTC.
    TIME = "timestamptz"
    BYTES = "bytea"
    #: SQLite: float32, little-endian.
    VECTOR = "vector"
    FLOAT = "float8"
    #: SQLite: 0 or 1.
    BOOLEAN = "boolean"


def pack(kind: Kind, value: SqliteValue) -> Field:
    """A value of a SQLite file as PostgreSQL's binary field.

    Raises:
        ValueError: the value is not of this kind; SQLite does not hold a column to its type.
    """
    if value is None:
        return None
    try:
        match kind:
            case Kind.TEXT:
                return value.encode() if isinstance(value, str) else _expect_bytes(value)
            case Kind.BYTES:
                return _expect_bytes(value)
            case Kind.TIME:
                return _INT64.pack(_expect_int(value) - POSTGRES_EPOCH)
            case Kind.INTEGER:
                return _INT64.pack(_expect_int(value))
            case Kind.VECTOR:
                return vector_to_wire(_expect_bytes(value))
            case Kind.FLOAT:
                return _FLOAT64.pack(value)
            case Kind.BOOLEAN:
                return b"\1" if _expect_int(value) else b"\0"
    except struct.error as error:
        raise ValueError(f"not a value of type {kind.value}: {error}") from None


def pack_all(kind: Kind, values: Sequence[SqliteValue]) -> Sequence[Field]:
    """`pack` for many values at once, which is several times as fast.

    Raises:
        ValueError: one of them is not of this kind.
    """
    types = set(map(type, values))
    if types <= {type(None)} or (kind in {Kind.TEXT, Kind.BYTES} and types <= {bytes, type(None)}):
        return values  # type: ignore[return-value]
    if kind is Kind.VECTOR and types == {bytes}:
        return vectors_to_wire(values)  # type: ignore[arg-type]
    if kind in {Kind.INTEGER, Kind.TIME} and types == {int}:
        try:
            numbers = np.array(values, np.int64)
        except OverflowError as error:
            raise ValueError(f"not values of type {kind.value}: {error}") from None
        if kind is Kind.TIME:
            if numbers.min() < np.iinfo(np.int64).min + POSTGRES_EPOCH:
                raise ValueError(f"not values of type {kind.value}: {numbers.min()} is too early")
            numbers -= POSTGRES_EPOCH
        return struct.unpack("8s" * len(values), numbers.astype(">i8").tobytes())
    return [pack(kind, value) for value in values]


def unpack(kind: Kind, field: Field) -> SqliteValue:
    """PostgreSQL's binary field as the value a SQLite file of ours holds; the inverse of `pack`."""
    if field is None:
        return None
    match kind:
        case Kind.TEXT:
            return field.decode()
        case Kind.BYTES:
            return field
        case Kind.TIME:
            return int(_INT64.unpack(field)[0]) + POSTGRES_EPOCH
        case Kind.INTEGER:
            return int(_INT64.unpack(field)[0])
        case Kind.VECTOR:
            return vector_from_wire(field)
        case Kind.FLOAT:
            return float(_FLOAT64.unpack(field)[0])
        case Kind.BOOLEAN:
            return int(field != b"\0")


def vector_to_wire(data: bytes) -> bytes:
    """float32 little-endian -> pgvector's binary form: u16 dimensions, u16 zero, float32 big-endian."""
    return _VECTOR_HEADER.pack(len(data) // 4, 0) + np.frombuffer(data, "<f4").astype(">f4").tobytes()


def vectors_to_wire(vectors: Sequence[bytes]) -> list[bytes]:
    """`vector_to_wire` for many vectors, at once where they are of one length."""
    size = len(vectors[0]) if vectors else 0
    if not size or size % 4 or set(map(len, vectors)) != {size}:
        return [vector_to_wire(vector) for vector in vectors]
    header = _VECTOR_HEADER.pack(size // 4, 0)
    swapped = np.frombuffer(b"".join(vectors), "<f4").astype(">f4").view(np.uint8).data
    return [header + swapped[start : start + size] for start in range(0, len(vectors) * size, size)]


def vector_from_wire(wire: bytes) -> bytes:
    """Pgvector's binary form -> float32 little-endian."""
    return np.frombuffer(wire, ">f4", offset=4).astype("<f4").tobytes()


def _expect_bytes(value: SqliteValue) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError(f"expected bytes, found {type(value).__name__}")


def _expect_int(value: SqliteValue) -> int:
    if isinstance(value, int):
        return value
    raise ValueError(f"expected an integer, found {type(value).__name__}")


def join(fields: Sequence[Field]) -> bytes:
    """Fields -> the body of a binary COPY row, without its field count."""
    parts: list[bytes] = []
    append, length = parts.append, _LENGTH.pack
    for field in fields:
        if field is None:
            append(_NULL)
        else:
            append(length(len(field)))
            append(field)
    return b"".join(parts)


def split(body: bytes | memoryview, offset: int = 0, count: int | None = None) -> list[Field]:
    """The inverse of `join`, from ``offset``, at most ``count`` fields."""
    fields: list[Field] = []
    end = len(body)
    while offset < end and (count is None or len(fields) < count):
        (length,) = _LENGTH.unpack_from(body, offset)
        offset += 4
        if length < 0:
            fields.append(None)
        else:
            fields.append(bytes(body[offset : offset + length]))
            offset += length
    return fields


@dataclass(frozen=True, slots=True)
class Column:
    """One column, the same in both dialects."""

    name: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: PostgreSQL holds no row without the other."""

    columns: tuple[str, ...]
    table: str
    #: The columns of the other table, in the order of ``columns``.
    key: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table that a transfer can carry. Names and types must be the same in both dialects."""

    name: str
    columns: tuple[Column, ...]
    #: The columns that make a row itself, in the order of the primary or unique key.
    key: tuple[str, ...]
    #: The leading key columns that say whose the row is; rows of others are not looked at.
    scope: tuple[str, ...] = ("owner",)
    #: The order of arrival, if the target numbers the rows itself.
    arrival: str | None = None
    #: Whether a row is one of the engine's records: it has vectors, by its number of arrival, and is searched.
    vectors: bool = False
    #: The rows without which a row cannot be. The tables they are in come before this one in a source.
    references: tuple[Reference, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(column.kind for column in self.columns)

    @property
    def key_positions(self) -> tuple[int, ...]:
        return tuple(self.names.index(name) for name in self.key)

    @property
    def scope_positions(self) -> tuple[int, ...]:
        return tuple(self.names.index(name) for name in self.scope)


class Vector(NamedTuple):
    """The vector of one row by one model."""

    model: str
    dimensions: int
    #: In pgvector's binary form; None where pgvector cannot hold it, then ``raw`` has it.
    vector: Field
    raw: Field


class Row(NamedTuple):
    """One row on its way to its table."""

    #: Where it stood in the source, for messages.
    source_key: str
    fields: tuple[Field, ...]
    #: ``join(fields)``.
    body: bytes
    vectors: tuple[Vector, ...] = ()
    #: What the user should know about it, one kind a remark, e.g. "time unreadable, kept as spelled".
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes it takes in memory, about."""
        size = 2 * len(self.body) + 600
        for vector in self.vectors:
            size += len(vector.vector or b"") + len(vector.raw or b"")
        return size


class Refused(NamedTuple):
    """A row that the target cannot hold."""

    source_key: str
    reason: str
    #: The whole source row, see `capsa.transfer.quarantine.describe`.
    content: bytes


Item = Row | Refused


def columns_of(rows: Iterable[Row], positions: Sequence[int]) -> list[list[Field]]:
    """The fields of some columns, column by column."""
    fields = [row.fields for row in rows]
    return [list(map(operator.itemgetter(position), fields)) for position in positions]


def parted(items: Sequence[Item]) -> tuple[list[Row], list[Refused]]:
    """Those that can be carried, and those that cannot."""
    if set(map(type, items)) <= {Row}:
        return list(items), []  # type: ignore[arg-type]
    return [item for item in items if isinstance(item, Row)], [item for item in items if isinstance(item, Refused)]


def make_row(
    source_key: str, fields: tuple[Field, ...], vectors: tuple[Vector, ...] = (), remarks: tuple[str, ...] = ()
) -> Row:
    """A `Row` with its body."""
    return Row(source_key, fields, join(fields), vectors, remarks)


def make_rows(
    source_keys: Iterable[str],
    columns: Sequence[Sequence[Field]],
    vectors: Iterable[tuple[Vector, ...]] = itertools.repeat(()),
    remarks: tuple[str, ...] = (),
) -> list[Row]:
    """`make_row` for many rows, given column by column, with the same remarks; nothing is done in Python row by row."""
    bodies = map(b"".join, zip(*_spelled(columns), strict=False))
    fields = zip(*columns, strict=True)
    return list(map(_as_row, zip(source_keys, fields, bodies, vectors, itertools.repeat(remarks), strict=False)))


#: What ``Row(*values)`` comes to, without the function that a NamedTuple has for it.
_as_row = functools.partial(tuple.__new__, Row)


def _spelled(columns: Sequence[Sequence[Field]]) -> list[Iterable[bytes]]:
    """What, joined row by row, makes the bodies: lengths and values, and between them what is the same in all rows."""
    found: list[Iterable[bytes]] = []
    same = b""
    for column in columns:
        first = column[0]
        if column.count(first) == len(column):
            same += join((first,))
            continue
        values: Sequence[bytes]
        if None in column:
            lengths = [-1 if field is None else len(field) for field in column]
            values = [b"" if field is None else field for field in column]
        else:
            values = column  # type: ignore[assignment]
            lengths = list(map(len, values))
        if lengths.count(lengths[0]) == len(lengths):
            found.append(itertools.repeat(same + _LENGTH.pack(lengths[0])))
        else:
            found += [itertools.repeat(same), lengths_of(lengths)] if same else [lengths_of(lengths)]
        same = b""
        found.append(values)
    return [*found, itertools.repeat(same)]


def lengths_of(lengths: Sequence[int]) -> tuple[bytes, ...]:
    """Each of the numbers as it stands before a field."""
    packed = struct.pack(f"!{len(lengths)}i", *lengths)
    return struct.unpack("4s" * len(lengths), packed)


#: The engine's records. ``seq`` and the numbers of models belong to a database and are made anew.
RECORDS = Table(
    name="capsa_records",
    columns=(
        Column("owner"),
        Column("collection"),
        Column("id"),
        Column("title"),
        Column("text"),
        Column("context"),
        Column("path"),
        Column("session_id"),
        Column("created_at", Kind.TIME),
        Column("created_at_text"),
        Column("metadata"),
    ),
    key=("owner", "collection", "id"),
    scope=("owner", "collection"),
    arrival="seq",
    vectors=True,
)

#: What earlier transfers could not carry goes on with the rest.
QUARANTINE = Table(
    name="capsa_quarantine",
    columns=(
        Column("owner"),
        Column("transfer"),
        Column("part"),
        Column("source_key"),
        Column("reason"),
        Column("content", Kind.BYTES),
        Column("created_at", Kind.TIME),
    ),
    key=("owner", "transfer", "part", "source_key"),
)

ENGINE_TABLES = (RECORDS, QUARANTINE)
