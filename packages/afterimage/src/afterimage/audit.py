"""Secrets in what is stored: found by the hook's rules, and taken out.

What was stored before there were rules, or by another program, may hold some. Nothing here ever shows one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage.entries import UNITS
from afterimage.hook.redaction import Redactor
from afterimage.identity import content_hash

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Collection, Record

_TEXTS = ("text", "title", "context", "path")
_MARK = re.compile(r"\[redacted: ([^\]\n]{1,60})\]")


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret: what it is and where, but not it."""

    #: The rule that knows it.
    kind: str
    collection: str
    id: str
    #: The entry's file, without what may be secret in its name.
    path: str
    #: text, title, context or path, or the name of something else that the entry carries, such as old_code.
    field: str
    line: int

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What cleaning did."""

    entries: int
    #: What could not be erased from the database's files, a line each.
    notes: tuple[str, ...] = ()
    #: Whether the hooks' recall index is clean too; if not, `afterimage sync --rebuild` makes it so.
    recall: bool = True


def find_secrets(
    backend: StorageBackend, progress: Callable[[int, int | None], None] | None = None
) -> Iterator[Finding]:
    """Every secret in the memory, entry by entry.

    Raises:
        capsa.DatabaseUnavailable: the memory cannot be reached.
    """
    redact = Redactor()
    done = 0
    for collection in _collections(backend):
        total = collection.count()
        for number, record in enumerate(collection.iterate(), 1):
            if progress:
                progress(done + number, done + total)
            for field, text in _texts_of(record):
                cleaned = redact(text)
                if cleaned != text:
                    path = redact(record.path or "")
                    for kind, line in _places(text, cleaned):
                        yield Finding(kind, collection.name, record.id, path, field, line)
        done += total


def clean_secrets(backend: StorageBackend, directory: Path, findings: list[Finding]) -> Cleaned:
    """Take the secrets of ``findings`` out: of the entries, their vectors, the index, and the recall index.

    A vector made from a secret goes; the next sync makes one of what is left.

    Raises:
        capsa.DatabaseUnavailable: the memory cannot be reached; run it again.
        OSError, RecallIndexUnwritable: the recall index cannot be written.
    """
    from afterimage.sync import synchronise

    redact = Redactor()
    cleaned = 0
    for collection in _collections(backend):
        wanted = dict.fromkeys(finding.id for finding in findings if finding.collection == collection.name)
        for id_ in wanted:
            record = collection.get(id_)
            if record is not None and (changes := _changes(record, redact)):
                cleaned += collection.update(id_, embed=False, **changes)
    if not cleaned:
        return Cleaned(0)
    notes = backend.database.scrub()
    synced = synchronise(backend, directory, rebuild=True)
    return Cleaned(cleaned, notes, recall=not synced.busy)


def _collections(backend: StorageBackend) -> list[Collection]:
    # What is derived goes with what it is of.
    return [collection for name, collection in backend.collections().items() if name != UNITS]


def _texts_of(record: Record) -> Iterator[tuple[str, str]]:
    for name in _TEXTS:
        if isinstance(text := getattr(record, name), str):
            yield name, text
    yield from _texts_in("", record.metadata)


def _texts_in(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts_in(f"{name}.{key}" if name else str(key), part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts_in(name, part)


def _changes(record: Record, redact: Redactor) -> dict[str, Any]:
    """The parts of ``record`` that change, as they are to be."""
    changes: dict[str, Any] = {}
    for name in _TEXTS:
        before = getattr(record, name)
        if isinstance(before, str) and (after := redact(before)) != before:
            changes[name] = after
    metadata = _without_secrets(record.metadata, redact)
    if "text" in changes and "content_hash" in metadata:
        # A password of few letters could be guessed from the old one.
        metadata["content_hash"] = content_hash(changes["text"])
    if metadata != record.metadata:
        changes["metadata"] = metadata
    return changes


def _without_secrets(value: Any, redact: Redactor) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _without_secrets(part, redact) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_secrets(part, redact) for part in value]
    return value


def _places(text: str, cleaned: str) -> Iterator[tuple[str, int]]:
    """The kind and the line of each secret, from a text and what was left of it."""
    marks = list(_MARK.finditer(cleaned))
    at = 0
    end = 0
    for number, mark in enumerate(marks):
        at += mark.start() - end
        end = mark.end()
        if text.startswith(mark[0], at):  # was taken out before
            at += len(mark[0])
            continue
        yield mark[1], text.count("\n", 0, at) + 1
        upto = marks[number + 1].start() if number + 1 < len(marks) else len(cleaned)
        following = cleaned[end:upto]
        at = text.find(following, at) if following in text[at:] else at
