"""Finds entries by words and by meaning, each by the unit in it that is nearest: what the searches have in common.

An entry that is long has a vector for each of its units, in a collection of their own; the best of them speaks for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from afterimage.chunking.choosing import answering, units_of
from afterimage.chunking.entries import entry_of, unit_of
from afterimage.entries import COLLECTION, UNITS
from capsa import Hit, Mode, Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from afterimage.chunking.units import Unit
    from afterimage.storage import StorageBackend
    from capsa import Collection, Embedder, Filter, Record


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that was found."""

    hit: Hit
    #: What was asked.
    query: str
    #: The unit of it that is nearest in meaning, where that is known.
    nearest: Unit | None = None

    @property
    def record(self) -> Record:
        """The entry."""
        return self.hit.record

    def shown(self) -> Unit | None:
        """The unit that answers; None if that is all of it."""
        units = units_of(self.record.path or "", self.record.text)
        return answering(units, self.query, self.nearest, literal=self.hit.literal)


@dataclass(frozen=True, slots=True)
class Matches:
    """Best first, and what limited the search."""

    found: tuple[Match, ...]
    #: Whether these are all that there are: a higher limit brings no more.
    every: bool
    notes: tuple[str, ...] = ()


def find(
    backend: StorageBackend,
    query: str,
    limit: int,
    *,
    mode: Mode = Mode.HYBRID,
    where: Filter | None = None,
    embedder: Embedder | None = None,
) -> Matches:
    """Entries that answer ``query``, best first: those that have it literally, then by meaning.

    Args:
        where: must hold for an entry; applied before the limit.
        embedder: the model; default the backend's.

    Raises:
        capsa.CapsaError: the memory cannot be searched; the message says why.
    """
    model = embedder or backend.embedder
    once = None if model is None else _Once(model)
    store = Store(backend.database, embedder=once)
    entries = store.collection(COLLECTION, owner=backend.owner)
    result = entries.search(query, mode=mode, limit=limit, filter=where)
    problem = None if embedder else backend.embedder_problem
    notes = (*result.notes, *([problem] if problem else []))
    hits = [hit for hit in result.hits if hit.literal or hit.record.text.strip()]
    if once is None or result.mode is Mode.LEXICAL or not limit:
        return Matches(tuple(Match(hit, query) for hit in hits), len(result.hits) < limit, notes)
    near = store.collection(UNITS, owner=backend.owner).search_vector(
        once.embed([query])[0], limit=2 * limit, filter=where
    )
    matches = _by_best_unit(entries, hits, near, query, explained=mode is Mode.HYBRID)
    every = len(result.hits) < limit and len(near) < 2 * limit
    return Matches(tuple(_ordered(matches, limit)), every, notes)


class _Once:
    """A model that reads a question once, however many collections are asked."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._read: tuple[list[str], NDArray[np.float32]] | None = None

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `capsa.Embedder`."""
        if self._read is None or self._read[0] != list(texts):
            self._read = list(texts), self._embedder.embed(texts)
        return self._read[1]


def _by_best_unit(
    entries: Collection, hits: Sequence[Hit], near: Sequence[Hit], query: str, *, explained: bool
) -> list[Match]:
    """The entries of both, each with what is nearest in it: itself or one of its units."""
    best: dict[str, Hit] = {}
    for unit in near:
        best.setdefault(entry_of(unit.record.id), unit)
    known = {hit.record.id: hit for hit in hits}
    others = entries.get_many(id_ for id_ in best if id_ not in known)
    # What explains the words of the question is the same for all.
    like = dataclasses.replace(hits[0], literal=False, lexical_score=None, semantic_score=None) if hits else None
    for id_, record in others.items():
        words = _words(query, record, unit_of(best[id_].record, record)) if explained else ()
        known[id_] = dataclasses.replace(like or Hit(record=record, score=0.0), record=record, words=words)
    return [_match(hit, query, best.get(id_)) for id_, hit in known.items()]


def _match(hit: Hit, query: str, unit: Hit | None) -> Match:
    if unit is None:
        return Match(hit, query)
    score = max(unit.semantic_score or 0.0, hit.semantic_score if hit.semantic_score is not None else -1.0)
    return Match(dataclasses.replace(hit, semantic_score=score), query, unit_of(unit.record, hit.record))


def _words(query: str, record: Record, unit: Unit | None) -> tuple[str, ...]:
    """The words of the query in what was found by meaning, as the engine would name them."""
    from capsa import query_terms

    there = set(query_terms(f"{record.path or ''}\n{unit.text if unit else ''}"))
    return tuple(word for word in query_terms(query) if word in there)


def _ordered(matches: Iterable[Match], limit: int) -> Iterator[Match]:
    """As the engine orders them: literal matches, then by meaning, and one for two what has no vector yet."""
    literal: list[Match] = []
    near: list[Match] = []
    waiting: list[Match] = []
    for match in matches:
        group = literal if match.hit.literal else waiting if match.hit.semantic_score is None else near
        group.append(match)
    near.sort(key=lambda match: -(match.hit.semantic_score or 0.0))
    merged = [*literal, *_interleaved(near, waiting)]
    for place, match in enumerate(merged[:limit]):
        yield dataclasses.replace(match, hit=dataclasses.replace(match.hit, score=1.0 / (1 + place)))


def _interleaved(near: Sequence[Match], waiting: Sequence[Match]) -> Iterator[Match]:
    others = iter(waiting)
    for place, match in enumerate(near):
        yield match
        if place % 2:
            yield from islice(others, 1)
    yield from others
