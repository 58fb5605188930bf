"""pgvector's values on the wire.

``vector`` in binary is u16 dimensions, u16 zero, then float32, all big-endian (pgvector's
``vector_send``, src/vector.c): exact, and an array copy for numpy.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class PgVector:
    """A vector as a parameter: float32, little-endian bytes."""

    data: bytes


def to_wire(data: bytes) -> bytes:
    """float32 little-endian bytes -> pgvector's binary form."""
    return _HEADER.pack(len(data) // 4, 0) + np.frombuffer(data, "<f4").astype(">f4").tobytes()


def from_wire(wire: bytes) -> NDArray[np.float32]:
    """Pgvector's binary form -> float32 array."""
    return np.frombuffer(wire, ">f4", offset=4).astype("<f4")


def vector_oid(connection: psycopg.Connection) -> int:
    """The type's number in this database, 0 if pgvector is not there."""
    row = connection.execute("SELECT coalesce(to_regtype('vector')::oid::bigint, 0)").fetchone()
    return int(row[0]) if row else 0


def register_vector(connection: psycopg.Connection, oid: int) -> None:
    """Let `PgVector` be a parameter of statements on this connection."""

    class VectorDumper(Dumper):
        format = Format.BINARY

        def dump(self, obj: PgVector) -> bytes:
            return to_wire(obj.data)

    VectorDumper.oid = oid
    connection.adapters.register_dumper(PgVector, VectorDumper)
