"""MRR@10 for 300 names that stand in 5,000 real entries: identifiers, file names, paths, literal lines.

The answer is the one entry that defines the name: the function or class of that name, the only entry of that
file, the only entry with that line. Searched bare and inside a sentence.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from benchmarks import real, stores
from benchmarks.peers import Peers
from benchmarks.quality import reciprocal_rank
from benchmarks.real import Query
from benchmarks.report import Figure, at_least
from benchmarks.servers import Servers
from capsa import Collection, Mode, Record

_OF_EACH_KIND = 75
_SEED = 20260107
_DEFINITION = re.compile(r"\s*(?:@.*\n\s*)*(?:async\s+)?(?:def|class)\s+(\w+)")
_SENTENCES = (
    "where did I write {} before",
    "show me how {} works",
    "I need to change {} so that it handles errors",
    "what was wrong with {} last week",
    "please explain {} to me",
)


def run(rows: int, servers: Servers) -> Iterator[Figure]:  # noqa: ARG001 - the size is given
    """See the module."""
    embedder = real.CachedMiniLM()
    records = real.entries()
    bare = names(records)
    spoken = [
        Query(_SENTENCES[i % len(_SENTENCES)].format(query.text), query.answer, query.kind)
        for i, query in enumerate(bare)
    ]
    texts = [query.text for query in bare + spoken] + [record.text for record in records]
    embedder.prepare(texts, say=True)
    peers = Peers(records, embedder)
    with stores.both(records, embedder, servers) as filled:
        for name, collection in filled:
            for how, queries in (("bare", bare), ("in a sentence", spoken)):
                yield from _figures(f"{name}, {how}", collection, queries, peers)


def _figures(what: str, collection: Collection, queries: Sequence[Query], peers: Peers) -> Iterator[Figure]:
    lexical, lexical_kinds = _measure(collection, queries, Mode.LEXICAL)
    hybrid, hybrid_kinds = _measure(collection, queries, Mode.HYBRID)
    fused = peers.mrr("fused", queries)
    yield at_least(
        0.93,
        what=f"{what}, hybrid",
        ours=hybrid,
        unit="MRR@10",
        beside=fused,
        beside_what="rank fusion",
        detail={"kinds": hybrid_kinds, "exact semantic": peers.mrr("semantic", queries)},
    )
    yield at_least(
        1.0,
        times=True,
        what=f"{what}, hybrid beside lexical",
        ours=hybrid,
        unit="MRR@10",
        beside=lexical,
        beside_what="lexical",
        detail={"kinds": lexical_kinds, "FTS5": peers.mrr("lexical", queries)},
    )


def _measure(collection: Collection, queries: Sequence[Query], mode: Mode) -> tuple[float, dict[str, float]]:
    ranks: defaultdict[str, list[float]] = defaultdict(list)
    for query in queries:
        ranks[query.kind].append(reciprocal_rank(collection, query, mode))
    every = [rank for kind in ranks.values() for rank in kind]
    return sum(every) / len(every), {kind: round(sum(found) / len(found), 4) for kind, found in ranks.items()}


def names(records: Sequence[Record]) -> list[Query]:
    """75 of each kind, the same every time."""
    chance = random.Random(_SEED)
    kinds = {
        "identifier": _unique((match[1], r.id) for r in records if (match := _DEFINITION.match(r.text))),
        "file name": _unique((PurePosixPath(r.path).name, r.id) for r in records if r.path),
        "path": _unique((r.path, r.id) for r in records if r.path),
        "line": _unique((line, r.id) for r in records for line in _lines(r.text)),
    }
    chosen = []
    for kind, candidates in kinds.items():
        # An identifier that is a plain word ("get") names nothing by itself.
        named = [c for c in candidates if kind != "identifier" or (len(c[0]) >= 6 and not c[0].isalpha())]
        chosen += [Query(text, answer, kind) for text, answer in chance.sample(named, _OF_EACH_KIND)]
    return chosen


def _lines(text: str) -> set[str]:
    if len(text) > 20_000:
        return set()
    return {line.strip() for line in text.splitlines() if 20 <= len(line.strip()) <= 100}


def _unique(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The names that exactly one record defines, in a fixed order."""
    every = sorted(set(pairs))
    times = Counter(name for name, _ in every)
    return [(name, id_) for name, id_ in every if times[name] == 1]
