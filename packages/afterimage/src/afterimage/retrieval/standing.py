"""Whether what was written still holds: FRESH, STALE or SUPERSEDED, each by what is on the disk and in the memory.

Judged of what is shown: an edit elsewhere in its file leaves a function as it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from afterimage.chunking.cutting import cut
from afterimage.hook import answers
from afterimage.hook.files import exists
from afterimage.hook.fingerprints import LEAST, Lines
from afterimage.hook.recall import Unreadable

if TYPE_CHECKING:
    from afterimage.chunking.units import Unit
    from afterimage.hook.recall import Recall
    from afterimage.storage import StorageBackend
    from capsa import Record

#: Where an entry's metadata says what was done, what of a note, and where one that gave way to another names it.
CHANGE = "change"
NOTE = "note"
REPLACED_BY = "superseded_by"
#: Later entries of the same file that are looked through, the newest first.
_LATER = 24


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry, and the unit of it that is shown; None for all of it."""

    record: Record
    unit: Unit | None = None

    @property
    def text(self) -> str:
        """What is shown."""
        return self.unit.text if self.unit else self.record.text


def standings(
    backend: StorageBackend, index: Recall | None, every: Sequence[Shown], path_here: Callable[[Record], str]
) -> Mapping[str, str]:
    """Id of the entry -> how what is shown of it stands.

    Args:
        path_here: where the file of an entry is on this machine.
    """
    return {shown.record.id: _standing(backend, index, shown, path_here(shown.record)) for shown in every}


def _standing(backend: StorageBackend, index: Recall | None, shown: Shown, path: str) -> str:
    record = shown.record
    named = record.metadata.get(REPLACED_BY)
    # What was forgotten supersedes nothing, whatever a note still says.
    if isinstance(named, str) and backend.collection.get_many([named]):
        return f"SUPERSEDED by {named}"
    if record.metadata.get(CHANGE) == NOTE or not record.path:
        return ""
    said = bool(shown.text.strip())
    if said and path.startswith("/") and answers.stands(path, shown.text, microseconds(record)):
        return "FRESH"
    written = [
        *_later(backend, index, record, record.path),
        *(_later(backend, index, record, path) if path != record.path else []),
    ]
    if later := next((one.id for one in written if _takes_its_place(one, shown)), ""):
        return f"SUPERSEDED by {later}"
    if not said:
        return ""
    return "STALE: the file has changed since" if exists(path) else "STALE: the file is not there now"


def _later(backend: StorageBackend, index: Recall | None, record: Record, path: str) -> list[Record]:
    """What was written to the file at ``path`` later, the newest first."""
    if index is not None:
        with contextlib.suppress(Unreadable):
            latest = index.latest(path)
            if latest is None or latest.at <= microseconds(record):
                return []
    from capsa import Filter

    since = Filter(path=path, since=record.created_at)
    found = backend.collection.recent(_LATER, since)
    return [one for one in found if one.path == path and one.created_at > record.created_at]


def _takes_its_place(later: Record, shown: Shown) -> bool:
    """Whether an entry of the same file, written later, is a later version of what is shown."""
    replaced = later.metadata.get("old_code")
    if isinstance(replaced, str) and len("".join(replaced.split())) >= LEAST and replaced.strip() in shown.text:
        return True
    path = shown.record.path or ""
    known = [shown.unit] if shown.unit else cut(path, shown.text).units
    now = {unit.name: Lines(unit.text).texts for unit in cut(path, later.text).units}
    if any(unit.name and now.get(unit.name, lines) != lines for unit in known for lines in [Lines(unit.text).texts]):
        return True
    # A file that was written again as a whole has what it has, and nothing else.
    whole = later.metadata.get(CHANGE, "edit" if replaced else "write") != "edit"
    return whole and not set(Lines(shown.text).texts) <= set(Lines(later.text).texts)


def microseconds(record: Record) -> int:
    """When ``record`` was written, as the hooks count."""
    return int(record.created_at.timestamp() * 1_000_000)
