"""Notes: what an agent wants kept that no tool call would have told the hooks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from afterimage.entries import CHECKOUT, StorageEntry
from afterimage.errors import InvalidEntry
from afterimage.forgotten import take_back
from afterimage.hook.files import absolute
from afterimage.hook.marker import INSTEAD, without_injections
from afterimage.hook.project import Project
from afterimage.identity import content_hash, entry_id
from afterimage.retrieval.lookup import find_record
from afterimage.retrieval.standing import NOTE, REPLACED_BY
from afterimage.sync import store_once

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend

#: Characters of a note.
MOST = 20_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """What became of a note."""

    id: str
    #: False, if just this was remembered before.
    new: bool
    #: The entry that it takes the place of.
    replaced: str = ""


def remember(
    backend: StorageBackend,
    project: Project,
    text: str,
    clean: Callable[[str], str],
    *,
    path: str = "",
    replaces: str = "",
) -> Remembered:
    """Keep a note in ``project``; the same one only once.

    Args:
        clean: takes secrets out (`Retriever.redactor`).
        path: the file that it is about, if any, seen from the project.
        replaces: the id, or its beginning, of the note that no longer holds.

    Raises:
        InvalidEntry: there is nothing to keep, or too much.
        EntryNotFound: ``replaces`` is nobody's id.
    """
    if len(text) > MOST:
        raise InvalidEntry(f"a note has at most {MOST:,} characters, and this has {len(text):,}: keep the point of it")
    said = without_injections(text).strip()
    if not said:
        raise InvalidEntry("there is nothing to remember: what AfterImage recalled itself is not stored again")
    text = clean(said).strip()
    if not text.replace(INSTEAD, "").strip():
        raise InvalidEntry("nothing was stored: all of it stands in <private>; put outside of it what may be kept")
    old = find_record(backend, replaces) if replaces else None
    about = absolute(path, project.root) if path else ""
    id_ = entry_id(client="mcp", session=project.home, call=content_hash(text), path=about, index=0)
    facts = {
        "project": project.home,
        CHECKOUT: project.checkout if project.checkout != project.home else "",
        "project_name": project.name,
        "scope": project.scope,
        "branch": project.branch,
        "commit": project.commit,
    }
    metadata = {"client": "mcp", "tool": "remember", "change": NOTE, **{k: v for k, v in facts.items() if v}}
    entry = StorageEntry(
        id_,
        about,
        text,
        timestamp=dt.datetime.now(dt.UTC).isoformat(),
        content_hash=content_hash(text),
        supersedes=old.id if old else None,
        metadata=metadata,
    )
    # Who says it again wants it again.
    take_back(backend, [id_])
    new = store_once(backend, [entry]) > 0
    if old is not None and old.id != id_:
        backend.collection.update(old.id, metadata={**old.metadata, REPLACED_BY: id_})
    return Remembered(id_, new, old.id if old is not None and old.id != id_ else "")
