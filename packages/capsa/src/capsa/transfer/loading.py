"""All records of a source into a database that has none of them, in one transaction: a restore, and no transfer.

A transfer is made to be interrupted, and keeps what it has done. Here everything comes or nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from capsa.database import Database, Transaction
from capsa.errors import TransferError
from capsa.transfer.indexing import RANGES_AT_ONCE, index_spans
from capsa.transfer.ledger import Span, join_spans
from capsa.transfer.sources import Source
from capsa.transfer.tables import parted
from capsa.transfer.targets import Collision, open_target


def load(
    source: Source, database: Database, tx: Transaction, progress: Callable[[int, int], None] | None = None
) -> int:
    """Load and index the records of ``source``, vectors and spellings bit for bit; how many there were.

    Args:
        tx: of `Database.maintain` of ``database``; the caller has cleared what makes way.
        progress: called with the number of records that are in, and of all.

    Raises:
        TransferError: a record cannot be read, or one with its id is there. The transaction is to be undone.
    """
    target = open_target(database)
    ranges = [(part, planned) for part in source.parts if part.table.vectors for planned in source.plan(part)]
    total = sum(planned.rows for _, planned in ranges)
    done = 0
    spans: list[Span] = []
    # Without `Target.begin`: this commit has no later one to wait for the disk in its place.
    for number, (part, planned) in enumerate(ranges, 1):
        for batch in source.read(part, planned.first, planned.last):
            rows, refused = parted(batch)
            if refused:
                raise TransferError(f"{part.name} {refused[0].source_key}: {refused[0].reason}; nothing was changed")
            try:
                join_spans(spans, target.insert(tx, part.table, rows))
            except Collision:
                raise TransferError("others are writing at the same time: try again; nothing was changed") from None
            done += len(rows)
            if progress is not None:
                progress(done, total)
        if number % RANGES_AT_ONCE == 0 or number == len(ranges):
            index_spans(tx, spans)
            spans = []
    target.refresh_statistics(tx, list({part.table.name: part.table for part, _ in ranges}.values()))
    return done
