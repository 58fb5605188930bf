"""The lexical index, kept up with every write; `capsa.search.ranking` searches it.

A write appends one row to ``pending``: no row is shared between writers, no page but the last is touched.
Now and then the pending rows are folded into a segment, and segments into larger ones (`capsa.search.merging`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from capsa.database import Transaction
from capsa.errors import DatabaseDamaged
from capsa.search import blocks, bulk, forward, keys, postings, removing, segments, tokens
from capsa.search.postings import Document, Segment
from capsa.text import from_stored

#: So many pending rows, or of so many bytes, are folded into a segment: a search reads them all.
FOLD_AT, FOLD_BYTES = 512, 4_000_000
#: So many are folded at once, and four times as many bytes.
MOST_FOLDED = 8_192
#: A segment that is made at once has texts of so many characters: memory for its postings is some 150 MB.
SEGMENT_CHARACTERS = 50_000_000


def index_text(title: str | None, path: str | None, text: str, context: str | None) -> str:
    """What the index covers of a record."""
    return "\n".join(part for part in (title, path, text, context) if part)


def document(seq: int, text: str) -> Document:
    """What the index is to know of a record with this `index_text`."""
    counts, length = tokens.terms(text)
    occurrences = counts.values()
    if max(occurrences, default=0) > 255:
        occurrences = [min(n, 255) for n in occurrences]  # type: ignore[assignment]
    return Document(seq, length, keys.of(counts).tobytes(), bytes(occurrences))


# Writing


def add(tx: Transaction, owner: str, collection: str, documents: Sequence[Document]) -> None:
    """Index new records; many at once become a segment at once."""
    if len(documents) >= FOLD_AT:
        write_segment(tx, owner, collection, postings.build(sorted(documents, key=lambda d: d.seq)))
        return
    tx.execute_many(
        tx.database.statement("lexical_add_pending"),
        [
            {
                "owner": owner,
                "collection": collection,
                "seq": doc.seq,
                "tokens": doc.length,
                "terms": doc.keys + doc.occurrences,
            }
            for doc in documents
        ],
    )


def pending(rows: Iterable[tuple[int, int, bytes]]) -> list[Document]:
    """Pending rows as documents, in ascending order.

    Raises:
        DatabaseDamaged: a row is none.
    """
    documents = []
    for seq, length, terms in sorted(rows):
        n, rest = divmod(len(terms), keys.SIZE + 1)
        if rest:
            raise DatabaseDamaged(f"the index by words of record {seq} is damaged: it is cut off; restore a backup")
        documents.append(Document(seq, length, terms[: keys.SIZE * n], terms[keys.SIZE * n :]))
    return documents


def state(tx: Transaction, owner: str, collection: str) -> tuple[list[segments.Stored], list[Document]]:
    """What a search begins with, by one statement: the segments, of any state, and what is pending.

    Raises:
        DatabaseDamaged: a pending row is none.
    """
    rows = tx.query("lexical_state", {"owner": owner, "collection": collection})
    stored = [segments.Stored(*row[:8]) for row in rows if row[8] is None]
    return stored, pending((seq, length, terms) for seq, length, *_, terms in rows if terms is not None)


def remove(tx: Transaction, owner: str, collection: str, seqs: Sequence[int]) -> None:
    """Take records out of the index: no posting of them stays, and no term that only they had."""
    key = {"owner": owner, "collection": collection}
    tx.database.lock(tx, "lexical", owner, collection)
    pending = {seq for (seq,) in tx.query("lexical_remove_pending", {**key, "seqs": tx.database.array(list(seqs))})}
    if len(pending) == len(seqs):
        return
    left = forward.take(tx, key, [seq for seq in seqs if seq not in pending])
    # Of a merge that is under way, or was cut short, both sides.
    for segment in segments.stored(tx, owner, collection):
        removing.from_segment(tx, key, segment, left)


def clear(tx: Transaction, owner: str, collection: str) -> None:
    """Empty the index of a collection."""
    tx.database.lock(tx, "lexical", owner, collection)
    for name in ("lexical_clear_pending", "lexical_clear_documents", "lexical_clear_blocks", "lexical_clear_segments"):
        tx.query(name, {"owner": owner, "collection": collection})


def write_segment(tx: Transaction, owner: str, collection: str, segment: Segment | None) -> None:
    """Store a new segment; None is an empty one."""
    if segment is None:
        return
    number = segments.add(
        tx,
        owner,
        collection,
        first_seq=segment.first_seq,
        last_seq=segment.last_seq,
        records=segment.records,
        tokens=segment.tokens,
        blocks=blocks.fitting(segment.postings),
    )
    rows = blocks.rows(segment.postings, number, blocks.fitting(segment.postings), segment.records)
    tx.database.load(tx, blocks.TABLE, owner, collection, rows)
    tx.database.load(tx, forward.TABLE, owner, collection, segment.documents.rows())


def fold(tx: Transaction, owner: str, collection: str, *, if_due: bool = False) -> int:
    """Make one segment of the pending rows; the caller holds the collection's lock.

    Args:
        if_due: only if they are many, or large.

    Returns:
        How many were folded; there may be more, if they are very many.
    """
    key = {"owner": owner, "collection": collection}
    ((count, size),) = tx.query("lexical_pending_size", key)
    if not count or (if_due and count < FOLD_AT and size < FOLD_BYTES):
        return 0
    most = max(1, min(MOST_FOLDED, count * 4 * FOLD_BYTES // max(1, size)))
    documents = pending(tx.query("lexical_take_pending", {**key, "limit": most}))
    write_segment(tx, owner, collection, postings.build(documents))
    return len(documents)


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
