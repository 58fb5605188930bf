"""Where a transfer writes to: one of our databases, of either dialect."""

from __future__ import annotations

import abc
import enum
from collections.abc import Iterator, Sequence

from capsa import _queries
from capsa.database import Database, Transaction
from capsa.errors import TransferError
from capsa.transfer import replacing
from capsa.transfer.ledger import Span
from capsa.transfer.manifest import readable_key, row_digest
from capsa.transfer.quarantine import describe
from capsa.transfer.tables import Field, Reference, Refused, Row, SqliteValue, Table, columns_of, unpack

#: The key columns of a row, in their binary form.
Key = tuple[Field, ...]
#: The same as `capsa.transfer.tables.unpack` gives it.
PlainKey = tuple[SqliteValue, ...]


class State(enum.Enum):
    """How a row of the source stands in the target."""

    EQUAL = "equal"
    DIFFERENT = "different"
    MISSING = "missing"


class Target(abc.ABC):
    """The bulk operations of one dialect. Every method takes part in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @abc.abstractmethod
    def insert(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[Span]:
        """Load rows that are not there; the numbers of arrival they were given, by scope.

        Raises:
            Collision: one of them is there after all.
        """

    @abc.abstractmethod
    def compare(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[State]:
        """Look each row up by its key and compare every bit, vectors included."""

    @abc.abstractmethod
    def fetch(self, tx: Transaction, table: Table, keys: Sequence[PlainKey]) -> Iterator[Row]:
        """The rows with these keys, with their vectors; in any order."""

    def digests(self, tx: Transaction, table: Table, keys: Sequence[PlainKey]) -> dict[PlainKey, bytes]:
        """The digest of each row that is there, by its key."""
        return {tuple(readable_key(table, row)): row_digest(row) for row in self.fetch(tx, table, keys)}

    @abc.abstractmethod
    def update(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> None:
        """Give rows of an application's table that are there other values, in their place: others refer to them."""

    def replace(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> list[Span]:
        """Make the rows with the keys of ``rows`` equal to them; as `insert`."""
        if not rows:
            return []
        if not table.vectors:
            self.update(tx, table, rows)
            return []
        for owner, collection, ids in replacing.by_collection(rows):
            replacing.delete_records(tx, owner, collection, ids)
        return self.insert(tx, table, rows)

    def sort_out(self, tx: Transaction, table: Table, rows: Sequence[Row]) -> tuple[list[Row], list[Refused]]:
        """Part rows that are not there yet from those that lack what they refer to, and so cannot be."""
        missing: dict[int, str] = {}
        for reference in table.references if rows else ():
            for index in self.orphans(tx, table, reference, rows):
                missing.setdefault(index, reference.table)
        if not missing:
            return list(rows), []
        names, kinds = table.names, table.kinds
        orphans = [
            Refused(
                rows[index].source_key,
                f"the row of {other} that it belongs to is not there",
                describe(dict(zip(names, map(unpack, kinds, rows[index].fields), strict=True))),
            )
            for index, other in sorted(missing.items())
        ]
        return [row for index, row in enumerate(rows) if index not in missing], orphans

    @abc.abstractmethod
    def orphans(self, tx: Transaction, table: Table, reference: Reference, rows: Sequence[Row]) -> list[int]:
        """Which of ``rows`` the database would refuse for want of the row that they refer to."""

    def count(self, tx: Transaction, table: Table) -> dict[tuple[str, ...], int]:
        """How many rows each scope (owner, or owner and collection) has."""
        scope = ", ".join(table.scope)
        rows = tx.execute(f"SELECT {scope}, count(*) FROM {table.name} GROUP BY {scope}")
        return {tuple(row[:-1]): row[-1] for row in rows}

    @abc.abstractmethod
    def begin(self, tx: Transaction, rows: int) -> None:
        """Make ready for about so many rows in this transaction.

        Its commit need not wait for the disk: rows and ledger are lost or kept together, and a later commit waits.
        """

    @abc.abstractmethod
    def refresh_statistics(self, tx: Transaction, tables: Sequence[Table]) -> None:
        """Let the planner know what came in; without it, PostgreSQL looks rows up by the wrong index."""

    @abc.abstractmethod
    def defer_indexes(self, tx: Transaction, tables: Sequence[Table]) -> None:
        """Into empty tables: leave their secondary indexes and foreign keys until `restore_indexes`, if that pays."""

    @abc.abstractmethod
    def restore_indexes(self, tx: Transaction, tables: Sequence[Table]) -> list[str]:
        """Make what is missing of the tables' secondary indexes and foreign keys; what could not be, a line each."""

    def is_empty(self, tx: Transaction, table: Table) -> bool:
        return not tx.execute(f"SELECT 1 FROM {table.name} LIMIT 1")

    def models(self, tx: Transaction, rows: Sequence[Row]) -> dict[str, int]:
        """The numbers of the models here, those of ``rows`` added.

        Raises:
            TransferError: a model of the source has another number of dimensions here.
        """
        known = self.known_models(tx)
        for model, dimensions in sorted({vector[:2] for row in rows for vector in row.vectors}):
            if model not in known:
                values = {"name": model, "dimensions": dimensions}
                tx.execute(_queries.named_statements("capsa.transfer")["add_model"], values)
                known = self.known_models(tx)
            if known[model][1] != dimensions:
                raise TransferError(
                    f"the model {model!r} has {dimensions} dimensions in the source and "
                    f"{known[model][1]} in the target: rename one of them (capsa_models.name)"
                )
        return {name: number for name, (number, _) in known.items()}

    def known_models(self, tx: Transaction) -> dict[str, tuple[int, int]]:
        """Name -> number and dimensions."""
        rows = tx.execute(_queries.named_statements("capsa.transfer")["models"])
        return {name: (number, dimensions) for number, name, dimensions in rows}


class Collision(Exception):
    """A row that was to be loaded is there already: somebody else writes to the target."""


def open_target(database: Database) -> Target:
    """The target for a database's dialect."""
    if database.dialect == "sqlite":
        from capsa.transfer.sqlite_target import SqliteTarget

        return SqliteTarget(database)
    from capsa.transfer.postgres_target import PostgresTarget

    return PostgresTarget(database)


def key_of(table: Table, row: Row) -> Key:
    """What makes a row itself, in binary form."""
    return tuple(row.fields[position] for position in table.key_positions)


def scopes_of(table: Table, rows: Sequence[Row]) -> set[Key]:
    """Whose the rows are."""
    return set(zip(*columns_of(rows, table.scope_positions), strict=True))


def spans_of(table: Table, rows: Sequence[Row], seqs: Sequence[int]) -> list[Span]:
    """The runs of each scope; ``seqs`` ascend, and where they jump somebody else has taken numbers."""
    scopes = scopes_of(table, rows)
    if len(scopes) == 1 and seqs[-1] - seqs[0] == len(seqs) - 1:
        return [(_readable(scopes.pop()), seqs[0], seqs[-1])]
    spans: list[Span] = []
    run: dict[Key, list[int]] = {}

    def end() -> None:
        for scope, (first, last) in run.items():
            spans.append((_readable(scope), first, last))
        run.clear()

    previous: int | None = None
    for row, seq in zip(rows, seqs, strict=True):
        if previous is not None and seq != previous + 1:
            end()
        scope = tuple([row.fields[position] for position in table.scope_positions])
        if scope in run:
            run[scope][1] = seq
        else:
            run[scope] = [seq, seq]
        previous = seq
    end()
    return spans


def _readable(scope: Key) -> tuple[str, ...]:
    return tuple((field or b"").decode() for field in scope)
