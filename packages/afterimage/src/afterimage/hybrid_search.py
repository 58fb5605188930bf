"""Finding code by words and by meaning, with a relevance from 0 to 1 that a threshold can go by."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from afterimage.entries import AUTHOR, StorageEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from afterimage.finding import Match, Matches
    from afterimage.storage import StorageBackend
    from capsa import Embedder, Filter, Hit

#: So many words of a long query the engine looks for.
_WORDS_LOOKED_FOR = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """An entry that was found, and why."""

    id: str
    file_path: str
    new_code: str
    old_code: str | None
    context: str | None
    #: ISO 8601.
    timestamp: str
    session_id: str | None
    #: 0 to 1: 1 for a literal match, else the greater of the share of the query's words that the entry
    #: has (long words count more) and the cosine of the meanings. What a threshold is compared with;
    #: the order is the engine's.
    relevance_score: float
    #: BM25, higher is better; None if no word matched.
    fts_score: float | None
    #: Cosine similarity, -1 to 1; None if not compared.
    semantic_score: float | None
    #: Why it was found, for a person.
    reason: str
    #: The function, method or class in ``new_code`` that answers, and its first and last line there, counted from 1;
    #: empty and None where that is all of it, or lines that have no name.
    unit: str = ""
    lines: tuple[int, int] | None = None
    #: Who wrote it; empty if that was not noted.
    author: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the threshold kept from a search that found less than it was asked for."""

    count: int
    #: The greatest relevance among them.
    best: float


class HybridSearch:
    """Search in a memory. Safe to share between threads."""

    def __init__(
        self,
        backend: StorageBackend | None = None,
        embedder: Embedder | None = None,
        fts_weight: float = 0.4,
        semantic_weight: float = 0.6,
    ) -> None:
        """Nothing is opened yet.

        Args:
            backend: the memory; default as configured.
            embedder: the model for meaning; default the backend's.
            fts_weight, semantic_weight: 0 switches that half off. How the two are weighed otherwise is the
                engine's, by measurement.

        Raises:
            ValueError: both halves are switched off.
            ConfigError: the configuration, if it is needed, cannot be used.
        """
        from afterimage.storage import get_storage_backend
        from capsa import Mode

        if fts_weight <= 0 and semantic_weight <= 0:
            raise ValueError("fts_weight and semantic_weight are both 0: there is nothing left to search by")
        self.backend: StorageBackend = backend if backend is not None else get_storage_backend()
        self.mode = Mode.SEMANTIC if fts_weight <= 0 else Mode.LEXICAL if semantic_weight <= 0 else Mode.HYBRID
        self._embedder = embedder
        #: What limited the latest search of this object, e.g. that no model was at hand.
        self.notes: tuple[str, ...] = ()
        #: What the threshold of that search left out, where it found less than it was asked for.
        self.left_out: LeftOut | None = None

    def search(
        self,
        query: str,
        limit: int = 5,
        threshold: float = 0.3,
        path_filter: str | None = None,
        include_fts_only: bool = True,  # noqa: FBT001, FBT002  # where earlier callers have it
        *,
        session_id: str | None = None,
    ) -> list[SearchResult]:
        """Entries that answer ``query``, best first, at most ``limit``.

        Args:
            threshold: the least `SearchResult.relevance_score`, 0 to 1.
            path_filter: only entries whose path contains this, or matches it if it has ``*`` or ``?``.
            include_fts_only: also entries that were found by words and never compared by meaning.
            session_id: only entries of this session.

        Raises:
            ValueError: the query is no text, the limit is negative, or the threshold not from 0 to 1.
            capsa.CapsaError: the memory cannot be searched; the message says why.
        """
        from capsa import Filter

        query = _text(query)
        if limit < 0 or not 0.0 <= threshold <= 1.0:
            raise ValueError("the limit must not be negative, and the threshold must be from 0 to 1")
        where = Filter(path=path_filter, session_id=session_id)
        found: list[tuple[Match, float]] = []
        below: list[float] = []
        # Rank and relevance are different orders, so what a threshold drops has to be made up from below.
        fetch = limit if threshold == 0.0 and include_fts_only else max(4 * limit, 40)
        while limit:
            result = self._find(query, fetch, where)
            judged = self._judge(query, result.found)
            below = [score for _, score in judged if score < threshold]
            found = [
                (match, score)
                for match, score in judged
                if score >= threshold and (include_fts_only or match.hit.semantic_score is not None)
            ]
            if len(found) >= limit or result.every or fetch >= 4096:
                break
            fetch *= 4
        found = found[:limit]
        self.left_out = LeftOut(len(below), max(below)) if below and len(found) < limit else None
        if self._lack_vectors(match for match, _ in found):
            note = "some of these have no vector yet, and only their words found them: re-embed to find all by meaning"
            self.notes = (*self.notes, note)
        return [_result(match, score) for match, score in found]

    def _lack_vectors(self, matches: Iterable[Match]) -> bool:
        """Whether any of them cannot be found by meaning; asked of the few that were found otherwise."""
        model = self._embedder or self.backend.embedder
        if model is None or self.notes or self.mode != "hybrid":
            return False
        others = (match.record for match in matches if match.hit.semantic_score is None)
        collection = self.backend.collection
        return any(record.text.strip() and collection.vector(record.id, model=model.name) is None for record in others)

    def search_by_code(self, code: str, file_path: str, limit: int = 5, threshold: float = 0.4) -> list[SearchResult]:
        """Entries like ``code``, which is about to be written to ``file_path``; see `search`."""
        return self.search(_as_query(code, file_path), limit, threshold)

    def search_by_path(self, pattern: str, limit: int = 10) -> list[StorageEntry]:
        """Entries whose path contains or matches ``pattern``, newest first."""
        return self.backend.search_by_path(pattern, limit)

    def recall(self, content: str, file_path: str | None = None, limit: int = 5) -> list[SearchResult]:
        """The entries most like ``content``, however little, best first."""
        return self.search(_as_query(content, file_path), limit, threshold=0.0)

    def _find(self, query: str, limit: int, where: Filter) -> Matches:
        from afterimage.finding import find

        result = find(self.backend, query, limit, mode=self.mode, where=where or None, embedder=self._embedder)
        self.notes = result.notes
        return result

    def _judge(self, query: str, matches: Sequence[Match]) -> list[tuple[Match, float]]:
        asked = words_asked(query)
        return [(match, relevance(match.hit, asked)) for match in matches]


