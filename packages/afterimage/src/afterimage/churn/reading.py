"""Churn as the memory tells it: counted from its entries, so nothing else has to be kept in step or erased."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afterimage.churn.counts import FileChurn, FunctionChurn, functions_of, what_became
from afterimage.churn.edits import Change, Edit, edits_by_file, edits_of
from afterimage.churn.replay import ADDED, DELETED, MODIFIED, replay
from afterimage.churn.tiers import ChurnTier
from afterimage.entries import CHURN_EDITS, CHURN_FILES, COLLECTION, StorageEntry
from afterimage.identity import content_hash

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Record

_FACTS = json.JSONDecoder().raw_decode
#: What an entry can be that changed no code: a note, a file that moved or went.
_NO_EDITS = frozenset({"note", "move", "delete"})
#: What the earlier program's history calls what became of a function.
_EARLIER = {"add": ADDED, "modify": MODIFIED, "refactor": MODIFIED, "delete": DELETED}


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryItem:
    """One edit of a file."""

    at: dt.datetime
    session: str
    #: The entries it made; none if only the earlier program's history knows of it.
    entries: tuple[str, ...]
    #: Function -> "added", "modified" or "deleted".
    functions: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "timestamp": self.at.isoformat(),
            "session_id": self.session or None,
            "entries": list(self.entries),
            "functions": dict(self.functions),
        }


class ChurnTracker:
    """How often what a memory knows of was edited, seen from one moment.

    Nothing is recorded here: what is stored is what is counted.
    """

    def __init__(self, backend: StorageBackend, now: dt.datetime | None = None) -> None:
        """Nothing is read yet.

        Args:
            now: the moment that everything is seen from, with a zone; default this one.
        """
        self._backend = backend
        self._now = now or dt.datetime.now(dt.UTC)

    def files(self) -> list[FileChurn]:
        """Every file, in one pass over the memory; in no order."""
        changes = (change for name in (COLLECTION, CHURN_EDITS) for change in self._changes(name))
        return [FileChurn.of(path, edits, self._now) for path, edits in edits_by_file(changes).items()]

    def get_hotspots(self, limit: int | None = 20) -> list[tuple[FileChurn, float]]:
        """The files that change most, with their scores, highest first; all of them, if there is no limit."""
        scored = [(file, file.score) for file in self.files() if file.score > 0]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0].file_path))[:limit]

    def get_files_by_tier(self, tier: ChurnTier | str) -> list[FileChurn]:
        """The files of a tier, the one edited most often in 30 days first."""
        found = [file for file in self.files() if file.tier == ChurnTier(tier)]
        return sorted(found, key=lambda file: (-file.edits_last_30d, -file.total_edits, file.file_path))

    def get_file_stats(self, path: str) -> FileChurn | None:
        """One file, by its path as it is stored; None if no edit of it is known."""
        edits = self._edits(path)
        return FileChurn.of(path, edits, self._now) if edits else None

    def get_function_stats(self, path: str) -> list[FunctionChurn]:
        """The functions of a file, the one changed most often first."""
        return functions_of(self._edits(path), self._replayed(path), self._now)

    def get_history(self, path: str, limit: int = 20) -> list[HistoryItem]:
        """The edits of a file, newest first, each with what became of which functions."""
        changed = self._replayed(path)
        return [
            HistoryItem(
                at=edit.at,
                session=edit.session,
                entries=tuple(edit.ids),
                functions=dict(sorted(what_became(edit, changed).items())),
            )
            for edit in reversed(self._edits(path)[-limit:])
        ]

    def get_earlier_stats(self, path: str) -> dict[str, Any] | None:
        """What AfterImage 0.3 to 0.8 had counted of a file, by its own way of counting; None if nothing."""
        record = self._backend.capsa_store.collection(CHURN_FILES, owner=self._backend.owner).get(path)
        return None if record is None else dict(record.metadata)

    def _edits(self, path: str) -> list[Edit]:
        return edits_of([*self._changes(COLLECTION, path)], [*self._changes(CHURN_EDITS, path)])

    def _replayed(self, path: str) -> dict[str, dict[str, str]]:
        ids = [change.id for change in self._changes(COLLECTION, path)]
        records = self._backend.collection.get_many(ids)
        return replay(path, (StorageEntry.from_record(records[id_]) for id_ in ids if id_ in records))

    def _changes(self, collection: str, path: str | None = None) -> Iterator[Change]:
        from capsa import from_stored, named_statements, to_stored

        database = self._backend.database
        statement = named_statements(__package__)["changes" if path is None else "changes_of_file"]
        given = {"owner": self._backend.owner, "collection": collection} | (
            {} if path is None else {"path": to_stored(path)}
        )
        with database.read(self._backend.owner) as tx:
            for id_, where, session, at, metadata, text in tx.stream(statement, given):
                told = (from_stored(id_), from_stored(where), from_stored(session or ""))
                facts = _FACTS(from_stored(metadata))[0]
                code = None if text is None else from_stored(text)
                if change := _change(collection, told, database.datetime(at), facts, code):
                    yield change


def change_of(record: Record, collection: str = COLLECTION) -> Change | None:
    """A record as far as counting goes; None if it is no edit of a file."""
    told = (record.id, record.path or "", record.session_id or "")
    return _change(collection, told, record.created_at, record.metadata, record.text)


def _change(
    collection: str, told: Sequence[str], at: dt.datetime, facts: Mapping[str, Any], text: str | None
) -> Change | None:
    id_, path, session = told
    if not path or facts.get("change") in _NO_EDITS:
        return None
    if collection == CHURN_EDITS:
        name, what = facts.get("function_name"), _EARLIER.get(str(facts.get("change_type")), MODIFIED)
        return Change(id_, path, at, session, function=(name, what) if isinstance(name, str) else None, earlier=True)
    call, project = (facts.get(key) for key in ("tool_use_id", "project"))
    noted = facts.get("content_hash")
    old = facts.get("old_code")
    content = noted if isinstance(noted, str) else content_hash(text or "")
    return Change(
        id_,
        path,
        at,
        session,
        call if isinstance(call, str) else "",
        f"{content}-{len(old)}" if isinstance(old, str) else content,
        project if isinstance(project, str) else "",
    )
