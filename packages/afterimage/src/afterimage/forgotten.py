"""What was forgotten stays so: of each entry its id, by which its change is known if a transcript tells it again.

The id is a hash of where and when a change was made, without the code; nothing else is kept but when it was forgotten,
or wanted again: of two memories that are brought together the later word counts. `clear` takes it away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from afterimage.entries import FORGOTTEN

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Collection, Database, Record, Transaction

#: Of the metadata of a note: the entry was forgotten, and then wanted again.
WANTED = "wanted"


@dataclass(frozen=True, slots=True)
class Word:
    """What was last said of an entry."""

    at: dt.datetime
    is_forgotten: bool

    @classmethod
    def of(cls, note: Record) -> Word:
        return cls(note.created_at, not note.metadata.get(WANTED))

    def note(self, id_: str) -> Record:
        """As it is kept."""
        from capsa import Record

        metadata: Mapping[str, object] = {} if self.is_forgotten else {WANTED: True}
        return Record(id=id_, text="", created_at=self.at, metadata=metadata)


def note_forgotten(backend: StorageBackend, ids: Iterable[str], *, tx: Transaction) -> None:
    """Note that the entries with these ids are not to come back by themselves."""
    word = Word(dt.datetime.now(dt.UTC), is_forgotten=True)
    _notes(backend).put([word.note(id_) for id_ in ids], embed=False, tx=tx)


def were_forgotten(backend: StorageBackend, ids: Iterable[str]) -> set[str]:
    """Those of ``ids`` that were, and are not wanted again."""
    return {id_ for id_, note in _notes(backend).get_many(ids).items() if Word.of(note).is_forgotten}


def take_back(backend: StorageBackend, ids: Iterable[str]) -> None:
    """Those of these entries that were forgotten are wanted again."""
    want_again(backend.database, backend.owner, were_forgotten(backend, ids))


def want_again(database: Database, owner: str, ids: Iterable[str]) -> None:
    """Note that the entries with these ids are wanted again, wherever they were forgotten."""
    word = Word(dt.datetime.now(dt.UTC), is_forgotten=False)
    notes_of(database, owner).put([word.note(id_) for id_ in ids], embed=False)


def notes_of(database: Database, owner: str) -> Collection:
    """The notes in a database."""
    from capsa import Store

    return Store(database).collection(FORGOTTEN, owner=owner)


def noted(database: Database, owner: str) -> dict[str, Word]:
    """Every note there is, whether it is still true or not, by the id of its entry."""
    return {note.id: Word.of(note) for note in notes_of(database, owner).iterate()}


def _notes(backend: StorageBackend) -> Collection:
    return notes_of(backend.database, backend.owner)
