"""A Chroma directory, read without ChromaDB and without a byte of it being written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from capsa import SourceUnreadable
from stoic_emperor.legacy.chroma import layout
from stoic_emperor.legacy.chroma.assembling import Candidate, assemble
from stoic_emperor.legacy.chroma.layout import Segments
from stoic_emperor.legacy.chroma.places import Places, Who, prepare
from stoic_emperor.legacy.chroma.private_copy import DATABASE_FILE, PrivateCopy
from stoic_emperor.legacy.chroma.records import ChromaCollection, ChromaRecord, MetadataValue, Unreadable
from stoic_emperor.legacy.chroma.replay import Described

#: Keys of what has no row of its own yet, or no longer: by its label in the index, or its row in the queue.
_BY_LABEL: Final = 1 << 61
_BY_SEQ: Final = 1 << 62
_LAST: Final = (1 << 63) - 1

_RECORDS = (
    "SELECT id, embedding_id, seq_id, created_at FROM embeddings "
    "WHERE +segment_id = ? AND id BETWEEN ? AND ? ORDER BY id"
)
_NO_RECORD = "NOT EXISTS (SELECT 1 FROM embeddings AS e WHERE e.segment_id = ? AND e.embedding_id = s.id)"
_IN_INDEX_ONLY = f"SELECT s.label, s.id FROM scratch.labels AS s WHERE s.segment = ? AND {_NO_RECORD} ORDER BY s.label"
_IN_QUEUE_ONLY = (
    f"SELECT min(s.seq_id), s.id FROM embeddings_queue AS s WHERE s.topic = ? AND {_NO_RECORD} "
    "AND NOT EXISTS (SELECT 1 FROM scratch.labels AS l WHERE l.segment = ? AND l.id = s.id) GROUP BY s.id"
)
_STRAYS = "SELECT key, id FROM scratch.strays WHERE segment = ? AND key BETWEEN ? AND ? ORDER BY key"

_METADATA = (
    "SELECT key, string_value, int_value, float_value, bool_value FROM {} WHERE id = ? ORDER BY rowid"  # as written
)


def open_chroma(path: Path | str) -> ChromaDirectory:
    """Read the directory of a ``chromadb.PersistentClient`` of 0.5.0 to 1.5.9; to be closed by the caller.

    Works on a private copy, which takes as much room in the temporary folder as the directory itself.

    Raises:
        SourceMissing: there is no such directory, or no Chroma database in it; nothing was created.
        SourceUnreadable: it is damaged, or of a layout that is not known.
        DatabaseBusy: another program holds its lock, or writes its vectors all the time.
        TransferError: there is no room for the private copy.
    """
    return ChromaDirectory(Path(path).expanduser().absolute())


class ChromaDirectory:
    """What `open_chroma` gives: one consistent state of all collections."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._copy = PrivateCopy(path)
        self._places: dict[str, Places] = {}
        try:
            with _Reading(path):
                self._connection = self._copy.connection
                # Texts need not be UTF-8; what is not, comes as lone surrogates.
                self._connection.text_factory = _text
                layout.check(self._connection, path / DATABASE_FILE)
                prepare(self._copy)
                #: Which versions of ChromaDB write such a layout, e.g. "0.5.0 to 0.5.5".
                self.version_hint = layout.version_hint(self._connection)
                found = layout.read_collections(self._connection)
                self._arrays = bool(layout.columns(self._connection, "embedding_metadata_array"))
        except BaseException:
            self.close()
            raise
        self.collections: tuple[ChromaCollection, ...] = tuple(collection for collection, _ in found)
        self._segments: dict[str, Segments] = {collection.id: segments for collection, segments in found}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the private copy; a second call does nothing."""
        for places in self._places.values():
            places.close()
        self._places.clear()
        self._copy.close()

    def changed(self) -> bool:
        """Whether the directory has been written since it was opened."""
        return self._copy.changed()

    def collection(self, name: str) -> ChromaCollection:
        """The collection of a name, in the default database.

        Raises:
            KeyError: there is none.
        """
        for collection in self.collections:
            if collection.name == name and collection.is_default:
                return collection
        raise KeyError(name)

    def keys(self, collection: ChromaCollection) -> Iterator[int]:
        """The keys of all that `read` gives, ascending."""
        segments = self._segments[collection.id]
        with _Reading(self.path):
            self._prepared(collection)
            rows = self._connection.execute(
                "SELECT id FROM embeddings WHERE +segment_id = ? ORDER BY id", (segments.metadata,)
            )
            for (key,) in rows:
                yield key
            for key, _ in self._connection.execute(_STRAYS, (segments.number, 0, _LAST)):
                yield key

    def read(
        self, collection: ChromaCollection, first: int = 0, last: int = _LAST
    ) -> Iterator[ChromaRecord | Unreadable]:
        """The records with keys from ``first`` to ``last``, both included, in their order.

        A record whose vector Chroma has lost comes without it and says why; what has a vector but is
        no record, or cannot be understood, comes as `Unreadable`.
        """
        with _Reading(self.path):
            places = self._prepared(collection)
            for candidate in self._candidates(places.segments, first, last):
                if item := assemble(places, candidate):
                    yield item

    def _candidates(self, segments: Segments, first: int, last: int) -> Iterator[Candidate]:
        for key, id_, seq, created_at in self._connection.execute(_RECORDS, (segments.metadata, first, last)):
            who = Who("SELECT embedding_id FROM embeddings WHERE id = ?", (key,))
            described = Described(self._metadata(key), created_at)
            yield Candidate(key, id_, who, described, layout.decode_seq(seq))
        for key, id_ in self._connection.execute(_STRAYS, (segments.number, first, last)):
            who = Who("SELECT id FROM scratch.strays WHERE segment = ? AND key = ?", (segments.number, key))
            yield Candidate(key, id_, who)

    def orphans(self, collection: ChromaCollection) -> Iterator[Unreadable]:
        """The vectors that no record belongs to."""
        for item in self.read(collection, _BY_LABEL):
            if isinstance(item, Unreadable) and not item.is_record:
                yield item

    def flaw(self, collection: ChromaCollection) -> str | None:
        """Why the vector index of a collection cannot be used at all, if it cannot."""
        with _Reading(self.path):
            return self._prepared(collection).broken

    def lost_by_damage(self, collection: ChromaCollection) -> tuple[int, str]:
        """How many records are without their vectors because files of the index are damaged, and how they are.

        What is damaged, but still all in the queue, is not lost; nor counts what Chroma itself had lost.
        """
        with _Reading(self.path):
            places = self._prepared(collection)
        if not places.damaged:
            return 0, ""
        records = (item for item in self.read(collection) if isinstance(item, ChromaRecord))
        flaws = [item.flaw for item in records if item.vector is None and places.is_damage(item.flaw)]
        return len(flaws), flaws[0] or "" if flaws else ""

    def _metadata(self, key: int) -> dict[str, MetadataValue]:
        """As `chromadb` gives it, in the order in which it was written."""
        rows = self._connection.execute(_METADATA.format("embedding_metadata"), (key,))
        metadata: dict[str, MetadataValue] = {name: layout.scalar(*values) for name, *values in rows}
        if self._arrays:
            arrays: dict[str, MetadataValue] = {}
            for name, *values in self._connection.execute(_METADATA.format("embedding_metadata_array"), (key,)):
                array = arrays.setdefault(name, [])
                assert isinstance(array, list)  # noqa: S101 - for mypy
                array.append(layout.scalar(*values))
            metadata |= arrays
        return metadata

    def _prepared(self, collection: ChromaCollection) -> Places:
        if collection.id not in self._places:
            self._places[collection.id] = Places(self._copy, collection, self._segments[collection.id])
            self._find_strays(self._places[collection.id])
        return self._places[collection.id]

    def _find_strays(self, places: Places) -> None:
        """Note what is in the index or in the queue, and has no row of its own."""
        segments, connection = places.segments, self._connection
        for label, id_ in connection.execute(_IN_INDEX_ONLY, (segments.number, segments.metadata)):
            self._note_stray(places, Candidate(_BY_LABEL + label, id_, Who("SELECT ?", (id_,))))
        for topic in segments.topics:
            for seq, id_ in connection.execute(_IN_QUEUE_ONLY, (topic, segments.metadata, segments.number)):
                who = Who("SELECT id FROM embeddings_queue WHERE seq_id = ?", (seq,))
                self._note_stray(places, Candidate(_BY_SEQ + seq, id_, who))

    def _note_stray(self, places: Places, candidate: Candidate) -> None:
        if assemble(places, candidate) is not None:
            statement = f"INSERT INTO scratch.strays VALUES (?, ?, ({candidate.who.query}))"
            self._connection.execute(statement, (places.segments.number, candidate.key, *candidate.who.parameters))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


class _Reading:
    """Turns SQLite's errors while reading into ours; a class, as a generator may be closed inside it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.DatabaseError):
            raise SourceUnreadable(
                f"{self._path / DATABASE_FILE} is damaged ({error}): restore a copy of it; nothing was changed"
            ) from error
