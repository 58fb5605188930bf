"""Putting one record together from what its row, the queue and the vector index say."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from stoic_emperor.legacy.chroma.places import Found, Places, Who
from stoic_emperor.legacy.chroma.records import ChromaRecord, Unreadable
from stoic_emperor.legacy.chroma.replay import DOCUMENT_KEY, Change, Described, Held, replay_metadata

ORPHAN = "it has a vector, but no record: neither text nor metadata"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An id of a collection, with what its row says."""

    key: int
    id: Any
    who: Who
    #: None where there is no row.
    described: Described | None = None
    #: The operation that the row shows.
    seq: int | None = None


def assemble(places: Places, candidate: Candidate) -> ChromaRecord | Unreadable | None:
    """What there is of an id; None if it is deleted."""
    steps = places.steps(candidate.who)
    if steps and steps[-1].seq > places.segments.metadata_seq:
        try:
            candidate = _caught_up(places, candidate)
        except ValueError as error:
            return _unreadable(candidate, f"its metadata in the queue is not JSON: {error}", Found(None))
    indexed = places.in_index(candidate.who)
    place = places.place(steps, indexed, candidate.seq)
    if candidate.described is None:
        if place in (Held.NOWHERE, Held.UNKNOWN):
            return None
        return _unreadable(candidate, ORPHAN, places.fetch(place, indexed))
    found = places.fetch(place, indexed)
    metadata = candidate.described.metadata
    document = metadata.pop(DOCUMENT_KEY, None)
    if not isinstance(candidate.id, str):
        return _unreadable(candidate, "its id is no text", found)
    if not (document is None or isinstance(document, str)):
        return _unreadable(candidate, "its document is no text", found)
    return ChromaRecord(
        key=candidate.key,
        id=candidate.id,
        document=document,
        metadata=metadata,
        vector=found.vector,
        created_at=candidate.described.created_at,
        flaw=found.flaw,
    )


def _caught_up(places: Places, candidate: Candidate) -> Candidate:
    """With the operations that the row does not show yet."""
    described, made_by = candidate.described, candidate.seq
    for seq, operation, text, created_at in places.changes(candidate.who):
        metadata = json.loads(text or "{}")
        if not isinstance(metadata, dict):
            raise ValueError("no object")  # noqa: TRY004 - as json.loads does for what is no JSON at all
        before = described
        described = replay_metadata(described, [Change(operation, metadata, created_at)])
        if described is None:
            made_by = None
        elif before is None:
            made_by = seq
    return replace(candidate, described=described, seq=made_by)


def _unreadable(candidate: Candidate, reason: str, found: Found) -> Unreadable:
    described = candidate.described
    return Unreadable(
        key=candidate.key,
        id=str(candidate.id),
        reason=reason,
        is_record=described is not None,
        vector=found.vector,
        created_at=described.created_at if described else None,
    )
