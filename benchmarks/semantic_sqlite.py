"""Search by meaning in SQLite, beside one float32 matrix product over the same vectors in memory.

Made-up vectors (see `benchmarks.data`), and beside them the real MiniLM vectors of the real texts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import data, places, real
from benchmarks.report import Figure, at_least, at_most, milliseconds
from benchmarks.servers import Servers
from capsa import Collection, Store

_QUERIES = 100
_BLOCK = 20


def run(rows: int, servers: Servers) -> Iterator[Figure]:  # noqa: ARG001 - one file is all
    """See the module."""
    path = database(rows)
    matrix = np.concatenate([chunk.vectors for chunk in data.chunks(rows, texts=False)])
    queries = data.queries(rows, _QUERIES)
    with Store.open(f"sqlite:///{path}") as store:
        collection = store.collection("code")
        seconds, product, recall = _measure(collection, matrix, queries, [f"r{i}" for i in range(rows)], data.MODEL)
    yield at_most(
        4 if rows < 200_000 else 1.5,
        times=True,
        what=f"{rows:,} rows, p50",
        ours=milliseconds(seconds),
        unit="ms",
        beside=milliseconds(product),
        beside_what="matrix product",
        # The least time of each tells more than the median where other programs keep the processors busy.
        detail={
            "p95": milliseconds(seconds, 95),
            "least": milliseconds(seconds, 0),
            "product": milliseconds(product, 0),
        },
    )
    yield at_least(0.99, what=f"{rows:,} rows", ours=recall, unit="recall@10")
    del matrix
    yield at_most(150, what=f"{rows:,} rows, memory above the start", ours=_memory(path, queries), unit="MB")
    yield from _real()


def database(rows: int) -> Path:
    """A file with ``rows`` records and their made-up vectors; made once."""
    path = places.databases() / f"memory_{rows}.db"
    if not path.exists():
        part = path.with_suffix(".part")
        for left in path.parent.glob(part.name + "*"):
            left.unlink()
        with Store.open(f"sqlite:///{part}") as store:
            collection = store.collection("code")
            for chunk in data.chunks(rows):
                collection.add(chunk.records, vectors=list(chunk.vectors), model=data.MODEL)
                if chunk.first % 50_000 == 0:
                    print(f"  loading SQLite: {chunk.first:,}/{rows:,}", flush=True)
            collection.maintain()
        part.rename(path)
        part.with_name(part.name + "-lock").unlink(missing_ok=True)
    return path


def _measure(
    collection: Collection, matrix: NDArray[np.float32], queries: NDArray[np.float32], ids: list[str], model: str
) -> tuple[list[float], list[float], float]:
    """Seconds of our searches and of the products, in turns of 20, and recall@10."""
    for query in queries[:3]:
        collection.search_vector(query, model=model)
    seconds, product, found = [], [], 0
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        answers = []
        for query in block:
            began = time.perf_counter()
            answers.append(collection.search_vector(query, model=model))
            seconds.append(time.perf_counter() - began)
        _ = matrix @ block[0]
        for query, hits in zip(block, answers, strict=True):
            began = time.perf_counter()
            similarity = matrix @ query
            product.append(time.perf_counter() - began)
            best = {ids[i] for i in np.argpartition(-similarity, 10)[:10]}
            found += len(best & {hit.record.id for hit in hits})
    return seconds, product, found / (10 * len(queries))


def _real() -> Iterator[Figure]:
    embedder = real.CachedMiniLM()
    functions, questions = real.cosqa()
    records = [*real.entries(), *functions]
    embedder.prepare([record.text for record in records] + [q.text for q in questions], say=True)
    matrix = embedder.embed([record.text for record in records])
    queries = embedder.embed([question.text for question in questions])
    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/m.db", embedder=embedder) as store:
        collection = store.collection("code")
        collection.add(records)
        ids = [record.id for record in records]
        seconds, product, recall = _measure(collection, matrix, queries, ids, embedder.name)
    what = f"{len(records):,} real texts, MiniLM"
    yield Figure(
        what=f"{what}, p50", ours=milliseconds(seconds), unit="ms", beside=milliseconds(product), beside_what="product"
    )
    yield at_least(0.99, what=what, ours=recall, unit="recall@10")


def _memory(path: Path, queries: NDArray[np.float32]) -> float:
    """Megabytes that opening and searching add to a process that has numpy and the engine loaded."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "queries.npy"
        np.save(file, queries)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.semantic_sqlite", str(path), str(file)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return float(done.stdout.splitlines()[-1])


def _status(name: str) -> int:
    # From /proc, as ru_maxrss begins with what the parent process had.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _search_alone(path: str, queries: str) -> float:
    import capsa.search.engine
    import capsa.sqlite.codes  # noqa: F401 - loaded before memory is looked at

    vectors = np.load(queries)
    before = _status("VmRSS")
    with Store.open(f"sqlite:///{path}") as store:
        collection = store.collection("code")
        for query in vectors:
            collection.search_vector(query, model=data.MODEL)
        return (_status("VmHWM") - before) / 1024


if __name__ == "__main__":
    print(_search_alone(*sys.argv[1:3]))
