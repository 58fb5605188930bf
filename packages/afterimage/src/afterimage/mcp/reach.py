"""Which entries a client may name: those of the project it works in, unless it asks for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from afterimage.errors import EntryNotFound
from afterimage.retrieval.lookup import find_record

if TYPE_CHECKING:
    from afterimage.retrieval.where import Where
    from afterimage.storage import StorageBackend


def reachable(backend: StorageBackend, given: str, where: Where) -> str:
    """The id of the entry that ``given`` names, if it is to be looked at.

    Raises:
        EntryNotFound: there is none, or it is of another project.
    """
    record = find_record(backend, given)
    if not where.holds(record):
        raise EntryNotFound(f"{given!r} is an entry of another project: if it is meant, ask with all_projects=true")
    return record.id
