"""A Chroma directory as the source of a transfer.

| Chroma | here |
|---|---|
| collection | the collection of the same name |
| id, document | id, text |
| metadata | metadata, whole; ``session_id`` also session_id, ``author`` and ``work`` also title |
| metadata ``user_id`` | owner, for ``episodic`` and ``semantic``; the library's collections belong to everybody |
| ``embeddings.created_at``, UTC | created_at |
| vector | vector, by Chroma's own model or, if a sample shows that it was another, under a name of its own |
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from capsa import MAX_KEY_BYTES, PUBLIC_OWNER, Embedder, SourceUnreadable, transfer
from stoic_emperor.legacy.chroma.directory import ChromaDirectory, open_chroma
from stoic_emperor.legacy.chroma.private_copy import DATABASE_FILE
from stoic_emperor.legacy.chroma.records import ChromaCollection, ChromaRecord, Unreadable
from stoic_emperor.legacy.chroma.witness import SAMPLE, agrees

#: Chroma's own default, and with its dimensions the only one the predecessor ever used beside Chroma.
MODEL = "all-MiniLM-L6-v2"
MODEL_DIMENSIONS = 384
#: What belongs to everybody.
PUBLIC_COLLECTIONS = frozenset({"stoic_wisdom", "psychoanalysis"})

NO_VECTOR = "no vector in Chroma ({reason}), kept without one"
NOT_SEARCHABLE = "vector kept, not searchable ({reason})"
LONG_SESSION = "session id too long for a key, kept in the metadata"
NO_TIME = "time missing"

_RANGE_ROWS = 8192
_ORPHANS_NAMED = 5
#: pgvector's own limit for a column of type vector.
_MOST_DIMENSIONS = 16_000
#: CURRENT_TIMESTAMP of SQLite, which is UTC (its documentation, "Column Definitions").
_PLAIN_UTC = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", re.ASCII)


class ChromaSource:
    """What every collection of a directory holds, as records; a `capsa.transfer.Source`."""

    def __init__(
        self,
        directory: ChromaDirectory,
        *,
        model: str | None = None,
        fallback_owner: str | None = None,
        others: frozenset[str] = frozenset(),
    ) -> None:
        """Of an open directory, which is closed with it; see `open`."""
        self._directory = directory
        self._model = model
        self._fallback = fallback_owner
        #: Collections whose vectors are of another model than Chroma's own.
        self._others = others
        self._clock = transfer.Clock.of("UTC")
        self._collections = {f"chroma {_target(c)}": c for c in directory.collections}
        self._parts = tuple(transfer.Part(name, transfer.RECORDS) for name in self._collections)
        self._description = self._describe()

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        model: str | None = None,
        fallback_owner: str | None = None,
        embedder: Embedder | None = None,
        allow_missing_vectors: bool = False,
    ) -> Self:
        """A snapshot of the directory at ``path``, to be closed by the caller.

        Args:
            model: the name of the model that made the vectors; by default Chroma's own, where their number of
                dimensions is its, and else ``chroma:unknown-<dimensions>``.
            fallback_owner: whose the records are that name no user, outside the library; by default nobody's,
                and they are refused.
            embedder: Chroma's own model, to look whether it made the vectors; those of another are kept under a
                name of their own, and never compared with its.
            allow_missing_vectors: take records whose vectors are lost as the files are damaged, without them.

        Raises:
            SourceMissing, SourceUnreadable, DatabaseBusy, TransferError: see `open_chroma`.
            SourceUnreadable: also if files of an index are damaged, and the queue does not have its vectors.
        """
        directory = open_chroma(path)
        try:
            if not allow_missing_vectors:
                _refuse_damage(directory)
            others = frozenset[str]()
            if model is None and embedder is not None and embedder.name == MODEL:
                others = _of_another_model(directory, embedder)
            return cls(directory, model=model, fallback_owner=fallback_owner, others=others)
        except BaseException:
            directory.close()
            raise

    @property
    def description(self) -> transfer.SourceDescription:
        return self._description

    @property
    def parts(self) -> Sequence[transfer.Part]:
        return self._parts

    @property
    def collections(self) -> Mapping[str, ChromaCollection]:
        """Name of the part -> collection."""
        return self._collections

    def plan(self, part: transfer.Part, rows: int = _RANGE_ROWS) -> list[transfer.KeyRange]:
        ranges: list[transfer.KeyRange] = []
        first = last = None
        count = 0
        for key in self._directory.keys(self._collections[part.name]):
            if count == rows:
                ranges.append(transfer.KeyRange(part.name, len(ranges), str(first), str(last), count))
                count = 0
            if count == 0:
                first = key
            last = key
            count += 1
        if count:
            ranges.append(transfer.KeyRange(part.name, len(ranges), str(first), str(last), count))
        return ranges

    def read(self, part: transfer.Part, first: str, last: str) -> Iterator[list[transfer.Item]]:
        return transfer.in_pieces(self._items(self._collections[part.name], first, last))

    def _items(self, collection: ChromaCollection, first: str, last: str) -> Iterator[transfer.Item]:
        for item in self._directory.read(collection, int(first), int(last)):
            if isinstance(item, ChromaRecord):
                yield self._row(collection, item)
            elif item.is_record:
                yield transfer.Refused(str(item.key), item.reason, _content(item))

    def changed(self) -> bool:
        return self._directory.changed()

    def renew(self) -> ChromaSource:
        directory = open_chroma(self._directory.path)
        try:
            return type(self)(directory, model=self._model, fallback_owner=self._fallback, others=self._others)
        except BaseException:
            directory.close()
            raise

    def close(self) -> None:
        self._directory.close()

    # Describing

    def _describe(self) -> transfer.SourceDescription:
        path = self._directory.path
        file = transfer.describe_file(path / DATABASE_FILE, f"ChromaDB {self._directory.version_hint}", "UTC")
        lines = ["the graphs and full-text tables of the search: derived, built anew"]
        for name, collection in self._collections.items():
            lines += self._left_behind(name, collection)
        return replace(file, location=str(path), not_carried=tuple(lines))

    def _left_behind(self, name: str, collection: ChromaCollection) -> Iterator[str]:
        if notes := [key for key in collection.metadata if not key.startswith("hnsw:")]:
            yield f"{name}: notes on the collection itself ({', '.join(notes)})"
        if broken := self._directory.flaw(collection):
            yield f"{name}: {broken}; vectors come from the queue, as far as it still has them"
        orphans = [item.id for item in self._directory.orphans(collection)]
        if orphans:
            some = ", ".join(orphans[:_ORPHANS_NAMED]) + (", …" if len(orphans) > _ORPHANS_NAMED else "")
            yield f"{name}: {len(orphans)} vectors without a record, most likely of deleted ones ({some})"

    # Converting

    def _row(self, collection: ChromaCollection, record: ChromaRecord) -> transfer.Row | transfer.Refused:
        try:
            owner = self._owner(collection, record)
            id_ = _key("its id", record.id, empty=True)
        except _NotCarried as error:
            return transfer.Refused(str(record.key), str(error), _content(record))
        remarks: list[str] = []
        reading = self._time(record.created_at)
        if reading.remark:
            remarks.append(reading.remark)
        session = _session(record.metadata, remarks)
        vectors = self._vectors(collection, record, remarks)
        fields = (
            owner,
            _target(collection).encode(),
            id_,
            _title(record.metadata),
            _stored(record.document or ""),
            None,
            None,
            session,
            transfer.pack(transfer.Kind.TIME, reading.microseconds),
            None if reading.spelling is None else _stored(reading.spelling),
            _stored(json.dumps(dict(record.metadata), ensure_ascii=False)),
        )
        return transfer.make_row(str(record.key), fields, vectors, tuple(remarks))

    def _owner(self, collection: ChromaCollection, record: ChromaRecord) -> bytes:
        if collection.is_default and collection.name in PUBLIC_COLLECTIONS:
            return PUBLIC_OWNER.encode()
        user = record.metadata.get("user_id", self._fallback)
        if user is None:
            raise _NotCarried("it names no user (user_id)")
        if not isinstance(user, str):
            raise _NotCarried("its user_id is no text")
        if user == PUBLIC_OWNER:
            raise _NotCarried(f"its user is called {PUBLIC_OWNER}, which stands for everybody here")
        return _key("its user_id", user)

    def _time(self, spelling: object) -> transfer.Reading:
        if not isinstance(spelling, str):
            return transfer.Reading(0, None if spelling is None else str(spelling), NO_TIME)
        if not _PLAIN_UTC.fullmatch(spelling):
            return self._clock.read(spelling)
        reading = self._clock.read(f"{spelling}+00:00")
        return reading._replace(spelling=spelling)

    def _vectors(
        self, collection: ChromaCollection, record: ChromaRecord, remarks: list[str]
    ) -> tuple[transfer.Vector, ...]:
        vector = record.vector
        if vector is None:
            remarks.append(NO_VECTOR.format(reason=record.flaw))
            return ()
        dimensions = collection.dimension or len(vector) // 4
        chromas_own = dimensions == MODEL_DIMENSIONS and collection.id not in self._others
        model = self._model or (MODEL if chromas_own else f"chroma:unknown-{dimensions}")
        reason = record.flaw
        if reason is None and dimensions > _MOST_DIMENSIONS:
            reason = f"more than {_MOST_DIMENSIONS} numbers"
        if reason is None and not bool(np.isfinite(np.frombuffer(vector, "<f4")).all()):
            reason = "a number in it is not finite"
        if reason is not None:
            remarks.append(NOT_SEARCHABLE.format(reason=reason))
            return (transfer.Vector(model, dimensions, None, vector),)
        return (transfer.Vector(model, dimensions, transfer.vector_to_wire(vector), None),)


def _refuse_damage(directory: ChromaDirectory) -> None:
    """Damaged files may have a sound copy somewhere, which is to be taken in their place."""
    damage = []
    for collection in directory.collections:
        lost, how = directory.lost_by_damage(collection)
        if lost:
            damage.append(f"{lost:,} of {collection.count:,} vectors of {collection.name} ({how})")
    if damage:
        raise SourceUnreadable(
            f"{directory.path} is damaged and has lost {', '.join(damage)}: restore a copy of it, or go on without "
            f"them with --allow-missing-vectors; nothing was changed"
        )


def _of_another_model(directory: ChromaDirectory, embedder: Embedder) -> frozenset[str]:
    found = set()
    for collection in directory.collections:
        if collection.dimension == MODEL_DIMENSIONS and collection.count:
            keys = list(itertools.islice(directory.keys(collection), 4 * SAMPLE))
            if keys and agrees(directory.read(collection, keys[0], keys[-1]), embedder) is False:
                found.add(collection.id)
    return frozenset(found)


class _NotCarried(Exception):
    """Why a record has no place in the target."""


def _target(collection: ChromaCollection) -> str:
    """Its own name, but for the same name in another tenant or database."""
    if collection.is_default:
        return collection.name
    return f"{collection.tenant}/{collection.database}/{collection.name}"


def _stored(text: str) -> bytes:
    return transfer.to_stored(text).encode()


def _key(what: str, text: str, *, empty: bool = False) -> bytes:
    key = _stored(text)
    if not key and not empty:
        raise _NotCarried(f"{what} is empty")
    if len(key) > MAX_KEY_BYTES:
        raise _NotCarried(f"{what} is longer than {MAX_KEY_BYTES} bytes")
    return key


def _session(metadata: Mapping[str, object], remarks: list[str]) -> bytes | None:
    session = metadata.get("session_id")
    if not isinstance(session, str):
        return None
    stored = _stored(session)
    if len(stored) > MAX_KEY_BYTES:
        remarks.append(LONG_SESSION)
        return None
    return stored


def _title(metadata: Mapping[str, object]) -> bytes | None:
    said = [metadata.get(name) for name in ("author", "work")]
    parts = [part for part in said if isinstance(part, str) and part]
    return _stored(", ".join(parts)) if parts else None


def _content(item: ChromaRecord | Unreadable) -> bytes:
    """Everything there is of it, for the quarantine."""
    row: dict[str, transfer.SqliteValue] = {"id": item.id, "created_at": item.created_at, "vector": item.vector}
    if isinstance(item, ChromaRecord):
        row |= {"document": item.document, "metadata": json.dumps(dict(item.metadata))}
    return transfer.describe_row(row, {"vector": "blob"})