def quick_search(query: str, limit: int = 5) -> list[SearchResult]:
    """Search the configured memory once, with the default threshold."""
    search = HybridSearch()
    try:
        return search.search(query, limit)
    finally:
        search.backend.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a query, as far as the engine looks for them."""

    count: int
    #: The sum of their weights: a long word is a rare one, and says more than a short one.
    weight: float


def words_asked(query: str) -> Asked:
    """The words that a perfect answer to ``query`` has in common with it, as the engine counts them.

    Of a long query the engine looks for the rarest words only.
    """
    from capsa import query_terms

    asked = query_terms(query)
    count = min(len(asked), _WORDS_LOOKED_FOR)
    return Asked(count, sum(map(_weight, asked)) * count / len(asked) if asked else 0.0)


def _weight(word: str) -> int:
    return min(len(word), 8)


def relevance(hit: Hit, asked: Asked) -> float:
    """How well ``hit`` answers, 0 to 1; see `SearchResult.relevance_score`."""
    if hit.literal or len(hit.words) >= asked.count > 0:
        return 1.0
    words = sum(map(_weight, hit.words)) / asked.weight if asked.weight else 0.0
    meaning = hit.semantic_score or 0.0
    return min(1.0, max(words, meaning, 0.0))


def _result(match: Match, score: float) -> SearchResult:
    entry, hit, unit = StorageEntry.from_record(match.record), match.hit, match.shown()
    author = entry.metadata.get(AUTHOR)
    return SearchResult(
        id=entry.id,
        file_path=entry.file_path,
        new_code=entry.new_code,
        old_code=entry.old_code,
        context=entry.context,
        timestamp=entry.timestamp,
        session_id=entry.session_id,
        relevance_score=score,
        fts_score=hit.lexical_score,
        semantic_score=hit.semantic_score,
        reason=hit.reason,
        unit=unit.name if unit else "",
        lines=(unit.first, unit.last) if unit else None,
        author=author if isinstance(author, str) else "",
    )


def _text(query: Any) -> str:
    if not isinstance(query, str):
        raise ValueError(f"the query must be text, not {query!r:.100}")  # noqa: TRY004  # as for the other arguments
    return query


def _as_query(code: str, file_path: str | None) -> str:
    name = PurePath(file_path).stem if file_path else ""
    return f"{name}\n{code}" if name else code
