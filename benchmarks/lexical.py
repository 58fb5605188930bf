"""Search by words on both databases, whatever the query: the time of each kind, and how near it is to exact BM25.

Exact means: every record scored, with exact lengths and frequencies, by the same tokeniser. The peer is SQLite's FTS5
with its own bm25 over the same words (any of them), for the time alone. Both are asked everything once before it is
measured: some machines give pages of files back within minutes, and then it is the disk that is measured. How long that
first time took is among the details.
"""

from __future__ import annotations

import math
import random
import re
import sqlite3
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks import data, places
from benchmarks.report import Figure, at_least, at_most, milliseconds
from benchmarks.servers import Servers
from capsa import Collection, Mode, Store, open_database, transfer
from capsa.search import tokens
from capsa.search.lexical import index_text

_OF_EACH_KIND = 20
_K1, _B = 1.2, 0.75
#: From this share of the records on, a word is frequent; a query with a word below it has a rarer word.
_FREQUENT = 0.05


@dataclass(frozen=True, slots=True)
class Kind:
    """Queries of one kind."""

    name: str
    queries: list[str]
    has_rarer: bool


def run(rows: int, servers: Servers) -> Iterator[Figure]:
    """See the module."""
    path = _sqlite(rows)
    url = _postgres(rows, servers, path)
    kinds = _kinds(rows)
    exact = _exact(rows, kinds)
    peer = _fts5(rows)
    bound = 15 if rows < 200_000 else 60
    for name, address in (("SQLite", f"sqlite:///{path}"), ("PostgreSQL", url)):
        with Store.open(address) as store:
            collection = store.collection("code")
            for kind in kinds:
                cold = _measure(collection, kind, exact, peer if name == "SQLite" else None)[0]
                seconds, theirs, overlap, first = _measure(collection, kind, exact, peer if name == "SQLite" else None)
                p95 = milliseconds(seconds, 95)
                yield at_most(
                    bound,
                    what=f"{name}, {rows:,} rows, {kind.name}, p95",
                    ours=p95,
                    unit="ms",
                    beside=milliseconds(theirs, 95) if theirs else None,
                    beside_what="FTS5",
                    detail={
                        "p50": milliseconds(seconds),
                        "longest": max(seconds) * 1000,
                        "p95, asked for the first time": milliseconds(cold, 95),
                        "overlap": overlap,
                        "same first": first,
                    },
                )
                if kind.has_rarer:
                    yield at_least(
                        0.9, what=f"{name}, {rows:,} rows, {kind.name}", ours=overlap, unit="overlap with exact"
                    )


def _measure(
    collection: Collection, kind: Kind, exact: dict[str, list[str]], peer: sqlite3.Connection | None
) -> tuple[list[float], list[float], float, float]:
    collection.search(kind.queries[0], mode=Mode.LEXICAL)
    seconds: list[float] = []
    theirs: list[float] = []
    overlap = first = 0.0
    for query in kind.queries * (3 if len(kind.queries) < _OF_EACH_KIND else 1):
        began = time.perf_counter()
        hits = collection.search(query, mode=Mode.LEXICAL)
        seconds.append(time.perf_counter() - began)
        best = exact[query]
        found = [hit.record.id for hit in hits]
        overlap += len(set(found) & set(best)) / max(1, len(best))
        first += found[:1] == best[:1]
    for query in kind.queries if peer else ():
        began = time.perf_counter()
        _search_fts5(peer, query)  # type: ignore[arg-type]
        theirs.append(time.perf_counter() - began)
    return seconds, theirs, overlap / len(seconds), first / len(seconds)


# Queries


def _kinds(rows: int) -> list[Kind]:
    chance = random.Random(rows)
    frequencies = _frequencies(rows)
    by_frequency = [term for term, _ in frequencies.most_common()]
    frequent = [term for term in by_frequency[:40] if term.isalpha()]
    middling = [t for t in by_frequency if 0.002 <= frequencies[t] / _SAMPLE <= 0.02 and t.isalpha()]
    rare = [t for t in by_frequency if 2 <= frequencies[t] <= 4 and t.isalpha()]

    def some(*parts: tuple[Sequence[str], int]) -> list[str]:
        return [
            " ".join(word for words, n in parts for word in chance.sample(list(words), n)) for _ in range(_OF_EACH_KIND)
        ]

    texts = [r.text for chunk in data.chunks(data.CHUNK) for r in chunk.records]
    return [
        Kind("most frequent word", frequent[:1], has_rarer=False),
        Kind("three frequent words", some((frequent[:12], 3)), has_rarer=False),
        Kind("two rare words", some((rare, 2)), has_rarer=True),
        Kind("five middling words", some((middling, 5)), has_rarer=True),
        Kind("frequent and rare", some((frequent[:12], 2), (rare, 1)), has_rarer=True),
        Kind("frequent and middling", some((frequent[:12], 2), (middling, 1)), has_rarer=True),
        Kind("identifier", [text[4 : text.index("(")] for text in chance.sample(texts, _OF_EACH_KIND)], has_rarer=True),
        Kind("1 KB of code", chance.sample(texts, _OF_EACH_KIND), has_rarer=True),
        Kind("20 KB of code", ["\n".join(chance.sample(texts, 20)) for _ in range(5)], has_rarer=True),
    ]


