"""Statements about the rows of one person, each in a transaction that sees no others."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import capsa

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database


class OwnedRows:
    """The rows of one person, by the statements of ``queries.sql``."""

    def __init__(self, database: Database, user_id: str) -> None:
        """Nothing is read or written yet."""
        self.database = database
        self.user_id = user_id

    # Statements

    def run(self, tx: capsa.Transaction, statement: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement of ``queries.sql`` for this person."""
        parameters = self.database.rows.parameters({"user_id": self.user_id, **values})
        return tx.execute(self.database.statement(statement), parameters)

    def run_for(self, tx: capsa.Transaction, statement: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
        """`run` a statement that has ``IN (:ids)`` for some ids at once; there is one at least."""
        values = {f"id{number}": id_ for number, id_ in enumerate(ids)}
        parameters = self.database.rows.parameters({"user_id": self.user_id, **values})
        listed = ", ".join(f":{name}" for name in values)
        return tx.execute(self.database.statement(statement).replace(":ids", listed), parameters)

    def read(self, statement: str, /, tx: capsa.Transaction | None = None, **values: Any) -> list[tuple[Any, ...]]:
        """`run` in ``tx``, or in a transaction of its own that only reads."""
        with self.reading(tx) as own:
            return self.run(own, statement, **values)

    def walk(
        self, statement: str, /, tx: capsa.Transaction | None = None, **values: Any
    ) -> Generator[tuple[Any, ...], None, None]:
        """`read`, row by row: for what may be long and is not read to its end. To be closed by the caller."""
        with self.reading(tx) as own:
            parameters = self.database.rows.parameters({"user_id": self.user_id, **values})
            yield from own.stream(self.database.statement(statement), parameters)

    @contextmanager
    def reading(self, tx: capsa.Transaction | None = None) -> Iterator[capsa.Transaction]:
        """``tx``, or a snapshot of this person's own: for what is read together."""
        if tx is not None:
            yield tx
            return
        with self.database.engine.read(self._owner) as own:
            yield own

    @contextmanager
    def writing(self, tx: capsa.Transaction | None = None) -> Iterator[capsa.Transaction]:
        """``tx``, or a transaction of this person's own."""
        if tx is not None:
            yield tx
            return
        with self.database.engine.write(self._owner) as own:
            yield own

    def rebind(self, tx: capsa.Transaction) -> None:
        """Have ``tx`` go on with the rows of this person: small writes of several people are committed together."""
        tx.rebind(self._owner)

    @property
    def _owner(self) -> str:
        return capsa.to_stored(self.user_id)
