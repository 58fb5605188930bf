"""Merging segments into larger ones, in steps so short that no writer waits for long.

A search looks into every segment, so their number must grow with the logarithm of the records': as soon as there are
some of one size class, they are merged into one of the next, as log-structured stores do. A large merge would
keep writers waiting for seconds. So it is done a part at a time (see `blocks`), each in a transaction of
its own, by whoever has just written and finds the collection's lock free; what is done so far stands in the database,
and any process goes on from there. A search sees the old segments until the last part is done (`segments.counting`), a
deletion takes its records out of both. Then the rows of the old ones are deleted, some at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import repeat

import numpy as np

from capsa.database import Transaction
from capsa.search import blocks, keys, lexical, segments
from capsa.search.blocks import Postings
from capsa.search.segments import Stored

#: A writer takes a step when a sequence number is a multiple of this: of the sixteen a fold needs, merging needs five.
STEP_AT = 32
#: So many segments of one size class are merged into one of the next.
MERGE_AT = 8
#: Segments of so many records are left as they are.
LARGE_SEGMENT = 500_000
#: A step deletes so many rows of segments that were merged: some three megabytes.
ROWS_AT_ONCE = 1_000
#: Blocks of which a merge learns how many it will make.
_SAMPLE = 32

_ALL = 1 << 32

#: Opens a transaction that may write.
Begin = Callable[[], AbstractContextManager[Transaction]]


def steps_due(seqs: Iterable[int]) -> int:
    """How many steps it takes, after records with these numbers were added, for the index not to fall behind."""
    return sum(seq % STEP_AT == 0 for seq in seqs)


def keep_up(begin: Begin, owner: str, collection: str, steps: int | None = None) -> None:
    """Take so many steps, if there is so much to do.

    Args:
        begin: gives a transaction that may write; each step has one of its own, so that others come in between.
        steps: default until nothing is due.
    """
    for _ in repeat(None) if steps is None else repeat(None, steps):
        with begin() as tx:
            # Whoever holds it is at the same work, or removes records.
            if not tx.database.try_lock(tx, "lexical", owner, collection):
                return
            if not lexical.fold(tx, owner, collection, if_due=True) and not step(tx, owner, collection):
                return


def finish(begin: Begin, owner: str, collection: str) -> None:
    """Fold what is pending and merge what can be; for idle times."""
    more = True
    while more:
        with begin() as tx:
            tx.database.lock(tx, "lexical", owner, collection)
            more = bool(lexical.fold(tx, owner, collection)) or step(tx, owner, collection, everything=True)


def step(tx: Transaction, owner: str, collection: str, *, everything: bool = False) -> bool:
    """The next piece of work, if there is any; the caller holds the collection's lock.

    Args:
        everything: leave as few segments as can be, for idle times; else merging is put off until it is worth its work.
    """
    merging = _Merging(tx, owner, collection)
    if old := segments.left_over(merging.segments):
        merging.delete(old)
        return True
    merges = merging.under_way()
    target, mates = min(merges, key=lambda merge: _size(merge[1]), default=(None, []))
    waiting = _all_mates(merging.free()) if everything else _mates(merging.free())
    # Small ones do not wait for large ones: meanwhile there would be ever more of them.
    if waiting and (target is None or _size(waiting) < _size(mates)):
        target, mates = merging.begin(waiting), waiting
    if target is None:
        return False
    merging.make_part(target, mates)
    return True


def _size(some: Sequence[Stored]) -> int:
    return sum(segment.records for segment in some)


def _tier(records: int) -> int:
    return max(0, int(math.log(max(records, 1) / lexical.FOLD_AT, MERGE_AT)))


def _mates(free: Sequence[Stored]) -> list[Stored]:
    """Some of the smallest size class that has enough of them; none if there is none."""
    tiers: dict[int, list[Stored]] = {}
    for segment in free:
        tiers.setdefault(_tier(segment.records), []).append(segment)
    full = [tier for tier, some in tiers.items() if len(some) >= MERGE_AT]
    return tiers[min(full)][:MERGE_AT] if full else []


def _all_mates(free: Sequence[Stored]) -> list[Stored]:
    """The smallest ones, as far as none of them is so large that it is better left alone."""
    mates: list[Stored] = []
    for segment in sorted(free, key=lambda segment: segment.records):
        if mates and segment.records > MERGE_AT * max(1, _size(mates)):
            if len(mates) > 1:
                break
            mates = []
        mates.append(segment)
    return mates if len(mates) > 1 else []


class _Merging:
    """The segments of one collection, and what is done with them."""

    def __init__(self, tx: Transaction, owner: str, collection: str) -> None:
        self.tx, self.owner, self.collection = tx, owner, collection
        self._key = {"owner": owner, "collection": collection}
        self.segments = segments.stored(tx, owner, collection)

    def free(self) -> list[Stored]:
        """Segments that may be merged."""
        return [s for s in self.segments if s.made is None and s.target is None and s.records < LARGE_SEGMENT]

    def under_way(self) -> list[tuple[Stored, list[Stored]]]:
        """What is being made, and of what."""
        return [
            (target, [s for s in self.segments if s.target == target.segment])
            for target in self.segments
            if target.made is not None
        ]

    def begin(self, mates: Sequence[Stored]) -> Stored:
        """A target for these segments."""
        size = sum(s.blocks for s in mates)
        upto = min(_ALL, _ALL * _SAMPLE // size + 1)
        sample = merged([self._read(source, 0, upto) for source in mates])
        number = segments.add(
            self.tx,
            self.owner,
            self.collection,
            first_seq=min(s.first_seq for s in mates),
            last_seq=max(s.last_seq for s in mates),
            records=_size(mates),
            tokens=0,
            blocks=blocks.fitting(sample, share=upto / _ALL),
            made=0,
        )
        sources = self.tx.database.array([s.segment for s in mates])
        self.tx.query("lexical_set_target", {**self._key, "segments": sources, "target": number})
        return next(s for s in segments.stored(self.tx, self.owner, self.collection) if s.segment == number)

    def make_part(self, target: Stored, sources: Sequence[Stored]) -> None:
        """Merge the next part, and with the last one put the target in the place of its sources."""
        first = (target.made or 0) * blocks.PART
        last = min(first + blocks.PART, target.blocks)
        start, end = keys.first_in(first, target.blocks), keys.first_in(last, target.blocks)
        part = merged([self._read(source, start, end, target.first_seq) for source in sources])
        rows = blocks.rows(part, target.segment, target.blocks, target.records)
        self.tx.database.load(self.tx, blocks.TABLE, self.owner, self.collection, rows)
        done = last == target.blocks
        totals = {
            "made": None if done else (target.made or 0) + 1,
            # What is deleted meanwhile is taken off the sources.
            "records": _size(sources) if done else target.records,
            "tokens": sum(s.tokens for s in sources) if done else 0,
        }
        self.tx.query("lexical_set_made", {**self._key, "segment": target.segment, **totals})

    def delete(self, old: Sequence[Stored]) -> None:
        """Delete some rows of segments that nobody looks at any more."""
        left = ROWS_AT_ONCE
        for segment in old:
            whole = {"first": blocks.place(segment.segment, 0), "last": blocks.place(segment.segment + 1, 0) - 1}
            left -= len(self.tx.query("lexical_delete_some_blocks", {**self._key, **whole, "limit": left}))
            if left <= 0:
                return
            self.tx.query("lexical_delete_segment", {**self._key, "segment": segment.segment})

    def _read(self, source: Stored, start: int, end: int, base: int | None = None) -> Postings:
        """The postings of the keys whose upper half is at least ``start`` and less than ``end``.

        Args:
            base: what the differences are to; None for the source's own first number.
        """
        first, last = start * source.blocks >> 32, (end - 1) * source.blocks >> 32
        between = {"first": blocks.place(source.segment, first), "last": blocks.place(source.segment, last + 1) - 1}
        found = blocks.read(self.tx.query("lexical_blocks_between", {**self._key, **between}))
        halves = found.keys >> np.uint64(32)
        inside = (halves >= start) & (halves < end)
        if not inside.all():
            mine = np.repeat(inside, found.counts)
            ends = np.cumsum(found.counts[inside])
            found = Postings(found.keys[inside], ends, found.deltas[mine], found.weights[mine])
        if base is not None and base != source.first_seq:
            found = replace(found, deltas=found.deltas + np.uint32(source.first_seq - base))
        return found


def merged(pieces: Sequence[Postings]) -> Postings:
    """The terms of all pieces, each once, with all their postings in ascending order."""
    known, which = np.unique(np.concatenate([piece.keys for piece in pieces]), return_inverse=True)
    counts = np.concatenate([piece.counts for piece in pieces])
    deltas = np.concatenate([piece.deltas for piece in pieces])
    order = np.argsort(np.repeat(which.astype(np.uint64) << np.uint64(32), counts) | deltas)
    ends = np.cumsum(np.bincount(which, counts, len(known)).astype(np.int64))
    return Postings(known, ends, deltas[order], np.concatenate([piece.weights for piece in pieces])[order])
