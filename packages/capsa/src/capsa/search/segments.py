"""The segments of one collection as the database knows them, and who of them counts.

Segments are merged into larger ones in steps (see `merging`), and what a search may look at changes at once: until
the last step, the segments that are merged; from then on what became of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from capsa.database import Transaction


@dataclass(frozen=True, slots=True)
class Stored:
    """A segment's row."""

    segment: int
    first_seq: int
    last_seq: int
    records: int
    tokens: int
    #: Into how many its terms are cut, see `blocks`.
    blocks: int
    #: The segment that this one is, or was, merged into.
    target: int | None
    #: How many parts there are of a segment that others are being merged into; None if it is whole.
    made: int | None


def stored(tx: Transaction, owner: str, collection: str) -> list[Stored]:
    """All there are, of any state."""
    return [Stored(*row) for row in tx.query("lexical_segments", {"owner": owner, "collection": collection})]


def counting(some: Sequence[Stored]) -> list[Stored]:
    """Those that a search looks at: every record that is not pending is in exactly one of them."""
    unfinished = {segment.segment for segment in some if segment.made is not None}
    return [s for s in some if s.made is None and (s.target is None or s.target in unfinished)]


def left_over(some: Sequence[Stored]) -> list[Stored]:
    """Those that have been merged into another."""
    unfinished = {segment.segment for segment in some if segment.made is not None}
    return [s for s in some if s.target is not None and s.target not in unfinished]


def add(
    tx: Transaction,
    owner: str,
    collection: str,
    *,
    first_seq: int,
    last_seq: int,
    records: int,
    tokens: int,
    blocks: int,
    made: int | None = None,
) -> int:
    """A new segment, whose blocks are yet to be written; its number."""
    key = {"owner": owner, "collection": collection}
    ((number,),) = tx.query("lexical_next_segment", key)
    row = Stored(number, first_seq, last_seq, records, tokens, blocks, None, made)
    tx.query("lexical_add_segment", {**key, **dataclasses.asdict(row)})
    return int(number)
