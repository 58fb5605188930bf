"""What AfterImage remembers, and how it is spelled as a record of the engine."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from afterimage.errors import InvalidEntry

if TYPE_CHECKING:
    from capsa import Record

#: The collection that every entry belongs to, and the owner of a memory that is not shared.
COLLECTION = "code"
OWNER = "local"
#: Who wrote an entry, and where its file stands in the project, in its metadata.
AUTHOR = "author"
IN_PROJECT = "in_project"
#: On which machine's which copy of the project it was written, where that is not what the project is known by.
CHECKOUT = "checkout"

#: The vectors of the functions, methods and classes in long entries; derived, see `afterimage.chunking.entries`.
UNITS = "code-units"

#: What 0.8 noted of patterns: a record a cluster, and one for each entry that has the pattern, with the entry's id.
PATTERN_CLUSTERS, PATTERN_MEMBERS = "pattern-clusters", "pattern-members"

#: What the earlier program's churn database knew: a record a row, of each of its tables.
CHURN_EDITS, CHURN_FILES, CHURN_FUNCTIONS = "churn-edits", "churn-files", "churn-functions"

#: The ids of what was forgotten, without its content, see `afterimage.forgotten`.
FORGOTTEN = "forgotten"

#: All collections of the memory: beside the entries, what the earlier program noted of patterns in them and of edits.
COLLECTIONS = (
    COLLECTION,
    PATTERN_CLUSTERS,
    PATTERN_MEMBERS,
    UNITS,
    CHURN_EDITS,
    CHURN_FILES,
    CHURN_FUNCTIONS,
    FORGOTTEN,
)

#: Columns of the earlier program that a record keeps in its metadata; a missing key is a NULL.
METADATA_FIELDS = (
    "old_code",
    "content_hash",
    "unit_key",
    "version",
    "supersedes",
    "is_latest",
    "seen_count",
    "last_seen",
)


@dataclass(frozen=True, slots=True)
class StorageEntry:
    """One piece of code that was written."""

    id: str
    file_path: str
    #: What was written.
    new_code: str
    #: What it replaced; None for a new file.
    old_code: str | None = None
    context: str | None = None
    #: ISO 8601, as it was spelled when it was stored.
    timestamp: str = ""
    session_id: str | None = None
    #: Its vector, where the call that gave the entry reads vectors.
    embedding: Sequence[float] | None = None
    #: BM25, higher is better, where the entry comes from a search by words.
    fts_rank: float | None = None
    #: Cosine similarity, -1 to 1, where the entry comes from a search by meaning.
    semantic_score: float | None = None
    content_hash: str | None = None
    unit_key: str | None = None
    version: int | None = None
    supersedes: str | None = None
    is_latest: bool | None = None
    seen_count: int | None = None
    last_seen: str | None = None
    #: Whatever else the record carries.
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All that is set, the first eight fields always; `from_dict` reads it back."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        always = ("id", "file_path", "new_code", "old_code", "context", "timestamp", "session_id", "embedding")
        return {
            name: list(value) if name == "embedding" and value is not None else value
            for name, value in values.items()
            if name in always or value not in (None, {})
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StorageEntry:
        """Read what `to_dict` or the earlier program's export gives; names it does not know are left out.

        Raises:
            InvalidEntry: id, file_path or new_code is missing, or a text is not one.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        given = {name: value for name, value in values.items() if name in known}
        for name in ("id", "file_path", "new_code"):
            if not isinstance(given.get(name), str):
                raise InvalidEntry(f"entry {values.get('id', '?')!r} has no text {name!r}")
        for name in ("old_code", "context", "timestamp", "session_id"):
            if not isinstance(given.get(name, ""), str | None):
                raise InvalidEntry(f"entry {given['id']!r}: {name!r} is not a text")
        given["timestamp"] = given.get("timestamp") or ""
        given["metadata"] = given.get("metadata") or {}
        return cls(**given)

    def to_record(self) -> Record:
        """The record that holds this entry, without its vector. An empty timestamp means now.

        Raises:
            InvalidEntry: the timestamp is not ISO 8601.
        """
        from capsa import Record

        created_at, spelled = read_time(self.timestamp or None)
        columns = {name: getattr(self, name) for name in METADATA_FIELDS}
        return Record(
            id=self.id,
            text=self.new_code,
            path=self.file_path,
            context=self.context,
            session_id=self.session_id,
            metadata={name: value for name, value in columns.items() if value is not None} | dict(self.metadata),
            created_at=created_at,
            created_at_text=spelled,
        )

    @classmethod
    def from_record(
        cls,
        record: Record,
        embedding: Sequence[float] | None = None,
        *,
        fts_rank: float | None = None,
        semantic_score: float | None = None,
    ) -> StorageEntry:
        """The entry that ``record`` holds."""
        metadata = dict(record.metadata)
        columns = {name: metadata.pop(name) for name in METADATA_FIELDS if name in metadata}
        return cls(
            id=record.id,
            file_path=record.path or "",
            new_code=record.text,
            context=record.context,
            timestamp=spelled_time(record),
            session_id=record.session_id,
            embedding=embedding,
            metadata=metadata,
            fts_rank=fts_rank,
            semantic_score=semantic_score,
            **columns,
        )


@dataclass(frozen=True, slots=True)
class StorageStats:
    """What the memory holds."""

    total_entries: int
    #: Entries that can be found by meaning.
    entries_with_embeddings: int
    unique_files: int
    unique_sessions: int
    #: ISO 8601, None if there is no entry.
    oldest_entry: str | None
    newest_entry: str | None
    #: Of the whole database.
    db_size_bytes: int
    #: "sqlite" or "postgresql".
    backend_type: str

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return dataclasses.asdict(self)


def read_time(value: str | dt.datetime | None) -> tuple[dt.datetime, str | None]:
    """An instant in UTC, and its spelling where that is not the instant's own. None means now.

    A time without a zone is read in this machine's.

    Raises:
        InvalidEntry: it is not ISO 8601, or outside the years 1 to 9999.
    """
    if value is None:
        return dt.datetime.now(dt.UTC), None
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise InvalidEntry(f"{value!r} is not a time: write it like 2026-01-06T12:00:00+00:00") from None
    spelled = value if isinstance(value, str) and value != moment.isoformat() else None
    return moment, spelled


def spelled_time(record: Record) -> str:
    """When ``record`` was written, as it was spelled."""
    if record.created_at_text is not None:
        return record.created_at_text
    return record.created_at.astimezone(dt.UTC).isoformat()
