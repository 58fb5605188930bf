"""Forgetting: the record, its vectors and its words in the memory, and what the hooks recall from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.forgotten import note_forgotten
from afterimage.retrieval.lookup import find_record
from afterimage.sync import synchronise

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Record

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
    with backend.database.write(backend.owner) as tx:
        backend.collection.delete(list(records), tx=tx)
        note_forgotten(backend, records, tx=tx)
    done = synchronise(backend, directory, seconds=_REFRESH, embed=False, patience=_PATIENCE)
    return Forgotten(tuple(records.values()), vectors, done.forgotten, not done.busy)
