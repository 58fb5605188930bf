"""What the operations of a queue do to one record, as Chroma 0.5 to 1.5 carries them out.

Chroma writes every operation to a queue first. Its metadata segment and its vector segment each follow
the queue at their own pace and note how far they got, so what a segment has not seen is applied here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


class Operation(enum.IntEnum):
    """As numbered in ``embeddings_queue.operation``."""

    ADD = 0
    UPDATE = 1
    UPSERT = 2
    DELETE = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the queue."""

    seq: int
    operation: Operation
    has_vector: bool


class Held(enum.Enum):
    """Where a record's vector is before or after some steps."""

    #: In the files of the vector index.
    INDEX = "index"
    #: Nowhere: it was never there, or deleted.
    NOWHERE = "nowhere"
    #: Not known: what would tell is lost.
    UNKNOWN = "unknown"


#: A seq means: in that row of the queue.
Place = Held | int


def replay_vector(place: Place, steps: Iterable[Step], added_at: int | None) -> Place:
    """Where the vector is after ``steps``.

    Args:
        place: where it was before them.
        added_at: the seq that the record itself carries, if there is a record: an ADD of that seq is the one
            that made it. Any other ADD may have met a record of the same id, and then did nothing.
    """
    for step in steps:
        if step.operation is Operation.DELETE:
            place = Held.NOWHERE
        elif not step.has_vector:
            continue
        elif step.operation is Operation.UPSERT:
            place = step.seq
        elif step.operation is Operation.UPDATE:
            if place is not Held.NOWHERE:
                place = step.seq
        elif place is Held.NOWHERE or (place is Held.UNKNOWN and step.seq == added_at):
            place = step.seq
    return place


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the queue, as the metadata segment sees it."""

    operation: Operation
    #: A None takes a key away.
    metadata: Mapping[str, Any]
    created_at: str | None


@dataclass(slots=True)
class Described:
    """A record without its vector."""

    metadata: dict[str, Any]
    created_at: str | None


DOCUMENT_KEY: Final = "chroma:document"


def replay_metadata(record: Described | None, changes: Iterable[Change]) -> Described | None:
    """The record after ``changes``; None for no record."""
    for change in changes:
        if change.operation is Operation.DELETE:
            record = None
            continue
        if record is None:
            if change.operation is Operation.UPDATE:
                continue
            record = Described({}, change.created_at)
        elif change.operation is Operation.ADD:
            continue
        for key, value in change.metadata.items():
            if value is None:
                record.metadata.pop(key, None)
            else:
                record.metadata[key] = value
    return record
