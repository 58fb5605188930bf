"""What a search needs beyond the rows, made after the load.

An empty PostgreSQL target has its secondary indexes dropped in the transaction that persists the plan, and made again
before anything else here: rows then come in about twice as fast. A run that was killed between leaves a transfer
that is not done, and the next run of it comes by here. The lexical index is built range by range, the vector
index by the server at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from capsa.database import Database, Transaction
from capsa.search import lexical, merging
from capsa.transfer.ledger import Ledger, LedgerRange, Span, join_spans

#: Ranges that become one segment of the lexical index, where nobody waits: a search looks into every segment.
RANGES_AT_ONCE = 4

Progress = Callable[[str, int, int], None]


def index(database: Database, ledger: Ledger, progress: Progress, *, in_use: bool) -> None:
    """Index what this transfer has loaded and not indexed yet; may be interrupted and begun anew.

    Args:
        in_use: others write to the target meanwhile, so the vector index must not keep them waiting.
    """
    with database.maintain() as tx:
        todo = [entry for entry in ledger.ranges(tx) if entry.done and not entry.indexed]
    vectors = _InThread(lambda: _index_vectors(database, in_use=in_use))
    vectors.start()
    if database.exclusive_maintenance:
        # Its maintenance takes every table for itself, which a transaction under way here would wait for in turn.
        vectors.join()
    try:
        step = 1 if in_use else RANGES_AT_ONCE
        for start in range(0, len(todo), step):
            progress("index", start, len(todo))
            _index_ranges(database, ledger, todo[start : start + step])
        _merge(database, ledger, todo)
    finally:
        vectors.join()
    progress("index", len(todo), len(todo))


def _index_ranges(database: Database, ledger: Ledger, entries: Sequence[LedgerRange]) -> None:
    with _writing(database, ledger, _scopes(entries)) as tx:
        # Another run may have done it; the mark is committed with the index.
        ledger.lock(tx)
        left = [entry for entry in entries if not ledger.is_indexed(tx, entry.range)]
        spans: list[Span] = []
        for entry in left:
            join_spans(spans, entry.tally.spans if entry.tally else [])
        index_spans(tx, spans)
        for entry in left:
            ledger.mark_indexed(tx, entry)


def _merge(database: Database, ledger: Ledger, entries: Sequence[LedgerRange]) -> None:
    """Merge segments as writers would have: a search looks into every one, and nobody may write here for long."""
    for owner, collection in sorted(_scopes(entries)):
        merging.keep_up(partial(_writing, database, ledger, {(owner, collection)}), owner, collection)


def _scopes(entries: Iterable[LedgerRange]) -> set[tuple[str, ...]]:
    return {scope for entry in entries if entry.tally for scope, _, _ in entry.tally.spans}


def _writing(database: Database, ledger: Ledger, scopes: set[tuple[str, ...]]) -> AbstractContextManager[Transaction]:
    # Where maintenance needs the tables for itself, it would wait for the vector index.
    bound = database.exclusive_maintenance and all(scope[0] == ledger.owner for scope in scopes)
    return database.write(ledger.owner) if bound else database.maintain()


def index_spans(tx: Transaction, spans: Iterable[Span]) -> None:
    """Add records to the lexical index; the caller sees to it that they are not in it yet."""
    for (owner, collection), first, last in spans:
        lexical.index_range(tx, owner, collection, first, last)


def _index_vectors(database: Database, *, in_use: bool) -> None:
    if database.dialect == "postgresql":
        # The driver is an extra: who stays on SQLite does not have it.
        from capsa.postgres import vectors
        from capsa.postgres.database import PostgresDatabase

        if isinstance(database, PostgresDatabase):
            vectors.ensure_indexes(database, concurrently=in_use, alone=database.exclusive_maintenance)


class _InThread(threading.Thread):
    """A thread whose error is raised by `join`."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="capsa-index", daemon=True)
        self._work = work
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            self._error = error

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        if self._error is not None:
            raise self._error
