"""How good an order of results is."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.real import Query
from capsa import Collection, Mode


def mrr(collection: Collection, queries: Sequence[Query], mode: Mode, depth: int = 10) -> float:
    """Mean reciprocal rank of the answers; 0 for one that is not among the first ``depth``."""
    return sum(reciprocal_rank(collection, query, mode, depth) for query in queries) / len(queries)


def reciprocal_rank(collection: Collection, query: Query, mode: Mode, depth: int = 10) -> float:
    """1 / place of the answer; 0 if it is not among the first ``depth``."""
    hits = collection.search(query.text, mode=mode, limit=depth)
    return next((1 / place for place, hit in enumerate(hits, 1) if hit.record.id == query.answer), 0.0)
