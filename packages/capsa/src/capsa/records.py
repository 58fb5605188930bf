"""The values that go into a store and come out of it."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from capsa.search.spelling import Typed

#: Owner, collection, id and session are parts of index keys, which PostgreSQL bounds.
MAX_KEY_BYTES = 512

#: The owner of a store that only one person uses.
DEFAULT_OWNER = "local"

#: The reserved owner whose records everybody may read and only a maintainer may write.
PUBLIC_OWNER = "@public"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One remembered text.

    Strings may hold any Unicode code point, NUL and lone surrogates included; both databases
    give back exactly what was put in.
    """

    #: What is remembered: searched by words and, if an embedder is set, by meaning.
    text: str
    #: Unique within owner and collection; at most 512 bytes.
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: A short name, searched by words.
    title: str | None = None
    #: What surrounded the text when it was written, searched by words.
    context: str | None = None
    #: Where the text belongs, e.g. a file path; searched by words and by pattern.
    path: str | None = None
    #: The conversation or run in which it was written; at most 512 bytes.
    session_id: str | None = None
    #: Anything else, as JSON; kept as its text, key order included.
    metadata: Mapping[str, Any] = field(default_factory=dict)
    #: Timezone-aware, microseconds.
    created_at: dt.datetime = field(default_factory=_now)
    #: How an imported time was spelled, where that differs from ``created_at.isoformat()`` in UTC.
    created_at_text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which records to look at; every part that is set must hold. Applied before any limit."""

    #: A substring of the path, or a pattern if it has ``*`` or ``?``. Case matters.
    path: str | None = None
    session_id: str | None = None
    #: Created at or after.
    since: dt.datetime | None = None
    #: Created before.
    until: dt.datetime | None = None

    def __bool__(self) -> bool:
        return any(part is not None for part in (self.path, self.session_id, self.since, self.until))


class Mode(enum.StrEnum):
    """How to search."""

    LEXICAL = "lexical"
    SEMANTIC = "semantic"
    HYBRID = "hybrid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A record that was found, and why."""

    record: Record
    #: Higher is better; comparable within one result only. Hits come best first.
    score: float
    #: BM25, or None if no word of the query matched.
    lexical_score: float | None = None
    #: Cosine similarity, -1 to 1, or None if not compared.
    semantic_score: float | None = None
    #: Whether the query, or an identifier in it, stands in the record literally.
    literal: bool = False
    #: The words of the query that occur in the record, as the index spells them.
    words: tuple[str, ...] = ()
    #: What was looked for, to explain the words by.
    typed: Typed | None = field(default=None, repr=False, compare=False)

    @property
    def reason(self) -> str:
        """Why this record was found, for a person: with the words as they were typed."""
        parts = []
        if self.literal:
            parts.append("literal match")
        if self.words:
            parts.append("words: " + ", ".join((self.typed and self.typed.giving(self.words)) or self.words))
        if self.semantic_score is not None:
            parts.append(f"meaning {self.semantic_score:.2f}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class SearchResult(Sequence[Hit]):
    """Hits, best first, and what the reader should know about how they were found."""

    hits: tuple[Hit, ...]
    #: The mode that was really used: hybrid falls back to lexical where no vectors can be compared.
    mode: Mode
    #: What limited the search, e.g. that there was no model to go by meaning.
    notes: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Hit]: ...
    def __getitem__(self, index: int | slice) -> Hit | Sequence[Hit]:
        return self.hits[index]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """What a collection holds."""

    records: int
    #: Model name -> how many records have a vector of it.
    embeddings: Mapping[str, int]
    paths: int
    sessions: int
    oldest: dt.datetime | None
    newest: dt.datetime | None
    #: Of the whole database, all owners, in bytes.
    size_bytes: int
