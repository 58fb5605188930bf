"""Forgetting: the record, its vectors and its words in the memory, and what the hooks recall from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.entries import CHURN_EDITS, CHURN_FILES, CHURN_FUNCTIONS, PATTERN_CLUSTERS, PATTERN_MEMBERS
from afterimage.forgotten import note_forgotten
from afterimage.retrieval.lookup import find_record
from afterimage.sync import synchronise

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Collection, Record

#: Seconds to wait for a run that is keeping the recall index in step.
_PATIENCE = 8.0
#: Seconds that bringing the recall index in step may take.
_REFRESH = 10.0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went."""

    records: tuple[Record, ...]
    vectors: int
    #: Entries that went from the recall index, which another run may have brought in step by then.
    indexed: int
    #: Whether the recall index is in step; else the next sync brings it there.
    in_step: bool


def forget(backend: StorageBackend, directory: Path, ids: Sequence[str]) -> Forgotten:
    """Delete the entries with these ids, or the beginnings of ids, for good: all of them, or none.

    Raises:
        EntryNotFound: an id is nobody's, or the beginning of several.
        capsa.CapsaError: the memory cannot be written.
        OSError, RecallIndexUnwritable: the recall index cannot be written; the entries are gone from the memory.
    """
    records = {record.id: record for record in (find_record(backend, given) for given in ids)}
    vectors = 0
    if backend.embedder is not None:
        vectors = sum(backend.collection.vector(id_) is not None for id_ in records)
    beside = list(_noted_beside(backend, records))
    with backend.database.write(backend.owner) as tx:
        backend.collection.delete(list(records), tx=tx)
        for collection, noted in beside:
            collection.delete(noted, tx=tx)
        note_forgotten(backend, records, tx=tx)
    done = synchronise(backend, directory, seconds=_REFRESH, embed=False, patience=_PATIENCE)
    return Forgotten(tuple(records.values()), vectors, done.forgotten, not done.busy)


def _noted_beside(backend: StorageBackend, gone: Mapping[str, Record]) -> Iterator[tuple[Collection, list[str]]]:
    """What an earlier program noted of entries: patterns in them, and edits of files of which no entry stays."""
    held = backend.collections()
    members = held[PATTERN_MEMBERS].get_many(list(gone))
    clusters = {str(member.metadata.get("cluster_id")) for member in members.values()}
    others = (member for member in held[PATTERN_MEMBERS].iterate() if member.id not in members)
    staying = {str(member.metadata.get("cluster_id")) for member in others} if clusters else set()
    yield held[PATTERN_MEMBERS], list(members)
    yield held[PATTERN_CLUSTERS], sorted(clusters - staying)
    counted = held[CHURN_FILES].get_many({record.path for record in gone.values() if record.path})
    for path in counted:
        if not [id_ for id_ in _of_path(backend.collection, path) if id_ not in gone]:
            for name in (CHURN_EDITS, CHURN_FILES, CHURN_FUNCTIONS):
                yield held[name], _of_path(held[name], path)


def _of_path(collection: Collection, path: str) -> list[str]:
    from capsa import Filter

    return [record.id for record in collection.iterate(Filter(path=path)) if record.path == path]
