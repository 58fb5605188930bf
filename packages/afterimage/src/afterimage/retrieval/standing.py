"""Whether what was written still holds: FRESH, STALE or SUPERSEDED, each by what is on the disk and in the memory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from afterimage.hook import answers
from afterimage.hook.files import exists
from afterimage.hook.recall import Unreadable

if TYPE_CHECKING:
    from afterimage.hook.recall import Recall
    from afterimage.storage import StorageBackend
    from capsa import Record

#: What `metadata["change"]` of a note says, and where an entry that a note took the place of names it.
NOTE = "note"
REPLACED_BY = "superseded_by"


def standings(backend: StorageBackend, index: Recall | None, records: Sequence[Record]) -> Mapping[str, str]:
    """Id -> how each of ``records`` stands."""
    later = {record.id: _later(backend, index, record) for record in records}
    # What was forgotten supersedes nothing, whatever the index or a note still says.
    there = backend.collection.get_many([id_ for id_ in later.values() if id_])
    return {record.id: _standing(record, later[record.id] if later[record.id] in there else "") for record in records}


def _standing(record: Record, later: str) -> str:
    if later and later == record.metadata.get(REPLACED_BY):
        return f"SUPERSEDED by {later}"
    code = record.metadata.get("change") != NOTE and bool(record.text.strip())
    on_disk = code and record.path is not None and record.path.startswith("/")
    if on_disk and answers.stands(record.path or "", record.text, microseconds(record)):
        return "FRESH"
    if later:
        return f"SUPERSEDED by {later}"
    if not code or not record.path:
        return ""
    return "STALE: the file has changed since" if exists(record.path) else "STALE: the file is not there now"


def _later(backend: StorageBackend, index: Recall | None, record: Record) -> str:
    """The id of the entry that took the place of ``record``, or nothing."""
    if isinstance(named := record.metadata.get(REPLACED_BY), str):
        return named
    if not record.path or record.metadata.get("change") == NOTE:
        return ""
    if index is not None:
        with contextlib.suppress(Unreadable):
            latest = index.latest(record.path)
            return latest.id if latest is not None and latest.at > microseconds(record) else ""
    from capsa import Filter

    newest = [r for r in backend.collection.recent(8, Filter(path=record.path)) if r.path == record.path]
    return newest[0].id if newest and newest[0].created_at > record.created_at else ""


def microseconds(record: Record) -> int:
    """When ``record`` was written, as the hooks count."""
    return int(record.created_at.timestamp() * 1_000_000)
