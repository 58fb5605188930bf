"""Running hosting's statements, each bound to the one whose rows it may touch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import capsa

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database


class Bound:
    """The rows of one owner: a person, a login, or the house."""

    def __init__(self, database: Database, owner: str) -> None:
        """Nothing is read or written yet."""
        self.database = database
        self.owner = owner

    def run(self, tx: capsa.Transaction, statement: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement of hosting's ``queries.sql``; it names the owner as ``:owner``."""
        sql = capsa.named_statements("stoic_emperor.hosting")[statement]
        return tx.execute(sql, self.database.rows.parameters({"owner": self.owner, **values}))

    def read(self, statement: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """`run` in a transaction of its own that only reads."""
        with self.database.engine.read(capsa.to_stored(self.owner)) as tx:
            return self.run(tx, statement, **values)

    def write(self, statement: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """`run` in a transaction of its own."""
        with self.writing() as tx:
            return self.run(tx, statement, **values)

    @contextmanager
    def writing(self, tx: capsa.Transaction | None = None) -> Iterator[capsa.Transaction]:
        """``tx``, or one transaction that writes."""
        if tx is not None:
            yield tx
            return
        with self.database.engine.write(capsa.to_stored(self.owner)) as own:
            yield own
