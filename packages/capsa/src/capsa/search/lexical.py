"""The lexical index, kept up with every write; `capsa.search.ranking` searches it.

A write appends one row to ``pending``: no row is shared between writers, no page but the last is touched.
Now and then the pending rows are folded into a segment (see `capsa.search.postings`), and small segments into
larger ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capsa.database import Transaction
from capsa.search import bulk, directory, tokens
from capsa.search import postings as segments
from capsa.search.postings import Document, Segment
from capsa.text import from_stored

#: So many pending rows are folded into a segment.
FOLD_AT = 512
#: A write looks whether to fold when its sequence number is a multiple of this.
FOLD_CHECK = 32
#: So many segments of one size class are merged into one of the next.
MERGE_AT = 8
#: Segments of so many records are left as they are.
LARGE_SEGMENT = 32_768
#: A segment that is made at once has texts of so many characters: memory for its postings is some 150 MB.
SEGMENT_CHARACTERS = 50_000_000


def index_text(title: str | None, path: str | None, text: str, context: str | None) -> str:
    """What the index covers of a record."""
    return "\n".join(part for part in (title, path, text, context) if part)


def document(seq: int, text: str) -> Document:
    """What the index is to know of a record with this `index_text`."""
    counts, length = tokens.terms(text)
    return Document(seq, length, counts)


# Writing


def add(tx: Transaction, owner: str, collection: str, documents: Sequence[Document]) -> None:
    """Index new records; many at once become a segment at once."""
    if len(documents) >= FOLD_AT:
        write_segment(tx, owner, collection, segments.build(sorted(documents, key=lambda d: d.seq)))
        return
    tx.execute_many(
        tx.database.statement("lexical_add_pending"),
        [
            {
                "owner": owner,
                "collection": collection,
                "seq": doc.seq,
                "tokens": doc.length,
                "terms": "".join([" ", *(f"{term}:{n} " for term, n in doc.terms.items())]),
            }
            for doc in documents
        ],
    )


def remove(tx: Transaction, owner: str, collection: str, documents: Iterable[Document]) -> None:
    """Take records out of the index: no posting of them stays, and no term that only they had."""
    key = {"owner": owner, "collection": collection}
    tx.database.lock(tx, "lexical", owner, collection)
    left = {doc.seq: doc for doc in documents}
    for (seq,) in tx.query("lexical_remove_pending", {**key, "seqs": tx.database.array(list(left))}):
        del left[seq]
    if not left:
        return
    for segment, first_seq, last_seq, _, _ in tx.query("lexical_segments", key):
        inside = {seq - first_seq: doc for seq, doc in left.items() if first_seq <= seq <= last_seq}
        if inside:
            _remove_from_segment(tx, key, segment, inside)


def _remove_from_segment(
    tx: Transaction, collection: dict[str, str], segment: int, documents: dict[int, Document]
) -> None:
    """Remove documents, given by their difference to the segment's first number."""
    key = {**collection, "segment": segment}
    terms = sorted({term for doc in documents.values() for term in doc.terms})
    wanted = {**key, "segments": tx.database.array([segment]), "terms": tx.database.array(terms)}
    gone = np.fromiter(documents, np.uint32, len(documents))
    found: set[int] = set()
    lost: dict[str, int] = {}
    for _, term, data in tx.query("lexical_postings", wanted):
        deltas, weights = segments.decode(data)
        mine = np.isin(deltas, gone)
        if not mine.any():
            continue
        found.update(deltas[mine].tolist())
        lost[term] = int(np.count_nonzero(mine))
        if mine.all():
            tx.query("lexical_delete_postings", {**key, "term": term})
        else:
            rest = segments.encode(deltas[~mine], weights[~mine])
            tx.query("lexical_set_postings", {**key, "term": term, "postings": rest})
    _lower_directory(tx, key, lost)
    words = sum(documents[delta].length for delta in found)
    tx.query("lexical_shrink_segment", {**key, "records": len(found), "tokens": words})


def _lower_directory(tx: Transaction, segment: dict[str, Any], lost: Mapping[str, int]) -> None:
    key = {"segments": tx.database.array([segment["segment"]]), "terms": tx.database.array([directory.NAME])}
    rows = tx.query("lexical_postings", {**segment, **key})
    for _, name, data in rows if lost else ():
        # Of the many terms in it, none stays that only what was removed made frequent.
        left = directory.lowered(data, lost)
        if not left:
            tx.query("lexical_delete_postings", {**segment, "term": name})
        elif left != data:
            tx.query("lexical_set_postings", {**segment, "term": name, "postings": left})


def clear(tx: Transaction, owner: str, collection: str) -> None:
    """Empty the index of a collection."""
    tx.database.lock(tx, "lexical", owner, collection)
    for name in ("lexical_clear_pending", "lexical_clear_postings", "lexical_clear_segments"):
        tx.query(name, {"owner": owner, "collection": collection})


