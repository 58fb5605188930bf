from __future__ import annotations

import threading
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from capsa.database import Database, Transaction, open_database
from capsa.errors import EmbedderUnavailable, ModelMismatch
from capsa.records import DEFAULT_OWNER
from capsa.store._collection import Collection
from capsa.url import DatabaseUrl

if TYPE_CHECKING:
    from capsa.embed import Embedder
    from capsa.search.vectors import Model


class Store:
    """The collections of one database. Thread-safe; open a new one after a fork."""

    def __init__(self, database: Database, *, embedder: Embedder | None = None) -> None:
        """Records of ``database``.

        Args:
            database: stays the caller's to close, unless the store was made by `open`.
            embedder: makes vectors of new texts and of queries; None for lexical search only.
        """
        self.database = database
        self.embedder = embedder
        self._models: dict[str, Model] = {}
        # Models made known in a transaction that may yet be rolled back.
        self._unsettled: weakref.WeakKeyDictionary[Transaction, set[str]] = weakref.WeakKeyDictionary()
        self._guard = threading.Lock()

    @classmethod
    def open(cls, url: str | DatabaseUrl, *, embedder: Embedder | None = None, **options: Any) -> Self:
        """Open the database at ``url`` (see `capsa.open_database`) and the store in it."""
        return cls(open_database(url, **options), embedder=embedder)

    def collection(self, name: str, *, owner: str = DEFAULT_OWNER) -> Collection:
        """The collection ``name`` of ``owner``; it need not exist yet.

        Raises:
            InvalidRecord: a name that is empty or longer than 512 bytes.
        """
        return Collection(self, owner, name)

    def model(self, tx: Transaction, name: str, dimensions: int | None = None) -> Model | None:
        """The model ``name`` as this database knows it; made known if ``dimensions`` are given.

        Raises:
            ModelMismatch: it is known with another number of dimensions, or is to be, and is the embedder's.
        """
        from capsa.search.vectors import Model

        known = self._models.get(name)
        if known is None:
            rows = tx.query("model_by_name", {"name": name})
            if not rows and dimensions is not None:
                self._check_own(name, dimensions)
                tx.query("add_model", {"name": name, "dimensions": dimensions})
                rows = tx.query("model_by_name", {"name": name})
                self._unsettled.setdefault(tx, set()).add(name)
            if rows:
                known = Model(rows[0][0], name, rows[0][1])
                if name not in self._unsettled.get(tx, ()):
                    with self._guard:
                        self._models[name] = known
        if known and dimensions is not None and known.dimensions != dimensions:
            raise ModelMismatch(
                f"vectors of {name!r} have {known.dimensions} numbers in this database, not {dimensions}: "
                f"give another model another name, or re-embed"
            )
        return known

    def _check_own(self, name: str, dimensions: int) -> None:
        # The first vector would else say for good how many numbers each of them has.
        if self.embedder is None or self.embedder.name != name:
            return
        try:
            own = self.embedder.dimensions
        except EmbedderUnavailable:
            return
        if own != dimensions:
            raise ModelMismatch(
                f"vectors of {name!r} have {own} numbers, not {dimensions}: give another model's its name"
            )

    def known(self, name: str) -> Model | None:
        """The model, if it is known already, without asking the database."""
        return self._models.get(name)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