_SAMPLE = 20_000


def _frequencies(rows: int) -> Counter[str]:
    """In how many of the first records each term occurs."""
    counts: Counter[str] = Counter()
    for chunk in data.chunks(min(rows, _SAMPLE)):
        for record in chunk.records:
            counts.update(tokens.terms(index_text(record.title, record.path, record.text, record.context))[0].keys())
    return counts


# Exact BM25


def _exact(rows: int, kinds: list[Kind], depth: int = 10) -> dict[str, list[str]]:
    """The best records of each query, every record scored."""
    queries = [query for kind in kinds for query in kind.queries]
    wanted = {term for query in queries for term in tokens.query_terms(query)}
    lengths = np.zeros(rows, np.float64)
    occurrences = {term: (array("I"), array("H")) for term in wanted}
    for chunk in data.chunks(rows):
        for row, record in enumerate(chunk.records, chunk.first):
            counts, lengths[row] = tokens.terms(index_text(record.title, record.path, record.text, record.context))
            for term in counts.keys() & wanted:
                occurrences[term][0].append(row)
                occurrences[term][1].append(min(counts[term], 65_535))
    norm = _K1 * (1 - _B + _B * lengths / lengths.mean())
    best = {}
    for query in queries:
        scores = np.zeros(rows)
        for term in tokens.query_terms(query):
            holders, times = (np.array(part) for part in occurrences[term])
            scores[holders] += _points(holders, times, norm)
        top = np.lexsort((-np.arange(rows), -scores))[:depth]
        best[query] = [f"r{row}" for row in top if scores[row] > 0]
    return best


def _points(holders: NDArray[np.uint32], times: NDArray[np.uint16], norm: NDArray[np.float64]) -> NDArray[np.float64]:
    idf = math.log(1 + (len(norm) - len(holders) + 0.5) / (len(holders) + 0.5))
    points: NDArray[np.float64] = idf * times * (_K1 + 1) / (times + norm[holders])
    return points


# The databases


def _sqlite(rows: int) -> Path:
    """A file with the texts alone; made once."""
    path = places.databases() / f"texts_{rows}.db"
    if not path.exists():
        part = path.with_suffix(".part")
        for left in path.parent.glob(part.name + "*"):
            left.unlink()
        with Store.open(f"sqlite:///{part}") as store:
            collection = store.collection("code")
            for chunk in data.chunks(rows):
                collection.add(chunk.records)
                if chunk.first % 50_000 == 0:
                    print(f"  loading SQLite: {chunk.first:,}/{rows:,}", flush=True)
            collection.maintain()
        part.rename(path)
        part.with_name(part.name + "-lock").unlink(missing_ok=True)
    return path


def _postgres(rows: int, servers: Servers, path: Path) -> str:
    """A database with what the file has, carried over as an application would; made once."""
    name = f"texts_{rows}"
    url = servers.kept(name)
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regclass('benchmark_complete')").fetchone() != (None,):
            return url
    servers.drop(name)
    url = servers.kept(name)
    print(f"  loading PostgreSQL: {rows:,}", flush=True)
    with closing(open_database(url)) as target, closing(transfer.open_source(f"sqlite:///{path}")) as source:
        report = transfer.transfer(source, target, transfer.Options(validate=False))
        if report.migrated != rows:
            raise RuntimeError(f"{report.migrated:,} of {rows:,} rows came over")
    with Store.open(url) as store:
        store.collection("code").maintain()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CREATE TABLE benchmark_complete ()")
    return url


def _fts5(rows: int) -> sqlite3.Connection:
    path = places.databases() / f"fts5_{rows}.db"
    if not path.exists():
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        connection = sqlite3.connect(part)
        connection.execute("CREATE VIRTUAL TABLE f USING fts5(path, text, content='', tokenize = 'porter unicode61')")
        for chunk in data.chunks(rows):
            numbered = ((chunk.first + i, r.path, r.text) for i, r in enumerate(chunk.records))
            connection.executemany("INSERT INTO f (rowid, path, text) VALUES (?, ?, ?)", numbered)
        connection.execute("INSERT INTO f (f) VALUES ('optimize')")
        connection.commit()
        connection.close()
        part.rename(path)
    return sqlite3.connect(path)


def _search_fts5(connection: sqlite3.Connection, query: str) -> list[tuple[int]]:
    words = re.findall("[A-Za-z0-9]+", query)
    any_of = " OR ".join(f'"{word}"' for word in dict.fromkeys(words[:32]))
    return connection.execute("SELECT rowid FROM f WHERE f MATCH ? ORDER BY bm25(f) LIMIT 10", (any_of,)).fetchall()
