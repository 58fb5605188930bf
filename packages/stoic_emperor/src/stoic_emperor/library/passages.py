"""The values of the library: a passage, its tags, and what a search of it gives."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, overload

from capsa import Hit, Mode, Record


class Kind(enum.StrEnum):
    """Whose words a passage is."""

    #: As its author wrote it, or a translator.
    TEXT = "text"
    #: What the author says there, in other words: no quotation of it is one of the author.
    REFLECTION = "reflection"


@dataclass(frozen=True, slots=True)
class Tags:
    """What a passage is about: in the words of the school, in today's, and in general."""

    classical: tuple[str, ...] = ()
    modern: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()

    @classmethod
    def of(cls, classical: Iterable[str] = (), modern: Iterable[str] = (), themes: Iterable[str] = ()) -> Self:
        """Tags in their one spelling: lower case, single blanks, each once, none empty."""
        return cls(_normal(classical), _normal(modern), _normal(themes))

    def __bool__(self) -> bool:
        return bool(self.classical or self.modern or self.themes)

    def __or__(self, other: Tags) -> Tags:
        """Those of both, each once."""
        return Tags.of(
            (*self.classical, *other.classical), (*self.modern, *other.modern), (*self.themes, *other.themes)
        )

    def words(self) -> str | None:
        """All of them as one text to be searched, or None."""
        return ", ".join((*self.classical, *self.modern, *self.themes)) or None


def _normal(tags: Iterable[str]) -> tuple[str, ...]:
    spelled = (" ".join(tag.casefold().split()) for tag in tags)
    return tuple(dict.fromkeys(tag for tag in spelled if tag))


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A piece of a work, small enough to be read at once."""

    id: str
    text: str
    kind: Kind = Kind.TEXT
    title: str | None = None
    author: str | None = None
    work: str | None = None
    #: Where in the work: ``2.1``, or ``Book II, Chapter 3``.
    place: str | None = None
    #: Where the text was taken from, for a person.
    source: str | None = None
    tags: Tags = field(default_factory=Tags)
    #: The name under which its file is known to the library.
    file: str | None = None
    #: Of the text alone.
    hash: str | None = None
    #: Which of its file's passages it is, from 0.
    position: int = 0
    #: So many words at its beginning are the end of the passage before it.
    overlap: int = 0
    #: What a search found it by.
    hit: Hit | None = field(default=None, repr=False, compare=False)

    @property
    def score(self) -> float | None:
        """How well it fits what was searched for; comparable within one search only."""
        return None if self.hit is None else self.hit.score

    @property
    def reason(self) -> str:
        """Why it was found, for a person; empty if it was not searched for."""
        return "" if self.hit is None else self.hit.reason

    @property
    def reference(self) -> str:
        """Author, work and place, as far as they are known: ``Marcus Aurelius, Meditations 2.1``."""
        between = " " if self.work and self.place and self.place[0].isdigit() else ", "
        inside = between.join(part for part in (self.work, self.place) if part)
        return ", ".join(part for part in (self.author, inside) if part) or self.source or "source unknown"

    @property
    def credit(self) -> str:
        """What may be written under it: a reflection is not its author's, who must not be said to have written it."""
        return f"after {self.reference}, in our words" if self.kind == Kind.REFLECTION else self.reference

    @classmethod
    def from_record(cls, record: Record, *, hit: Hit | None = None) -> Self:
        """A passage as it was stored; the comma-joined tags of earlier programs are understood too."""
        about = record.metadata
        return cls(
            id=record.id,
            text=record.text,
            kind=Kind.REFLECTION if about.get("kind") == Kind.REFLECTION else Kind.TEXT,
            title=record.title,
            author=_string(about, "author"),
            work=_string(about, "work"),
            place=_string(about, "place"),
            source=_string(about, "source"),
            tags=Tags.of(*(_listed(about.get(name)) for name in ("classical_tags", "modern_tags", "themes"))),
            file=_string(about, "file"),
            hash=_string(about, "hash"),
            position=_number(about, "position"),
            overlap=_number(about, "overlap"),
            hit=hit,
        )


def _string(about: Mapping[str, Any], name: str) -> str | None:
    value = about.get(name)
    return value if isinstance(value, str) and value else None


def _number(about: Mapping[str, Any], name: str) -> int:
    value = about.get(name)
    return value if isinstance(value, int) else 0


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split(",")
    return [tag for tag in value if isinstance(tag, str)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Findings(Sequence[Passage]):
    """Passages, best first, and what the reader should know about how they were found."""

    passages: tuple[Passage, ...]
    mode: Mode
    notes: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Passage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Passage]: ...
    def __getitem__(self, index: int | slice) -> Passage | Sequence[Passage]:
        return self.passages[index]

    def __len__(self) -> int:
        return len(self.passages)

    def __iter__(self) -> Iterator[Passage]:
        return iter(self.passages)


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A work of which the library has something."""

    author: str | None
    work: str | None
    passages: int
