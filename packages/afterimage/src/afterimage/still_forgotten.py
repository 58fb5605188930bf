"""What was forgotten in one memory does not come back from another when they are migrated, whichever way.

Entries that the target has forgotten are left out of what is carried there. What only the source has forgotten goes
from the target in the end, unless it was written there after that: then somebody wanted it again.
"""

from __future__ import annotations

from collections.abc import Callable

from afterimage.chunking.entries import Entries
from afterimage.entries import COLLECTION, FORGOTTEN, UNITS
from capsa import Collection, Database, Store, from_stored, transfer

STAYS = "forgotten here before, and stays so (--bring-back-forgotten brings it back)"


def without_forgotten(source: transfer.Source, target: Database, owner: str) -> transfer.Source:
    """A source without what ``owner`` has forgotten in the target; closing it closes ``source``."""
    ids = {note.id for note in _notes(target, owner).iterate()}

    def unwanted(part: transfer.Part) -> Callable[[transfer.Item], bool] | None:
        if part.table is not transfer.RECORDS:
            return None
        collection, id_ = part.table.names.index("collection"), part.table.names.index("id")

        def is_forgotten(item: transfer.Item) -> bool:
            if not isinstance(item, transfer.Row):
                return False
            kind, name = _text(item.fields[collection]), _text(item.fields[id_])
            return (name if kind == COLLECTION else name.rpartition("#")[0] if kind == UNITS else None) in ids

        return is_forgotten

    return transfer.leaving_out(source, unwanted, STAYS) if ids else source


def forget_too(target: Database, owner: str) -> int:
    """Delete in the target what is noted there as forgotten since it was written; how many entries."""
    entries = Entries(Store(target), owner, COLLECTION)
    notes = {note.id: note.created_at for note in _notes(target, owner).iterate()}
    gone = [id_ for id_, record in entries.get_many(list(notes)).items() if record.created_at <= notes[id_]]
    entries.delete(gone)
    return len(gone)


def want_again(target: Database, owner: str) -> None:
    """Let what was forgotten and is there be there."""
    notes = _notes(target, owner)
    here = Store(target).collection(COLLECTION, owner=owner).get_many([note.id for note in notes.iterate()])
    notes.delete(list(here))


def _notes(target: Database, owner: str) -> Collection:
    return Store(target).collection(FORGOTTEN, owner=owner)


def _text(field: transfer.Field) -> str:
    return "" if field is None else from_stored(field.decode())
