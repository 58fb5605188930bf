"""SQLite writers: 10 processes add records, beside 10 processes that only INSERT as AfterImage's predecessor did.

Both wait for the disk at every commit (synchronous=FULL). A record of ours is a text with its vector, its place in
the lexical index and its signs for the search by meaning; the peer's is one row of the predecessor's
table in journal mode DELETE: without any index but its keys, and with its indexes and full-text trigger.
"""

from __future__ import annotations

import functools
import multiprocessing
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import data
from benchmarks.report import Figure, at_least, at_most
from benchmarks.servers import Servers
from capsa import Record, Store

Pairs = list[tuple[Record, NDArray[np.float32]]]

PROCESSES = 10
WRITES = 200

_TABLE = """CREATE TABLE code_memory (
    id TEXT PRIMARY KEY, file_path TEXT NOT NULL, old_code TEXT, new_code TEXT NOT NULL, context TEXT,
    timestamp TEXT NOT NULL, session_id TEXT, embedding BLOB, UNIQUE(file_path, timestamp));"""
_REST = """
CREATE INDEX idx_file_path ON code_memory(file_path);
CREATE INDEX idx_timestamp ON code_memory(timestamp);
CREATE INDEX idx_session ON code_memory(session_id);
CREATE VIRTUAL TABLE code_memory_fts USING
    fts5(id, file_path, new_code, context, content='code_memory', content_rowid='rowid');
CREATE TRIGGER code_memory_ai AFTER INSERT ON code_memory BEGIN
    INSERT INTO code_memory_fts(rowid, id, file_path, new_code, context)
    VALUES (new.rowid, new.id, new.file_path, new.new_code, new.context);
END;"""
_INSERT = "INSERT INTO code_memory VALUES (?, ?, NULL, ?, '', ?, ?, ?)"


class Counted:
    """What the processes of one round did."""

    def __init__(self, waits: list[float], failed: int, seconds: float) -> None:
        self.waits, self.failed, self.seconds = waits, failed, seconds

    @property
    def rate(self) -> float:
        return len(self.waits) / self.seconds


def run(rows: int, servers: Servers) -> Iterator[Figure]:  # noqa: ARG001 - the size is given
    """See the module."""
    bare: list[Counted] = []
    ours: list[Counted] = []
    full: list[Counted] = []
    # In turns, as the disk is not the same from one second to the next.
    for _ in range(3):
        bare.append(_round(_bare_writer, _TABLE))
        ours.append(_round(_our_writer, None))
        full.append(_round(_bare_writer, _TABLE + _REST))
    best = {name: sorted(c.rate for c in rounds)[1] for name, rounds in (("b", bare), ("o", ours), ("f", full))}
    yield at_least(
        2,
        times=True,
        what="10 processes, synchronous=FULL",
        ours=best["o"],
        unit="writes/s",
        beside=best["b"],
        beside_what="bare INSERTs",
        detail={"ours": [c.rate for c in ours], "bare": [c.rate for c in bare]},
    )
    yield Figure(
        what="the same beside the predecessor's whole schema",
        ours=best["o"],
        unit="writes/s",
        beside=best["f"],
        beside_what="with its indexes",
        detail={"with indexes": [c.rate for c in full]},
    )
    yield at_most(0, what="of them failed", ours=float(sum(c.failed for c in ours)), unit="writes")
    yield at_most(
        1.0,
        what="longest wait for one write",
        ours=max(max(c.waits) for c in ours),
        unit="s",
        beside=max(max(c.waits) for c in bare),
        beside_what="bare INSERTs",
    )


def _round(writer: Callable[..., None], schema: str | None) -> Counted:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(PROCESSES + 1), context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        if schema is None:
            Store.open(f"sqlite:///{path}").close()
        else:
            connection = sqlite3.connect(path)
            connection.executescript(schema)
            connection.close()
        processes = [context.Process(target=writer, args=(path, _share(n), barrier, answers)) for n in range(PROCESSES)]
        for process in processes:
            process.start()
        barrier.wait(120)
        started = time.perf_counter()
        results: list[tuple[list[float], int]] = [answers.get(timeout=300) for _ in processes]
        seconds = time.perf_counter() - started
        for process in processes:
            process.join()
        waits = [wait for one, _ in results for wait in one]
        _check(path, schema, len(waits) + PROCESSES)
    return Counted(waits, sum(failed for _, failed in results), seconds)


def _check(path: Path, schema: str | None, acknowledged: int) -> None:
    table = "capsa_records" if schema is None else "code_memory"
    connection = sqlite3.connect(path)
    ((stored,),) = connection.execute(f"SELECT count(*) FROM {table}")
    connection.close()
    if stored != acknowledged:
        raise AssertionError(f"{acknowledged} writes were acknowledged, {stored} are there")


@functools.cache
def _made() -> data.Chunk:
    return next(data.chunks(PROCESSES * WRITES))


def _share(number: int) -> Pairs:
    made, mine = _made(), slice(number * WRITES, (number + 1) * WRITES)
    return list(zip(made.records[mine], made.vectors[mine], strict=True))


def _our_writer(path: Path, pairs: Pairs, barrier: Barrier, answers: Any) -> None:
    with Store.open(f"sqlite:///{path}") as store:
        collection = store.collection("code")
        _write(lambda pair: collection.add([pair[0]], vectors=[pair[1]], model=data.MODEL), pairs, barrier, answers)


def _bare_writer(path: Path, pairs: Pairs, barrier: Barrier, answers: Any) -> None:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    rows = [
        (str(uuid.uuid4()), f"{r.path}/{r.id}", r.text, r.created_at.isoformat(), r.session_id, v.tobytes())
        for r, v in pairs
    ]
    _write(lambda row: connection.execute(_INSERT, row), rows, barrier, answers)
    connection.close()


def _write(one: Callable[[Any], object], items: list[Any], barrier: Barrier, answers: Any) -> None:
    waits, failed = [], 0
    # The first write loads modules; what is measured is a process that is at work.
    one(items[0])
    barrier.wait(120)
    for item in items[1:]:
        started = time.perf_counter()
        try:
            one(item)
        except Exception as error:  # noqa: BLE001 - counted, whatever it is
            failed += 1
            print(f"  a write failed: {error}", flush=True)
        else:
            waits.append(time.perf_counter() - started)
    answers.put((waits, failed))
