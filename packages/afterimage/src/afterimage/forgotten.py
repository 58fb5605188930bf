"""What was forgotten stays so: of each entry its id, by which its change is known if a transcript tells it again.

The id is a hash of where and when a change was made, without the code; nothing else is kept. `clear` takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from afterimage.entries import FORGOTTEN

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Collection, Transaction


def note_forgotten(backend: StorageBackend, ids: Iterable[str], *, tx: Transaction) -> None:
    """Note that the entries with these ids are not to come back by themselves."""
    from capsa import Record

    _ids(backend).put([Record(id=id_, text="") for id_ in ids], embed=False, tx=tx)


def were_forgotten(backend: StorageBackend, ids: Iterable[str]) -> set[str]:
    """Those of ``ids`` that were."""
    return set(_ids(backend).get_many(ids))


def take_back(backend: StorageBackend, id_: str) -> None:
    """The entry is wanted again."""
    _ids(backend).delete([id_])


def _ids(backend: StorageBackend) -> Collection:
    return backend.capsa_store.collection(FORGOTTEN, owner=backend.owner)
