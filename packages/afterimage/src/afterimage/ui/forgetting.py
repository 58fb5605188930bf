"""Forgetting by a page: first what would go, then the receipt for what went."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.retrieval.forgetting import Forgotten, forget
from afterimage.retrieval.lookup import find_record
from afterimage.ui.reading import Row

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from afterimage.ui.reading import Catalogue

#: Receipts that are kept, as long as the program runs.
_KEPT = 50
#: Entries that are listed before they go.
_LISTED = 20
KINDS = ("entry", "file", "session")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody wants to forget."""

    #: One of `KINDS`.
    kind: str
    #: The entry by which it was chosen, its path and its session.
    entry: str
    path: str
    session: str
    ids: Sequence[str]

    @property
    def seal(self) -> str:
        """Stands for just these entries: what came after they were shown is not forgotten unseen."""
        told = hashlib.sha256()
        for id_ in self.ids:
            told.update(id_.encode("utf-8", "surrogatepass") + b"\0")
        return told.hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was forgotten, and when."""

    chosen: Chosen
    at: dt.datetime
    done: Forgotten


class Forgetting:
    """Forgets what was chosen, and keeps the receipts."""

    def __init__(self, backend: StorageBackend, catalogue: Catalogue, directory: Path) -> None:
        """Nothing is read yet.

        Args:
            directory: AfterImage's folder, with the recall index.
        """
        self._backend = backend
        self._catalogue = catalogue
        self._directory = directory
        self._receipts: dict[str, Receipt] = {}

    def choose(self, kind: str, entry: str) -> Chosen:
        """The entry, or all of its file or session; of one that has none, the entry.

        Raises:
            EntryNotFound: there is no such entry.
        """
        record = find_record(self._backend, entry)
        name = {"file": record.path, "session": record.session_id}.get(kind) or ""
        ids = self._catalogue.ids(kind, name) if name else [record.id]
        return Chosen(kind if name else "entry", record.id, record.path or "", record.session_id or "", ids)

    def listed(self, chosen: Chosen) -> Sequence[Row]:
        """The newest of what would go."""
        records = self._backend.collection.get_many(chosen.ids[-_LISTED:])
        return [Row.of(records[id_]) for id_ in reversed(chosen.ids[-_LISTED:]) if id_ in records]

    def forget(self, chosen: Chosen) -> str:
        """Do it, for good; the number of the receipt.

        Raises:
            EntryNotFound: one of them went meanwhile; nothing was done.
        """
        done = forget(self._backend, self._directory, chosen.ids)
        number = secrets.token_urlsafe(9)
        self._receipts[number] = Receipt(chosen, dt.datetime.now(dt.UTC), done)
        while len(self._receipts) > _KEPT:
            del self._receipts[next(iter(self._receipts))]
        return number

    def receipt(self, number: str) -> Receipt | None:
        """The receipt with this number, if it is still kept."""
        return self._receipts.get(number)
