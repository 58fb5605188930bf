"""What the searches are compared with: FTS5's BM25, an exact comparison of all vectors, rank fusion of the two."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.real import CachedMiniLM, Query
from capsa import Record

_FUSION_K = 60


class Peers:
    """The same records, searched in the usual ways."""

    def __init__(self, records: Sequence[Record], embedder: CachedMiniLM) -> None:
        self._ids = [record.id for record in records]
        self._embedder = embedder
        self._matrix = embedder.embed([record.text for record in records])
        self._fts = sqlite3.connect(":memory:")
        self._fts.execute("CREATE VIRTUAL TABLE f USING fts5(path, text, context, tokenize = 'porter unicode61')")
        rows = ((record.path or "", _plain(record.text), record.context or "") for record in records)
        self._fts.executemany("INSERT INTO f VALUES (?, ?, ?)", rows)

    def lexical(self, text: str, depth: int) -> list[str]:
        """FTS5's bm25 over any of the words."""
        words = " OR ".join(f'"{word}"' for word in dict.fromkeys(re.findall(r"\w+", _plain(text))))
        if not words:
            return []
        sql = "SELECT rowid FROM f WHERE f MATCH ? ORDER BY bm25(f), rowid DESC LIMIT ?"
        return [self._ids[number - 1] for (number,) in self._fts.execute(sql, (words, depth))]

    def semantic(self, text: str, depth: int) -> list[str]:
        """The largest cosines of all."""
        similarity: NDArray[np.float32] = self._matrix @ self._embedder.embed([text])[0]
        return [self._ids[i] for i in np.argsort(-similarity, kind="stable")[:depth]]

    def fused(self, text: str, depth: int) -> list[str]:
        """Reciprocal rank fusion of the first 100 of each (Cormack et al., SIGIR 2009)."""
        points: dict[str, float] = {}
        for order in (self.lexical(text, 100), self.semantic(text, 100)):
            for rank, id_ in enumerate(order, 1):
                points[id_] = points.get(id_, 0.0) + 1 / (_FUSION_K + rank)
        return sorted(points, key=points.__getitem__, reverse=True)[:depth]

    def mrr(self, way: str, queries: Sequence[Query], depth: int = 10) -> float:
        """Mean reciprocal rank by ``way``: lexical, semantic or fused."""
        total = 0.0
        for query in queries:
            ids = getattr(self, way)(query.text, depth)
            total += 1 / (1 + ids.index(query.answer)) if query.answer in ids else 0.0
        return total / len(queries)


def _plain(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", " ")
