"""The methods that a memory has, whichever database keeps it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from afterimage.entries import AUTHOR, COLLECTION, COLLECTIONS, OWNER, StorageEntry, StorageStats, read_time
from afterimage.errors import DRIVER, InvalidEntry, MissingDriver

if TYPE_CHECKING:
    from afterimage.chunking.entries import Entries
    from capsa import Collection, Database, DatabaseUrl, Embedder, Record, Store


class StorageBackend:
    """A memory of code. Opened at its first use; safe to share between threads.

    Use `SQLiteBackend`, `PostgreSQLBackend` or `get_storage_backend`.

    Every method raises `capsa.DatabaseUnavailable`, or one of its kinds, if the database cannot be
    reached or opened; the message says what to do.
    """

    #: "sqlite" or "postgresql".
    backend_type: ClassVar[str]

    def __init__(
        self,
        *,
        embedder: Callable[[], Embedder | None] | None = None,
        embedding_dim: int | None = None,
        owner: str = OWNER,
        author: Callable[[], str] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            embedder: opens the model that searches by meaning; default all-MiniLM-L6-v2. Called once, when needed.
            embedding_dim: if given, `store` refuses vectors of another length.
            owner: whose memory it is; rows of others are neither seen nor touched.
            author: tells who is named on new entries; without it nobody is.
        """
        self.owner = owner
        self._author = author
        self._open_embedder = embedder or _default_embedder
        self._embedding_dim = embedding_dim
        self._guard = threading.RLock()
        self._store: Store | None = None
        #: Why there is no model, where one was asked for; searches go by words then.
        self.embedder_problem: str | None = None

    # What the kinds of backend differ in

    def _url(self) -> DatabaseUrl:
        raise NotImplementedError

    def _options(self) -> dict[str, Any]:
        return {}

    def _before_open(self) -> None:
        """Runs before the database is opened for the first time."""

    # Opening and closing

    def initialize(self) -> None:
        """Open the database now instead of at the first use.

        Raises:
            MissingDriver: PostgreSQL without its driver.
        """
        _ = self.capsa_store

    @property
    def capsa_store(self) -> Store:
        """The store of the engine underneath."""
        with self._guard:
            if self._store is None:
                self._before_open()
                self._store = self._open()
            return self._store

    def _open(self) -> Store:
        from capsa import EmbedderUnavailable, MissingExtra, Store, open_database

        url = self._url()
        try:
            database = open_database(url, **self._options())
        except MissingExtra:
            raise MissingDriver(DRIVER) from None
        embedder = None
        try:
            embedder = self._open_embedder()
        except EmbedderUnavailable as error:
            self.embedder_problem = str(error)
        return Store(database, embedder=embedder)

    @property
    def collection(self) -> Entries:
        """The collection of the engine that holds the entries; what is derived from them follows them."""
        from afterimage.chunking.entries import Entries

        return Entries(self.capsa_store, self.owner, COLLECTION)

    def collections(self) -> Mapping[str, Collection]:
        """All collections of the memory, by name, the entries first."""
        others = {name: self.capsa_store.collection(name, owner=self.owner) for name in COLLECTIONS}
        return others | {COLLECTION: self.collection}

    @property
    def database(self) -> Database:
        """The database of the engine underneath."""
        return self.capsa_store.database

    @property
    def url(self) -> DatabaseUrl:
        """Which database; ``str()`` of it never shows the password."""
        return self._url()

    @property
    def embedder(self) -> Embedder | None:
        """The model that searches by meaning, or None."""
        return self.capsa_store.embedder

    def close(self) -> None:
        """Give up the connections; the next use opens them again."""
        with self._guard:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    # Writing

    def store(  # noqa: PLR0917  # where earlier callers have them
        self,
        file_path: str,
        new_code: str,
        old_code: str | None = None,
        context: str | None = None,
        session_id: str | None = None,
        embedding: Sequence[float] | None = None,
        timestamp: str | dt.datetime | None = None,
    ) -> str:
        """Remember one piece of code and give its id.

        Args:
            embedding: its vector by the backend's model; None or empty for none. `reembed` adds what is missing.
            timestamp: ISO 8601, or a datetime; a time without a zone is this machine's. Default now.

        Raises:
            InvalidEntry: the timestamp is not one, or the vector has another length than ``embedding_dim``.
            capsa.ModelMismatch: the vector has another length than those of the backend's model.
            capsa.InvalidRecord: a value that no database can hold.
        """
        created_at, spelled = read_time(timestamp)
        moment = spelled or created_at.isoformat()
        entry = StorageEntry(str(uuid.uuid4()), file_path, new_code, old_code, context, moment, session_id)
        self.store_many([entry], [embedding])
        return entry.id

    def store_many(
        self, entries: Sequence[StorageEntry], embeddings: Sequence[Sequence[float] | None] | None = None
    ) -> list[str]:
        """Remember several at once, all or none; their ids.

        Raises:
            InvalidEntry: as for `store`.
            capsa.InvalidRecord: an id is taken, or a value that no database can hold.
        """
        vectors = [self._vector(e) for e in embeddings] if embeddings is not None else None
        records = [self._signed(entry).to_record() for entry in entries]
        if vectors is None or not any(v is not None for v in vectors):
            return self.collection.add(records, embed=False)
        return self.collection.add(records, vectors=vectors, embed=False)

    def _signed(self, entry: StorageEntry) -> StorageEntry:
        """The entry with the name of who wrote it, which stays if it has one."""
        if self._author is None or AUTHOR in entry.metadata:
            return entry
        return dataclasses.replace(entry, metadata={**entry.metadata, AUTHOR: self._author()})

    def _vector(self, embedding: Sequence[float] | None) -> Sequence[float] | None:
        if embedding is None or len(embedding) == 0:
            return None
        if self._embedding_dim is not None and len(embedding) != self._embedding_dim:
            raise InvalidEntry(
                f"the vector has {len(embedding)} numbers, not the {self._embedding_dim} of embedding_dim"
            )
        return embedding

    def update_embedding(self, entry_id: str, embedding: Sequence[float]) -> bool:
        """Give an entry its vector; False if there is no such entry.

        Raises:
            InvalidEntry: the vector is empty or has another length than ``embedding_dim``.
            capsa.ModelMismatch: it has another length than those of the backend's model.
        """
        vector = self._vector(embedding)
        if vector is None:
            raise InvalidEntry("an empty vector cannot replace one")
        return self.collection.set_vector(entry_id, vector)

    def delete(self, entry_id: str) -> bool:
        """Forget an entry; False if there is no such entry."""
        return self.collection.delete([entry_id]) > 0

    def clear(self) -> int:
        """Forget everything; how many entries that were."""
        with self.database.write(self.owner) as tx:
            cleared = {name: collection.clear(tx=tx) for name, collection in self.collections().items()}
        return cleared[COLLECTION]

    # Reading

    def get(self, entry_id: str) -> StorageEntry | None:
        """The entry with this id, vector included, or None."""
        record = self.collection.get(entry_id)
        if record is None:
            return None
        return StorageEntry.from_record(record, self._read_vector(record))

    def _read_vector(self, record: Record) -> list[float] | None:
        if self.embedder is None:
            return None
        vector = self.collection.vector(record.id)
        return None if vector is None else [float(x) for x in vector]

    def get_recent(self, limit: int = 20) -> list[StorageEntry]:
        """The latest entries, newest first."""
        return [StorageEntry.from_record(r) for r in self.collection.recent(limit)]

    def get_by_session(self, session_id: str) -> list[StorageEntry]:
        """All entries of one session, oldest first."""
        from capsa import Filter

        found = self.collection.iterate(Filter(session_id=session_id))
        return [StorageEntry.from_record(r) for r in sorted(found, key=lambda r: r.created_at)]

    def iterate(self, *, with_vectors: bool = False) -> Iterator[StorageEntry]:
        """Every entry, in constant memory."""
        if not with_vectors or self.embedder is None:
            yield from map(StorageEntry.from_record, self.collection.iterate())
            return
        for record, vector in self.collection.iterate_with_vectors():
            yield StorageEntry.from_record(record, None if vector is None else vector.tolist())

    def get_all_with_embeddings(self) -> list[StorageEntry]:
        """Every entry that has a vector. All in memory at once: prefer `iterate`."""
        return [entry for entry in self.iterate(with_vectors=True) if entry.embedding is not None]

    def export(self) -> list[dict[str, Any]]:
        """Every entry as a dict, without vectors. All in memory at once: prefer `iterate`."""
        return [entry.to_dict() for entry in self.iterate()]

    def stats(self) -> StorageStats:
        """How much there is."""
        found = self.collection.statistics()
        return StorageStats(
            total_entries=found.records,
            entries_with_embeddings=self._embedded(found.embeddings),
            unique_files=found.paths,
            unique_sessions=found.sessions,
            oldest_entry=found.oldest.isoformat() if found.oldest else None,
            newest_entry=found.newest.isoformat() if found.newest else None,
            db_size_bytes=found.size_bytes,
            backend_type=self.backend_type,
        )

    def _embedded(self, by_model: Mapping[str, int]) -> int:
        if self.embedder is not None:
            return by_model.get(self.embedder.name, 0)
        return max(by_model.values(), default=0)

    # Searching

    def search_fts(self, query: str, limit: int = 10) -> list[StorageEntry]:
        """Entries that share words with ``query``, best first, with their BM25 in ``fts_rank``."""
        from capsa import Mode

        hits = self.collection.search(query, mode=Mode.LEXICAL, limit=limit)
        return [StorageEntry.from_record(hit.record, fts_rank=hit.lexical_score) for hit in hits]

    def search_semantic(self, embedding: Sequence[float], limit: int = 10) -> list[tuple[StorageEntry, float]]:
        """Entries whose vectors point the same way, best first, with their cosine similarity.

        Raises:
            capsa.ModelMismatch: the vector has another length than the model's.
        """
        found = []
        for hit in self.collection.search_vector(embedding, limit=limit):
            score = hit.semantic_score if hit.semantic_score is not None else hit.score
            found.append((StorageEntry.from_record(hit.record, semantic_score=score), score))
        return found

    def search_by_path(self, pattern: str, limit: int = 10) -> list[StorageEntry]:
        """Entries whose path contains ``pattern``, or matches it if it has ``*`` or ``?``; newest first.

        Every other character stands for itself, ``%`` and ``_`` too. Case matters.
        """
        from capsa import Filter

        return [StorageEntry.from_record(r) for r in self.collection.recent(limit, Filter(path=pattern))]


def _default_embedder() -> Embedder | None:
    from capsa import open_embedder

    return open_embedder("all-MiniLM-L6-v2")
