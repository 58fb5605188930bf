"""What AfterImage itself answers on each database: CoSQA, code under another name, amended decisions, their size."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afterimage.entries import StorageEntry
from afterimage.hook import marker
from afterimage.hybrid_search import HybridSearch
from afterimage.identity import content_hash
from afterimage.recalling import RecallIndex
from afterimage.retrieval import rendering
from afterimage.retrieval.given import Given
from afterimage.retrieval.retriever import Retriever
from afterimage.retrieval.where import Where
from afterimage.storage import PostgreSQLBackend, SQLiteBackend, StorageBackend
from benchmarks import decisions, real
from benchmarks.hook import reformatted, renamed
from benchmarks.peers import Peers
from benchmarks.report import Figure, at_least, at_most
from benchmarks.servers import Servers
from capsa import Record

_ASKED = 200
_SEED = 20260612
_EVERYWHERE = Where((), everywhere=True)
#: Characters of a token, of code: fewer than of prose.
_OF_A_TOKEN = 3


def run(rows: int, servers: Servers) -> Iterator[Figure]:  # noqa: ARG001 - the size is given
    """See the module."""
    embedder = real.CachedMiniLM()
    records, queries = real.cosqa()
    chosen = random.Random(_SEED).sample(range(len(queries)), len(queries) // 2)
    reported = [queries[number] for number in sorted(chosen)]
    embedder.prepare([q.text for q in queries] + [r.text for r in records], say=True)
    raw = _ranks(Peers(records, embedder), reported)
    with tempfile.TemporaryDirectory() as folder, servers.fresh() as functions, servers.fresh() as notes:
        for name, backend, other in (
            ("SQLite", _sqlite(folder, "functions", embedder), _sqlite(folder, "notes", embedder)),
            ("PostgreSQL", _postgres(functions, embedder), _postgres(notes, embedder)),
        ):
            with backend, other:
                directory = Path(folder) / name
                directory.mkdir()
                _fill(backend, records)
                RecallIndex(directory).refresh(backend)
                yield from _cosqa(name, backend, reported, raw)
                yield from _other_names(name, backend, directory, records)
                yield from _sizes(name, backend, directory, reported)
                yield from _decisions(name, other, directory)


def _sqlite(folder: str, name: str, embedder: real.CachedMiniLM) -> StorageBackend:
    return SQLiteBackend(own_file=Path(folder) / f"{name}.db", embedder=lambda: embedder)


def _postgres(url: str, embedder: real.CachedMiniLM) -> StorageBackend:
    return PostgreSQLBackend(connection_string=url, embedder=lambda: embedder)


def _fill(backend: StorageBackend, records: Sequence[Record]) -> None:
    backend.store_many(
        [
            StorageEntry(r.id, f"/functions/{r.id}.py", r.text, content_hash=content_hash(r.text), session_id="past")
            for r in records
        ]
    )
    backend.collection.embed_missing()
    backend.collection.maintain()


# CoSQA


def _ranks(peers: Peers, queries: Sequence[real.Query]) -> NDArray[np.float64]:
    orders = [peers.semantic(query.text, 10) for query in queries]
    return np.array([_reciprocal(order, query.answer) for order, query in zip(orders, queries, strict=True)])


def _reciprocal(order: Sequence[str], answer: str) -> float:
    return 1 / (1 + order.index(answer)) if answer in order else 0.0


def _cosqa(
    name: str, backend: StorageBackend, queries: Sequence[real.Query], raw: NDArray[np.float64]
) -> Iterator[Figure]:
    search = HybridSearch(backend)
    ranks = np.array([_reciprocal([r.id for r in search.search(q.text, 10, threshold=0.0)], q.answer) for q in queries])
    low, high = _interval(ranks - raw)
    yield Figure(
        what=f"{name}, CoSQA, {len(queries)} of the questions",
        ours=float(ranks.mean()),
        unit="MRR@10",
        beside=float(raw.mean()),
        beside_what="raw text, exact",
        detail={"difference, 95 % of 10,000 paired resamples": [low, high]},
    )
    yield at_least(-0.01, what=f"{name}, CoSQA, what it is better than that, at least", ours=low, unit="")


def _interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    chance = np.random.default_rng(_SEED)
    means = chance.choice(differences, (10_000, len(differences))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


# Code that was written before


def _other_names(name: str, backend: StorageBackend, directory: Path, records: Sequence[Record]) -> Iterator[Figure]:
    asked = random.Random(_SEED).sample(list(records), _ASKED)
    search, retriever = HybridSearch(backend), Retriever(backend, directory)

    def by_search(code: str) -> list[str]:
        return [found.id for found in search.search_by_code(code, "/elsewhere/other_name.py")]

    def by_similar(code: str) -> list[str]:
        found = retriever.similar(code, _EVERYWHERE, 5).items
        return [id_ for item in found for id_ in (item.id, *(other.id for other in item.others))]

    forms: dict[str, Callable[[str], str | None]] = {
        "the same code": lambda code: code,
        "reformatted": reformatted,
        "names changed": renamed,
    }
    for how, find in (("search", by_search), ("similar", by_similar)):
        for what, change in forms.items():
            changed = [(record.id, code) for record in asked if (code := change(record.text)) is not None]
            hits = sum(id_ in find(code) for id_, code in changed)
            said = f"{name}, {how}: {what} under another name, of {len(changed)}"
            if what == "the same code":
                yield at_least(198, what=said, ours=hits, unit="")
            else:
                yield Figure(what=said, ours=hits, unit="")


# What it costs to be told


def _sizes(name: str, backend: StorageBackend, directory: Path, queries: Sequence[real.Query]) -> Iterator[Figure]:
    retriever = Retriever(backend, directory)
    sizes, items = [], 0
    for query in queries[:100]:
        found = retriever.search(query.text, _EVERYWHERE, 5)
        sizes.append(len(rendering.results(found, "", Given())))
        items += len(found.items)
    tokens = sum(size - len(marker.BEGIN) - len(marker.END) for size in sizes) / items / _OF_A_TOKEN
    yield Figure(what=f"{name}, told of a hit", ours=tokens, unit=f"tokens of {_OF_A_TOKEN} characters")
    yield at_most(2_500, what=f"{name}, the longest answer of five hits", ours=max(sizes) / _OF_A_TOKEN, unit="tokens")


# Decisions


def _decisions(name: str, backend: StorageBackend, directory: Path) -> Iterator[Figure]:
    amended, unrelated = decisions.amended(_ASKED), decisions.unrelated(_ASKED)
    kinds = {
        "amended, the newer first": (amended, True),
        "the newer on something else, the older first": (unrelated, False),
    }
    for what, (pairs, newer_first) in kinds.items():
        right = plain = 0
        for pair in pairs:
            order, by_meaning = _order(backend, directory, pair)
            right += (order[:1] == ["newer"]) is newer_first and "older" in order
            plain += (by_meaning[:1] == ["newer"]) is newer_first
        yield at_least(
            0.95,
            what=f"{name}, {what}",
            ours=right / len(pairs),
            unit="",
            beside=plain / len(pairs),
            beside_what="by meaning",
        )


def _order(backend: StorageBackend, directory: Path, pair: decisions.Decision) -> tuple[list[str], list[str]]:
    notes = [("older", pair.older, "2026-01-05T10:00:00+00:00"), ("newer", pair.newer, "2026-03-05T10:00:00+00:00")]
    backend.clear()
    backend.store_many(
        [StorageEntry(id_, "", text, timestamp=at, metadata={"change": "note"}) for id_, text, at in notes]
    )
    backend.collection.embed_missing()
    found = Retriever(backend, directory, threshold=0.0).search(pair.question, _EVERYWHERE, 2).items
    plain = HybridSearch(backend, fts_weight=0.0).search(pair.question, 2, threshold=0.0)
    return [item.id for item in found], [result.id for result in plain]
