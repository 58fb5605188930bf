"""What is not in a segment yet, for a search: looked up as if it were in one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from capsa.search import forward, keys, postings
from capsa.search.postings import Document


class Pending:
    """The pending records of one collection, in ascending order."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.records = len(documents)
        self.words = sum(document.length for document in documents)
        self._documents = documents
        self._keys = np.frombuffer(b"".join([document.keys for document in documents]), "<u8")

    @property
    def span(self) -> tuple[int, int]:
        return self._documents[0].seq, self._documents[-1].seq

    def rows(self, seqs: Sequence[int]) -> list[forward.Row]:
        """Of some records those that are pending, as the forward index would have them."""
        wanted = set(seqs)
        return [
            (d.seq, d.length, keys.halves(np.frombuffer(d.keys, "<u8")).tobytes() + d.occurrences)
            for d in self._documents
            if d.seq in wanted
        ]

    def find(self, wanted: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """The postings of each key: differences and weights."""
        if not len(self._keys):
            return [(b"", b"")] * len(wanted)
        sought = np.frombuffer(b"".join(wanted), "<u8")
        order = np.argsort(sought)
        which = order[np.searchsorted(sought, self._keys, sorter=order).clip(max=len(wanted) - 1)]
        at = np.flatnonzero(sought[which] == self._keys)
        # In the order of the keys, and of each in that of the records.
        at = at[np.argsort(which[at], kind="stable")]
        rows = np.searchsorted(np.cumsum([len(d.occurrences) for d in self._documents]), at, side="right")
        deltas = np.array([d.seq - self._documents[0].seq for d in self._documents], "<u4")[rows].tobytes()
        classes = np.array([postings.length_class(d.length) << 8 for d in self._documents], "<u2")
        occurrences = np.frombuffer(b"".join([d.occurrences for d in self._documents]), np.uint8)
        weights = (occurrences[at] + classes[rows]).tobytes()
        ends = np.cumsum(np.bincount(which[at], minlength=len(wanted))).tolist()
        return [(deltas[4 * a : 4 * b], weights[2 * a : 2 * b]) for a, b in pairwise([0, *ends])]
