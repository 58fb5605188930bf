"""Who made the vectors of a collection? Nothing in Chroma's files says so; the vectors themselves do.

Some documents are embedded again, and the two vectors compared. The quantised model that comes with us and the
original agree to a cosine of .999; another model's vectors are at right angles to ours, or near it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from capsa import Embedder
from stoic_emperor.legacy.chroma.records import ChromaRecord, Unreadable

#: Records that are looked at.
SAMPLE = 12
_AGREES = 0.95


def agrees(records: Iterable[ChromaRecord | Unreadable], embedder: Embedder) -> bool | None:
    """Whether ``embedder`` makes the vectors that the records have; None if there is nothing to go by.

    Raises:
        EmbedderUnavailable: the model does not answer.
    """
    texts: list[str] = []
    vectors: list[np.ndarray] = []
    for record in records:
        if isinstance(record, ChromaRecord) and record.vector and record.document and record.document.strip():
            vector = np.frombuffer(record.vector, "<f4").astype(np.float64)
            length = float(np.linalg.norm(vector))
            if vector.size == embedder.dimensions and np.isfinite(length) and length > 0:
                texts.append(record.document)
                vectors.append(vector / length)
        if len(texts) == SAMPLE:
            break
    if not texts:
        return None
    made = embedder.embed(texts).astype(np.float64)
    return bool(np.median(np.sum(made * np.array(vectors), axis=1)) >= _AGREES)
