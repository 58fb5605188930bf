"""The versions of a file, and of one function, method or class in it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from afterimage.chunking.cutting import cut
from afterimage.ui.diffs import Difference, difference
from afterimage.ui.reading import Page, Place, Row

if TYPE_CHECKING:
    from afterimage.chunking.units import Unit
    from afterimage.storage import StorageBackend
    from afterimage.ui.reading import Catalogue
    from capsa import Record

#: Entries of a file that are looked through for a unit on one page: each has to be cut.
_LOOKED_AT = 40


class Versions:
    """Reads versions from one memory."""

    def __init__(self, backend: StorageBackend, catalogue: Catalogue) -> None:
        """Nothing is read yet."""
        self._backend = backend
        self._catalogue = catalogue

    def units(self, record: Record) -> list[tuple[int, Unit]]:
        """The units in an entry that have a name, each with its number."""
        found = cut(record.path or "", record.text).units if record.path else ()
        return [(number, unit) for number, unit in enumerate(found) if unit.name and unit.kind != "block"]

    def unit(self, record: Record, number: str) -> Unit | None:
        """The unit of this number in an entry; None for all of it."""
        return next((unit for n, unit in self.units(record) if str(n) == number), None)

    def text(self, record: Record, unit: Unit | None) -> str:
        """What an entry has of a unit, by its name; all of the entry where there is none."""
        if unit is None:
            return record.text
        same = [other.text for _, other in self.units(record) if other.name == unit.name]
        return "\n\n".join(same)

    def of(self, record: Record, unit: Unit | None, behind: Place) -> Page[Row]:
        """The versions of the file of an entry, newest first; with a unit, those that it changed in."""
        page = self._catalogue.of_file(record.path or "", behind, _LOOKED_AT) if record.path else Page[Row](())
        if unit is None:
            return page
        records = self._backend.collection.get_many(row.id for row in page.items)
        kept: list[Row] = []
        for row in page.items:
            text = self.text(records[row.id], unit) if row.id in records else ""
            if text and kept and kept[-1].head == text:
                # The older one is where it came to be so.
                kept.pop()
            if text:
                kept.append(dataclasses.replace(row, head=text, length=len(text)))
        return Page(kept, page.next)


def compared(old: str, new: str) -> Difference:
    """See `difference`; of texts without secrets."""
    return difference(old.replace("\r\n", "\n"), new.replace("\r\n", "\n"))
