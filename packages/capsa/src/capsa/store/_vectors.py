"""Vectors on their way into a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from capsa.errors import EmbedderUnavailable, InvalidRecord
from capsa.store._rows import from_row

if TYPE_CHECKING:
    from capsa.search.vectors import Space
    from capsa.store._collection import Collection, Progress


#: What pgvector can hold.
MAX_DIMENSIONS = 16_000


def as_float32(vector: ArrayLike) -> NDArray[np.float32]:
    """An array of one dimension.

    Raises:
        InvalidRecord: not a list of finite numbers, or too many.
    """
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(vector, np.float32)
    except (TypeError, ValueError):
        raise InvalidRecord("a vector must be a list of numbers") from None
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise InvalidRecord("a vector must be a list of finite numbers, at least one")
    if array.size > MAX_DIMENSIONS:
        raise InvalidRecord(f"a vector has at most {MAX_DIMENSIONS} numbers, not {array.size}")
    return array


def pack(vector: ArrayLike) -> bytes:
    """float32, little-endian.

    Raises:
        InvalidRecord: not a list of finite numbers.
    """
    return as_float32(vector).astype("<f4").tobytes()


def embed_missing(collection: Collection, progress: Progress | None, batch: int) -> int:
    """See `Collection.embed_missing`."""
    embedder = collection.store.embedder
    if embedder is None:
        raise EmbedderUnavailable("this store has no embedder: open it with one to make vectors")
    with collection.writing() as tx:
        space = collection.space(tx, None, embedder.dimensions)
    assert space is not None  # noqa: S101 - the dimensions were given
    with collection.database.read(collection.owner) as tx:
        ((total,),) = tx.query("count_without_vector", space.parameters())
    made = after = 0
    while True:
        key = {**space.parameters(), "after": after, "limit": batch}
        with collection.database.read(collection.owner) as tx:
            rows = tx.query("records_without_vector", key)
        if not rows:
            return made
        after = rows[-1][0]
        texts = [from_row(collection.database, row).text for row in rows]
        made += _store(collection, space, [row[0] for row in rows], texts, embedder.embed(texts))
        if progress is not None:
            progress(made, max(total, made))


def _store(
    collection: Collection, space: Space, seqs: list[int], texts: list[str], vectors: NDArray[np.float32]
) -> int:
    """Store vectors made outside of any transaction, where the record is still what was embedded."""
    with collection.writing() as tx:
        # Whoever changes a text or its vector waits: what is looked at here stays so until the end.
        collection.lock(tx)
        key = {**space.parameters(), "seqs": collection.database.array(seqs)}
        sql = collection.database.statement("records_by_seq")
        now = {row[0]: from_row(collection.database, row).text for row in tx.execute(sql, key)}
        have = collection.database.vectors.get(tx, space, seqs)
        fresh = [
            (seq, pack(vector))
            for seq, text, vector in zip(seqs, texts, vectors, strict=True)
            if now.get(seq) == text and seq not in have
        ]
        if fresh:
            # What could not be compared (see capsa_embeddings.raw) makes way.
            collection.database.vectors.remove(
                tx, collection.owner, collection.name, [seq for seq, _ in fresh], space.model.id
            )
            collection.database.vectors.add(tx, space, fresh)
    return len(fresh)