def write_segment(tx: Transaction, owner: str, collection: str, segment: Segment | None) -> None:
    """Store a new segment; None is an empty one."""
    if segment is None:
        return
    key = {"owner": owner, "collection": collection}
    # The first sequence number is unique among segments written at different times, but not among merged ones.
    ((number,),) = tx.query("lexical_next_segment", key)
    tx.query(
        "lexical_add_segment",
        {
            **key,
            "segment": number,
            "first_seq": segment.first_seq,
            "last_seq": segment.last_seq,
            "records": segment.records,
            "tokens": segment.tokens,
        },
    )
    if listed := directory.build(segment.postings, segment.records):
        tx.database.load_postings(tx, owner, collection, number, [(directory.NAME, listed)])
    tx.database.load_postings(tx, owner, collection, number, segment.postings)


# Keeping in order


def fold_if_due(tx: Transaction, owner: str, collection: str) -> bool:
    """Fold the pending rows if there are enough, and merge the smallest segments if there are."""
    key = {"owner": owner, "collection": collection}
    ((pending,),) = tx.query("lexical_count_pending", key)
    if pending < FOLD_AT or not tx.database.try_lock(tx, "lexical", owner, collection):
        return False
    fold(tx, owner, collection)
    _merge_tier(tx, owner, collection, tier=0)
    return True


def fold(tx: Transaction, owner: str, collection: str) -> int:
    """Make one segment of all pending rows; the caller holds the collection's lock."""
    rows = tx.query("lexical_take_pending", {"owner": owner, "collection": collection})
    documents = [Document(seq, length, unpacked(terms)) for seq, length, terms in sorted(rows)]
    write_segment(tx, owner, collection, segments.build(documents))
    return len(documents)


def maintain(tx: Transaction, owner: str, collection: str) -> None:
    """Fold everything and merge what can be; for idle times."""
    tx.database.lock(tx, "lexical", owner, collection)
    fold(tx, owner, collection)
    for tier in range(_tier(LARGE_SEGMENT) + 1):
        while _merge_tier(tx, owner, collection, tier):
            pass


def index_range(tx: Transaction, owner: str, collection: str, first_seq: int, last_seq: int) -> int:
    """Index records that were loaded without their index: one segment, or several if the texts are long.

    The caller makes sure that none of them is indexed yet.

    Returns:
        How many records were indexed.
    """
    key = {"owner": owner, "collection": collection, "first": first_seq, "last": last_seq}
    rows = tx.stream(tx.database.statement("lexical_texts"), key)
    texts = ((seq, index_text(*(from_stored(part) if part else part for part in parts))) for seq, *parts in rows)
    records = 0
    for first in texts:
        segment = bulk.build(_until(SEGMENT_CHARACTERS, chain([first], texts)))
        write_segment(tx, owner, collection, segment)
        records += segment.records if segment else 0
    return records


def _until(most: int, texts: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Texts until they have so many characters; the others stay in ``texts``."""
    read = 0
    for seq, text in texts:
        yield seq, text
        read += len(text)
        if read >= most:
            return


def _tier(records: int) -> int:
    return max(0, int(math.log(max(records, 1) / FOLD_AT, MERGE_AT)))


def _merge_tier(tx: Transaction, owner: str, collection: str, tier: int) -> bool:
    rows = tx.query("lexical_segments", {"owner": owner, "collection": collection})
    mates = [row for row in rows if row[3] < LARGE_SEGMENT and _tier(row[3]) == tier][:MERGE_AT]
    if len(mates) < MERGE_AT:
        return False
    _merge(tx, owner, collection, mates)
    return True


def _merge(tx: Transaction, owner: str, collection: str, rows: Sequence[Sequence[int]]) -> None:
    key = {"owner": owner, "collection": collection}
    first = min(row[1] for row in rows)
    offsets = {row[0]: row[1] - first for row in rows}
    parts: dict[str, list[tuple[NDArray[np.uint32], NDArray[np.uint16]]]] = {}
    numbers = tx.database.array(list(offsets))
    for number, term, data in tx.query("lexical_all_postings", {**key, "segments": numbers}):
        if term == directory.NAME:
            continue
        deltas, weights = segments.decode(data)
        parts.setdefault(term, []).append((deltas + np.uint32(offsets[number]), weights))
    merged = [(term, _join(pieces)) for term, pieces in sorted(parts.items())]
    tx.query("lexical_drop_postings", {**key, "segments": numbers})
    tx.query("lexical_drop_segments", {**key, "segments": numbers})
    totals = (first, max(r[2] for r in rows), sum(r[3] for r in rows), sum(r[4] for r in rows))
    write_segment(tx, owner, collection, Segment(*totals, merged))


def _join(pieces: Sequence[tuple[NDArray[np.uint32], NDArray[np.uint16]]]) -> bytes:
    if len(pieces) == 1:
        return segments.encode(*pieces[0])
    deltas = np.concatenate([piece[0] for piece in pieces])
    order = np.argsort(deltas)
    return segments.encode(deltas[order], np.concatenate([piece[1] for piece in pieces])[order])


def unpacked(terms: str) -> dict[str, int]:
    """Term -> occurrences, of a pending row."""
    pairs = (pair.rpartition(":") for pair in terms.split(" ") if pair)
    return {term: int(n) for term, _, n in pairs}
