"""The half of a collection that reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from capsa.database import Transaction
from capsa.errors import EmbedderUnavailable, InvalidRecord, ModelMismatch
from capsa.records import PUBLIC_OWNER, Filter, Mode, Record, SearchResult, Statistics
from capsa.store import _rows
from capsa.store._rows import filtered, from_row
from capsa.text import from_stored, to_stored

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from capsa.search.vectors import Space
    from capsa.store._store import Store

#: A higher limit is no limit; the databases' integers end somewhere.
_NO_LIMIT = 1 << 31


class Reading:
    """Looking at the records of one owner under one name."""

    def __init__(self, store: Store, owner: str, name: str) -> None:
        self.store = store
        self.database = store.database
        self.owner = _rows.check_name("owner", owner)
        self.name = _rows.check_name("collection", name)
        self._key = {"owner": owner, "collection": name}

    def get(self, id: str) -> Record | None:
        """The record with this id, or None."""
        return self.get_many([id]).get(id)

    def get_many(self, ids: Iterable[str]) -> dict[str, Record]:
        """The records that exist, by id."""
        with self.database.read(self.owner) as tx:
            return {id_: record for id_, (_, record) in self._by_id(tx, list(ids)).items()}

    def _by_id(self, tx: Transaction, ids: Sequence[str]) -> dict[str, tuple[int, Record]]:
        rows = tx.query("records_by_id", {**self._key, "ids": self.database.array([to_stored(id_) for id_ in ids])})
        return _rows.by_id(self.database, rows)

    def count(self, filter: Filter | None = None) -> int:
        """How many records the filter lets through."""
        with self.database.read(self.owner) as tx:
            ((count,),) = tx.execute(*self._filtered(tx, "count_records", filter))
        return int(count)

    def recent(self, limit: int = 20, filter: Filter | None = None) -> list[Record]:
        """The newest records, newest first."""
        with self.database.read(self.owner) as tx:
            rows = tx.execute(*self._filtered(tx, "records_recent", filter, limit=_limit(limit)))
        return [from_row(self.database, row) for row in rows]

    def ids(self, filter: Filter | None = None) -> Iterator[str]:
        """The id of every record in order of arrival, in constant memory, as of one moment."""
        with self.database.read(self.owner) as tx:
            for (id_,) in tx.stream(*self._filtered(tx, "ids", filter)):
                yield from_stored(id_)

    def iterate(self, filter: Filter | None = None) -> Iterator[Record]:
        """All records in order of arrival, in constant memory, as of one moment."""
        with self.database.read(self.owner) as tx:
            for row in tx.stream(*self._filtered(tx, "records_all", filter)):
                yield from_row(self.database, row)

    def iterate_with_vectors(
        self, filter: Filter | None = None, model: str | None = None
    ) -> Iterator[tuple[Record, NDArray[Any] | None]]:
        """`iterate`, each with its float32 vector of ``model`` (default: the embedder's), or None."""
        with self.database.read(self.owner) as tx:
            known = self.store.model(tx, self._model_name(model)) if model or self.store.embedder else None
            sql, parameters = self._filtered(tx, "records_all_with_vectors", filter, model=known.id if known else -1)
            decode = self.database.vectors.decode
            for row in tx.stream(sql, parameters):
                yield from_row(self.database, row), None if row[10] is None else decode(row[10])

    def statistics(self) -> Statistics:
        """What the collection holds."""
        with self.database.read(self.owner) as tx:
            ((records, paths, sessions, oldest, newest),) = tx.query("statistics", self._key)
            embeddings: dict[str, int] = dict(tx.query("statistics_embeddings", self._key))
            ((size,),) = tx.query("database_size")
        return Statistics(
            records=records,
            embeddings=embeddings,
            paths=paths,
            sessions=sessions,
            oldest=None if oldest is None else self.database.datetime(oldest),
            newest=None if newest is None else self.database.datetime(newest),
            size_bytes=int(size),
        )

    # Search

    def search(
        self,
        query: str,
        mode: Mode | str = Mode.HYBRID,
        limit: int = 10,
        filter: Filter | None = None,
        *,
        tx: Transaction | None = None,
    ) -> SearchResult:
        """Find records by words, by meaning, or by both.

        Args:
            query: any text at all.
            mode: hybrid puts literal matches first, then goes by meaning; without an embedder, or
                without vectors of its model, it is lexical and a note says so.
            limit: at most so many hits; the filter is applied before.
            tx: an open transaction of the same database, that sees this owner's records, to search in: for several
                searches as of one moment. Better have the query embedded before it begins.

        Raises:
            EmbedderUnavailable: semantic search without an embedder, or one that does not answer.
            InvalidRecord: a query that is no text, a limit that is negative, or a filter time without a zone.
        """
        from capsa.search.engine import Search

        query = _text(query)
        # A model may take its time, and no connection waits for it.
        vector, notes = self._query_vector(query, Mode(mode))
        with self._reading(tx) as own:
            return Search(self, own, _limit(limit), filter or None).run(query, Mode(mode), vector, notes)

    def holding(self, words: str, limit: int = 100, *, tx: Transaction | None = None) -> list[Record] | None:
        """The records among which are all that have every one of some words, in whatever order.

        Of the index no more is read than it takes to leave few, so it costs a part of what a search does, and a few
        others may be among them: look whether they have what is wanted.

        Args:
            words: any text.
            limit: more than so many are not read.
            tx: as in `search`.

        Returns:
            None if there are more than ``limit``.

        Raises:
            InvalidRecord: words that are no text, or a limit that is negative.
        """
        from capsa.search.engine import Search

        with self._reading(tx) as own:
            return Search(self, own, _limit(limit), None).holding(_text(words))

    def search_vector(
        self, vector: ArrayLike, limit: int = 10, filter: Filter | None = None, model: str | None = None
    ) -> SearchResult:
        """The records whose vectors of ``model`` (default: the embedder's) are nearest to ``vector``."""
        from capsa.search.engine import Search
        from capsa.store._vectors import as_float32

        with self.database.read(self.owner) as tx:
            return Search(self, tx, _limit(limit), filter or None).by_vector(
                as_float32(vector), self._model_name(model)
            )

    def vector(self, id: str, model: str | None = None) -> NDArray[Any] | None:
        """The vector of a record by ``model`` (default: the embedder's), float32, or None."""
        with self.database.read(self.owner) as tx:
            space = self.space(tx, model)
            found = self._by_id(tx, [id])
            if space is None or id not in found:
                return None
            return self.database.vectors.get(tx, space, [found[id][0]]).get(found[id][0])

    # Helpers

    @contextmanager
    def _reading(self, tx: Transaction | None) -> Iterator[Transaction]:
        """``tx``, or one of its own."""
        if tx is None:
            with self.database.read(self.owner) as own:
                yield own
            return
        if tx.owner not in {None, self.owner} and self.owner != PUBLIC_OWNER:
            raise ValueError(f"a transaction of {tx.owner!r} sees nothing that is {self.owner!r}'s")
        yield tx

    def _query_vector(self, query: str, mode: Mode) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
        """The query as a vector of the embedder's, or None and why."""
        if mode is Mode.LEXICAL:
            return None, ()
        embedder = self.store.embedder
        if embedder is None:
            if mode is Mode.SEMANTIC:
                raise EmbedderUnavailable("this store has no embedder: search by words, or open it with one")
            return None, ("no embedder: found by words alone",)
        known = self.store.known(embedder.name)
        if known is None:
            with self.database.read(self.owner) as tx:
                known = self.store.model(tx, embedder.name)
            if known is None:
                note = f"no vectors of {embedder.name!r} yet: found by words alone; re-embed to search by meaning"
                return None, (note,)
        try:
            vector = embedder.embed([query])[0]
            known.check(vector)
        except (EmbedderUnavailable, ModelMismatch) as error:
            if mode is Mode.SEMANTIC:
                raise
            return None, (str(error),)
        return vector, ()

    def space(self, tx: Transaction, model: str | None, dimensions: int | None = None) -> Space | None:
        """The vectors of ``model`` (default: the embedder's); None if the database does not know it."""
        from capsa.search.vectors import Space

        known = self.store.model(tx, self._model_name(model), dimensions)
        return None if known is None else Space(self.owner, self.name, known)

    def _filtered(
        self, tx: Transaction, statement: str, filter: Filter | None, **more: Any
    ) -> tuple[str, dict[str, Any]]:
        sql, parameters = filtered(tx, statement, filter)
        return sql, {**self._key, **parameters, **more}

    def _model_name(self, model: str | None) -> str:
        if model is not None:
            return model
        if self.store.embedder is None:
            raise EmbedderUnavailable("this store has no embedder: name the model, or open it with an embedder")
        return self.store.embedder.name


def _text(query: Any) -> str:
    if not isinstance(query, str):
        raise InvalidRecord(f"a query must be text, not {query!r:.100}")
    return query


def _limit(limit: Any) -> int:
    if not isinstance(limit, int) or limit < 0:
        raise InvalidRecord(f"limit must be a number that is not negative, not {limit!r}")
    return min(limit, _NO_LIMIT)
