"""The entry that a person or an agent means by an id, or by its beginning."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from afterimage.errors import EntryNotFound

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Record


def find_record(backend: StorageBackend, given: str) -> Record:
    """The record with the id ``given``, or the only one whose id begins with it.

    Raises:
        EntryNotFound: none has, or several have.
    """
    collection = backend.collection
    if given and (record := collection.get(given)):
        return record
    beginning_so = (id_ for id_ in collection.ids() if id_.startswith(given))
    found = list(itertools.islice(beginning_so, 6))
    # Nothing is the beginning of the only entry, too, and does not name it.
    if given and len(found) == 1 and (record := collection.get(found[0])):
        return record
    if len(found) > 1:
        raise EntryNotFound(f"several ids begin with {given!r}: {', '.join(found[:5])}")
    raise EntryNotFound(f"no entry has the id {given!r}, or one that begins so: `afterimage recent` lists the latest")
