"""MRR@10 on CoSQA: 500 questions of people who look for one of 6,267 functions, by words, by meaning, by both.

The development set, on which the rule of the hybrid search was chosen: it flatters that rule a little.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import real, stores
from benchmarks.peers import Peers
from benchmarks.quality import mrr
from benchmarks.report import Figure, at_least, at_most
from benchmarks.servers import Servers
from capsa import Mode

_MUST = {Mode.LEXICAL: 0.33, Mode.SEMANTIC: 0.53, Mode.HYBRID: 0.53}
_PEERS = {
    Mode.LEXICAL: ("lexical", "FTS5 bm25"),
    Mode.SEMANTIC: ("semantic", "exact"),
    Mode.HYBRID: ("fused", "rank fusion"),
}


def run(rows: int, servers: Servers) -> Iterator[Figure]:  # noqa: ARG001 - the size is given
    """See the module."""
    embedder = real.CachedMiniLM()
    records, queries = real.cosqa()
    embedder.prepare([q.text for q in queries] + [r.text for r in records], say=True)
    peers = Peers(records, embedder)
    beside = {mode: (peers.mrr(way, queries), what) for mode, (way, what) in _PEERS.items()}
    found: dict[Mode, list[float]] = {mode: [] for mode in _MUST}
    with stores.both(records, embedder, servers) as filled:
        for name, collection in filled:
            for mode, must in _MUST.items():
                value = mrr(collection, queries, mode)
                found[mode].append(value)
                peer, what = beside[mode]
                yield at_least(must, what=f"{name}, {mode}", ours=value, unit="MRR@10", beside=peer, beside_what=what)
    apart = max(abs(a - b) for a, b in found.values())
    yield at_most(0.01, what="between the databases, at most", ours=apart, unit="MRR@10")
