"""Loading SQLite, and comparing by looking rows up."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from capsa.database import Transaction
from capsa.sqlite import codes
from capsa.transfer.ledger import Span
from capsa.transfer.tables import (
    Kind,
    Reference,
    Row,
    SqliteValue,
    Table,
    Vector,
    make_row,
    pack,
    unpack,
    vector_from_wire,
    vector_to_wire,
)
from capsa.transfer.targets import Collision, PlainKey, State, Target, key_of, spans_of

_EMBEDDING = "INSERT INTO capsa_embeddings (owner, collection, model, seq, vector, raw) VALUES (?, ?, ?, ?, ?, ?)"
_CODE = "INSERT INTO capsa_codes (owner, collection, model, seq, code) VALUES (?, ?, ?, ?, ?)"
# CROSS JOIN fixes the order: by model first, every vector is one look-up in the key.
_VECTORS = (
    "SELECT m.name, m.dimensions, e.vector, e.raw FROM capsa_models m CROSS JOIN capsa_embeddings e ON e.model = m.id "
    "WHERE e.owner = ? AND e.collection = ? AND e.seq = ?"
)


class SqliteTarget(Target):
    """A SQLite file."""

    def insert(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[Span]:
        if not rows:
            return []
        kinds = table.kinds
        values = [[unpack(kind, field) for kind, field in zip(kinds, row.fields, strict=True)] for row in rows]
        names = list(table.names)
        seqs: list[int] = []
        if table.arrival is not None:
            first = self._next_number(tx, table.name)
            seqs = list(range(first, first + len(rows)))
            names.append(table.arrival)
            for row_values, seq in zip(values, seqs, strict=True):
                row_values.append(seq)
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        try:
            tx.connection.executemany(statement, values)
        except sqlite3.IntegrityError as error:
            if "UNIQUE" not in str(error):
                raise
            raise Collision(table.name) from error
        if table.vectors:
            self._insert_vectors(tx, rows, seqs)
        return spans_of(table, rows, seqs) if table.vectors else []

    def _next_number(self, tx: Transaction, table: str) -> int:
        rows = tx.execute("SELECT seq FROM sqlite_sequence WHERE name = :table", {"table": table})
        return int(rows[0][0]) + 1 if rows else 1

    def _insert_vectors(self, tx: Transaction, rows: Sequence[Row], seqs: Sequence[int]) -> None:
        models = self.models(tx, rows)
        embeddings: list[tuple[SqliteValue, ...]] = []
        keys: dict[int, list[tuple[SqliteValue, ...]]] = defaultdict(list)
        vectors: dict[int, list[bytes]] = defaultdict(list)
        for row, seq in zip(rows, seqs, strict=True):
            owner, collection = (unpack(Kind.TEXT, field) for field in row.fields[:2])
            for vector in row.vectors:
                number = models[vector.model]
                data = None if vector.vector is None else vector_from_wire(vector.vector)
                embeddings.append((owner, collection, number, seq, data, vector.raw))
                if data is not None:
                    keys[number].append((owner, collection, number, seq))
                    vectors[number].append(data)
        tx.connection.executemany(_EMBEDDING, embeddings)
        for number, same_model in vectors.items():
            matrix = np.frombuffer(b"".join(same_model), "<f4").reshape(len(same_model), -1)
            encoded = codes.encode(matrix)
            rows_of_codes = [(*key, code) for key, code in zip(keys[number], encoded, strict=True)]
            tx.connection.executemany(_CODE, rows_of_codes)

    def compare(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[State]:
        kinds = [table.kinds[position] for position in table.key_positions]
        keys = [tuple(unpack(kind, f) for kind, f in zip(kinds, key_of(table, row), strict=True)) for row in rows]
        states = []
        for row, found in zip(rows, self._look_up(tx, table, keys), strict=True):
            if found is None:
                states.append(State.MISSING)
            else:
                same = found.body == row.body and found.vectors == row.vectors
                states.append(State.EQUAL if same else State.DIFFERENT)
        return states

    def defer_indexes(self, tx: Transaction, tables: Sequence[Table]) -> None:
        """Nothing: here keeping them costs no more than making them anew."""

    def restore_indexes(self, tx: Transaction, tables: Sequence[Table]) -> list[str]:  # noqa: ARG002
        """Nothing: they were never dropped."""
        return []

    def begin(self, tx: Transaction, rows: int) -> None:
        """Nothing: it is done for every write here."""

    def refresh_statistics(self, tx: Transaction, tables: Sequence[Table]) -> None:
        # SQLite looks rows up by a key that is given whole, whatever it knows of the table.
        pass

    def fetch(self, tx: Transaction, table: Table, keys: Sequence[PlainKey]) -> Iterator[Row]:
        return (row for row in self._look_up(tx, table, keys) if row is not None)

    def _look_up(self, tx: Transaction, table: Table, keys: Sequence[PlainKey]) -> Iterator[Row | None]:
        """The row of each key, or None."""
        kinds = table.kinds
        columns = ", ".join((*table.names, table.arrival) if table.arrival else table.names)
        where = " AND ".join(f"{name} = ?" for name in table.key)
        statement = f"SELECT {columns} FROM {table.name} WHERE {where}"
        for key in keys:
            found = tx.connection.execute(statement, key).fetchone()
            if found is None:
                yield None
                continue
            fields = tuple(pack(kind, value) for kind, value in zip(kinds, found, strict=False))
            vectors = self._vectors(tx, found[0], found[1], found[-1]) if table.vectors else ()
            yield make_row("", fields, vectors)

    def _vectors(self, tx: Transaction, owner: str, collection: str, seq: int) -> tuple[Vector, ...]:
        rows = tx.connection.execute(_VECTORS, (owner, collection, seq)).fetchall()
        return tuple(
            Vector(name, dimensions, None if vector is None else vector_to_wire(vector), raw)
            for name, dimensions, vector, raw in sorted(rows)
        )

    def update(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> None:
        kinds = table.kinds
        places = [*(n for n in range(len(kinds)) if table.names[n] not in table.key), *table.key_positions]
        values = [[unpack(kinds[place], row.fields[place]) for place in places] for row in rows]
        changes = ", ".join(f"{name} = ?" for name in table.names if name not in table.key)
        where = " AND ".join(f"{name} = ?" for name in table.key)
        if changes:
            tx.connection.executemany(f"UPDATE {table.name} SET {changes} WHERE {where}", values)

    def orphans(
        self,
        tx: Transaction,  # noqa: ARG002 - the protocol's
        table: Table,  # noqa: ARG002
        reference: Reference,  # noqa: ARG002
        rows: Sequence[Row],  # noqa: ARG002
    ) -> list[int]:
        """None: here foreign keys are declared, and not enforced."""
        return []
