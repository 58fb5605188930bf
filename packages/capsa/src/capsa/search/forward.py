"""The forward index: the terms of each record that is in a segment.

A segment tells which records have a term; this tells which terms a record has. A deletion goes by it, so that it finds
every posting of a record whatever the tokeniser is by then. So does a query of very many words: where it would have to
read the postings of hundreds of frequent terms, it looks at the best records themselves. To take their texts apart
again took fifty times as long.

A row has, little-endian, for n terms:

    n x u32 the upper halves of their keys (see `keys`); n x u8 how often each occurs, 255 standing for more

Half a key tells where in a segment a term is, and takes one term for another in one of four thousand million pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from capsa.database import Loaded, Transaction
from capsa.errors import DatabaseDamaged

_SIZE = 5

TABLE = Loaded("document", "capsa_lexical_documents", {"seq": "bigint", "tokens": "bigint", "terms": "bytea"})

#: Number of the record, number of its words, content of the row.
Row = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Documents:
    """Some records, and the terms of one after the other."""

    seqs: Sequence[int]
    #: Of each: its number of words.
    lengths: Sequence[int]
    #: Where the terms of each end.
    ends: NDArray[np.int64]
    #: The upper halves of the terms' keys, and how often each occurs, 1 to 255.
    halves: NDArray[np.uint32]
    occurrences: NDArray[np.uint8]

    @classmethod
    def decode(cls, rows: Iterable[Row]) -> Self:
        """The inverse of `rows`.

        Raises:
            DatabaseDamaged: a row is none.
        """
        seqs, lengths, sizes, halves, occurrences = [], [], [], [b""], [b""]
        for seq, length, content in rows:
            n, rest = divmod(len(content), _SIZE)
            if rest:
                raise DatabaseDamaged(f"the index by words of record {seq} is damaged: it is cut off; restore a backup")
            seqs.append(seq)
            lengths.append(length)
            sizes.append(n)
            halves.append(content[: 4 * n])
            occurrences.append(content[4 * n :])
        return cls(
            seqs,
            lengths,
            np.cumsum(sizes, dtype=np.int64),
            np.frombuffer(b"".join(halves), "<u4"),
            np.frombuffer(b"".join(occurrences), np.uint8),
        )

    def rows(self) -> Iterator[Row]:
        """What is stored of each record."""
        start = 0
        for seq, length, end in zip(self.seqs, self.lengths, self.ends.tolist(), strict=True):
            terms = self.halves[start:end].astype("<u4", copy=False).tobytes() + self.occurrences[start:end].tobytes()
            yield seq, length, terms
            start = end

    def among(self, wanted: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Where the records have one of the ``wanted`` halves of keys: record, place among the wanted, how often.

        In the order of the records, then of the wanted.
        """
        if not len(wanted):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8)
        order = np.argsort(wanted)
        which = order[np.searchsorted(wanted, self.halves, sorter=order).clip(max=len(wanted) - 1)]
        at = np.flatnonzero(wanted[which] == self.halves)
        records = np.searchsorted(self.ends, at, side="right")
        ordered = np.lexsort((which[at], records))
        return records[ordered], which[at][ordered], self.occurrences[at][ordered]


def read(tx: Transaction, collection: Mapping[str, str], seqs: Sequence[int]) -> list[Row]:
    """The rows of some records that are in segments."""
    if not seqs:
        return []
    found: list[Row] = tx.query("lexical_documents", {**collection, "seqs": tx.database.array(list(seqs))})
    return found


def take(tx: Transaction, collection: Mapping[str, str], seqs: Sequence[int]) -> Documents:
    """Delete the rows of some records, and give what they said."""
    parameters = {**collection, "seqs": tx.database.array(list(seqs))}
    return Documents.decode(sorted(tx.query("lexical_take_documents", parameters)))
