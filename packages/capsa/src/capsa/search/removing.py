"""Taking records out of a segment: what is left of its rows, and nothing of what was removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from capsa.database import Transaction
from capsa.search import blocks, directory, keys
from capsa.search.blocks import Block, Chunked, Deltas, Postings
from capsa.search.forward import Documents
from capsa.search.segments import Stored

#: The border of an empty chunk after which there is none: no record has this difference.
_NO_MORE = 0xFFFF_FFFF


@dataclass(slots=True)
class Removal:
    """What is removed from one segment, and what became of its rows."""

    #: The records that go, ascending, as differences.
    gone: Deltas
    #: Those of them that were found.
    found: set[int] = field(default_factory=set)
    #: Rows that change, by place; empty ones go.
    rows: dict[int, bytes] = field(default_factory=dict)
    #: How many records each term lost.
    lost: dict[bytes, int] = field(default_factory=dict)

    def reduce(self, place: int, block: Block, terms: Collection[int], read: Mapping[int, bytes]) -> None:
        """One block, and the chunks of these of its terms, given by half their keys; ``read`` has them by place."""
        short, chunked = self._short(block.short), []
        for term in block.chunked:
            left = self._chunks(place, term, read) if keys.half(term.key) in terms else term
            if left.records:
                chunked.append(left)
        after = Block(short, tuple(chunked))
        if short is not block.short or after.chunked != block.chunked:
            self.rows[place] = b"" if after.empty else blocks.encode(after)

    def _short(self, before: Postings) -> Postings:
        mine = np.isin(before.deltas, self.gone)
        if not mine.any():
            return before
        self.found.update(before.deltas[mine].tolist())
        which = np.repeat(np.arange(len(before.keys)), before.counts)
        lost = np.bincount(which[mine], minlength=len(before.keys))
        for number in np.flatnonzero(lost).tolist():
            self.lost[before.keys[number].tobytes()] = int(lost[number])
        left = before.counts - lost
        stays = left > 0
        return Postings(before.keys[stays], np.cumsum(left[stays]), before.deltas[~mine], before.weights[~mine])

    def _chunks(self, place: int, term: Chunked, read: Mapping[int, bytes]) -> Chunked:
        borders, lost = list(term.borders), 0
        # From the last, as an empty chunk takes over the border of the next.
        for number in reversed(self.chunks(term)):
            where = place + term.slot + number
            deltas, weights = blocks.decode_chunk(read.get(where, b""))
            mine = np.isin(deltas, self.gone)
            if not mine.any():
                continue
            self.found.update(deltas[mine].tolist())
            lost += int(np.count_nonzero(mine))
            left = deltas[~mine]
            self.rows[where] = blocks.encode_chunk(left, weights[~mine])
            following = borders[number + 1] if number + 1 < len(borders) else _NO_MORE
            borders[number] = int(left[0]) if len(left) else following
        if lost:
            self.lost[term.key] = lost
        return replace(term, records=term.records - lost, borders=tuple(borders))

    def chunks(self, term: Chunked) -> list[int]:
        """Which of a term's chunks may have one of the records."""
        numbers = np.searchsorted(np.array(term.borders, np.uint32), self.gone, side="right") - 1
        return [number for number in np.unique(numbers).tolist() if number >= 0]


def from_segment(tx: Transaction, collection: Mapping[str, str], segment: Stored, documents: Documents) -> None:
    """Remove those of the documents, which are in ascending order, that are in the segment."""
    first, last = np.searchsorted(documents.seqs, (segment.first_seq, segment.last_seq + 1)).tolist()
    if first == last:
        return
    lengths = {
        s - segment.first_seq: n for s, n in zip(documents.seqs[first:last], documents.lengths[first:last], strict=True)
    }
    removal = Removal(np.array(list(lengths), np.uint32))
    ends = [0, *documents.ends.tolist()]
    terms = np.unique(documents.halves[ends[first] : ends[last]])
    numbers = np.unique(keys.block_of_each(terms, segment.blocks)).tolist()
    read = _read(tx, collection, [blocks.place(segment.segment, number) for number in numbers])
    decoded = {place: blocks.decode(data) for place, data in read.items()}
    known = set(terms.tolist())
    chunks = [
        place + term.slot + number
        for place, block in decoded.items()
        for term in block.chunked
        if keys.half(term.key) in known
        for number in removal.chunks(term)
    ]
    rows = _read(tx, collection, chunks) if chunks else {}
    for place, block in decoded.items():
        removal.reduce(place, block, known, rows)
    _lower_directories(tx, collection, segment, removal)
    _write(tx, collection, removal.rows)
    words = sum(lengths[delta] for delta in removal.found)
    shrunk = {"segment": segment.segment, "records": len(removal.found), "tokens": words}
    tx.query("lexical_shrink_segment", {**collection, **shrunk})


def _lower_directories(tx: Transaction, collection: Mapping[str, str], segment: Stored, removal: Removal) -> None:
    if not removal.lost:
        return
    known = np.frombuffer(b"".join(removal.lost), "<u8")
    counts = np.fromiter(removal.lost.values(), np.int64, len(known))
    parts = np.unique(keys.block_of_each(keys.halves(known), segment.blocks) // blocks.PART * blocks.PART).tolist()
    places = [blocks.directory_place(segment.segment, part) for part in parts]
    for place, data in _read(tx, collection, places).items():
        # Of the many terms in it, none stays that only what was removed made frequent.
        left = directory.lowered(data, known, counts)
        if left != data:
            removal.rows[place] = left


def _read(tx: Transaction, collection: Mapping[str, str], places: list[int]) -> dict[int, bytes]:
    return dict(tx.query("lexical_blocks", {**collection, "places": tx.database.array(places)}))


def _write(tx: Transaction, collection: Mapping[str, str], rows: Mapping[int, bytes]) -> None:
    if empty := [place for place, data in rows.items() if not data]:
        tx.query("lexical_delete_blocks", {**collection, "places": tx.database.array(empty)})
    if changed := [{**collection, "place": place, "content": data} for place, data in rows.items() if data]:
        tx.execute_many(tx.database.statement("lexical_set_block"), changed)
