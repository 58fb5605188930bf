"""The performance table of AfterImage's guide: 5,000 entries, both databases, 10 writing threads."""

from __future__ import annotations

import dataclasses
import functools
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from benchmarks import real, stores
from benchmarks.identifiers import names
from benchmarks.report import Figure, at_most, milliseconds
from benchmarks.servers import Servers
from capsa import Collection, Mode, Record

_THREADS = 10
_WRITES = 100
#: What the guide prints, in milliseconds. For SQLite's writers it prints "Fails".
_PRINTED: dict[str, dict[str, float | None]] = {
    "SQLite": {"text": 45.0, "semantic": 180.0, "write": None},
    "PostgreSQL": {"text": 12.0, "semantic": 15.0, "write": 25.0},
}


def run(rows: int, servers: Servers) -> Iterator[Figure]:  # noqa: ARG001 - the size is given
    """See the module."""
    embedder = real.CachedMiniLM()
    records = real.entries()
    _, questions = real.cosqa()
    texts = [query.text for query in (*names(records)[::3], *questions[:100])]
    embedder.prepare([*texts, *(record.text for record in records)], say=True)
    vectors = embedder.embed(texts)
    with stores.both(records, embedder, servers) as filled:
        for name, collection in filled:
            printed = _PRINTED[name]
            searches = _times(functools.partial(collection.search, mode=Mode.LEXICAL), texts)
            yield _beside(f"{name}, search by words", searches, printed["text"])
            nearest = _times(collection.search_vector, list(vectors))
            yield _beside(f"{name}, search by meaning, 10 results", nearest, printed["semantic"])
            waits, failed, seconds = _write(collection, records, embedder)
            note = {"writes/s": len(waits) / seconds, "longest ms": max(waits) * 1000}
            yield _beside(f"{name}, one write of 10 threads", waits, printed["write"], note)
            yield at_most(0, what=f"{name}, of {_THREADS * _WRITES:,} writes failed", ours=failed, unit="writes")


def _beside(
    what: str, seconds: Sequence[float], printed: float | None, detail: dict[str, float] | None = None
) -> Figure:
    value = milliseconds(seconds)
    every = {"p95": milliseconds(seconds, 95), **(detail or {})}
    if printed is None:
        return Figure(what=what, ours=value, unit="ms", detail=every)
    return at_most(1, times=True, what=what, ours=value, unit="ms", beside=printed, beside_what="printed", detail=every)


def _times(search: Callable[[Any], object], queries: Sequence[Any]) -> list[float]:
    search(queries[0])
    seconds = []
    for query in queries:
        started = time.perf_counter()
        search(query)
        seconds.append(time.perf_counter() - started)
    return seconds


def _write(
    collection: Collection, records: Sequence[Record], embedder: real.CachedMiniLM
) -> tuple[list[float], float, float]:
    usual = [record for record in records if len(record.text) < 10_000]
    vectors = embedder.embed([record.text for record in usual])

    def writer(number: int) -> tuple[list[float], int]:
        waits, failed = [], 0
        for record, vector in islice(zip(usual, vectors, strict=True), number * _WRITES, (number + 1) * _WRITES):
            new = dataclasses.replace(record, id=str(uuid.uuid4()))
            started = time.perf_counter()
            try:
                collection.add([new], vectors=[vector])
            except Exception as error:  # noqa: BLE001 - counted, whatever it is
                failed += 1
                print(f"  a write failed: {error}", flush=True)
            else:
                waits.append(time.perf_counter() - started)
        return waits, failed

    started = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as pool:
        done = list(pool.map(writer, range(_THREADS)))
    seconds = time.perf_counter() - started
    return [wait for waits, _ in done for wait in waits], float(sum(failed for _, failed in done)), seconds
