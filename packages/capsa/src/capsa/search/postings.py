"""Segments of the lexical index: which records have a term, how often, and how long they are.

A segment covers some records of one collection. For every term it has one row, whose bytes are, for
the n records with the term in ascending order, all little-endian:

    n x u32   sequence number of the record, less the segment's first
    n x u16   occurrences (1 to 255) + 256 x length class of the record

The length class c stands for 2 ** (c / 12) - 1 words: within 3 % of the truth, as Lucene keeps it in a byte too.
"""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

#: Bytes of one posting.
ENTRY = 6

#: BM25's parameters as Robertson and Zaragoza give them, "The Probabilistic Relevance Framework", 2009.
K1, B = 1.2, 0.75

_CLASSES = 12

#: Rows made at once when a segment is gone through.
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Document:
    """What the index knows of a record."""

    seq: int
    #: Number of words.
    length: int
    #: Term -> occurrences.
    terms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """Postings of some records, ready to be stored."""

    first_seq: int
    last_seq: int
    records: int
    tokens: int
    #: In the order of the terms.
    postings: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Entries:
    """How often some terms occur in some records: three arrays of one length, the records in ascending order."""

    #: Positions among the records of the segment.
    rows: NDArray[np.uint32]
    #: Positions in the segment's vocabulary.
    terms: NDArray[np.uint32]
    #: 1 to 255.
    occurrences: NDArray[np.uint16]

    @classmethod
    def of(cls, rows: NDArray[np.int64], terms: NDArray[np.int64], occurrences: NDArray[np.int64]) -> Self:
        """What was counted, in as little memory as it takes."""
        return cls(rows.astype(np.uint32), terms.astype(np.uint32), occurrences.clip(max=255).astype(np.uint16))


def build(documents: Iterable[Document]) -> Segment | None:
    """Index the documents, which come in ascending order; None if there are none."""
    vocabulary: dict[str, int] = {}
    terms, occurrences, sizes = array("q"), array("q"), array("q")
    seqs, lengths = array("q"), array("q")
    for document in documents:
        seqs.append(document.seq)
        lengths.append(document.length)
        sizes.append(len(document.terms))
        terms.extend([vocabulary.setdefault(term, len(vocabulary)) for term in document.terms])
        occurrences.extend(document.terms.values())
    rows = np.repeat(np.arange(len(seqs)), np.array(sizes, np.int64))
    entries = Entries.of(rows, np.array(terms, np.int64), np.array(occurrences, np.int64))
    return assemble(list(vocabulary), seqs, lengths, [entries])


def assemble(
    vocabulary: list[str], seqs: Sequence[int], lengths: Sequence[int], entries: Sequence[Entries]
) -> Segment | None:
    """A segment of records, given by number and length, and of what occurs in them; None if there are no records."""
    if not seqs:
        return None
    classes = np.array([length_class(length) for length in lengths], np.uint16) << np.uint16(8)
    numbers = (np.array(seqs, np.int64) - seqs[0]).astype("<u4")
    terms = np.concatenate([piece.terms for piece in entries])
    rows = np.concatenate([piece.rows for piece in entries])
    weights = np.concatenate([piece.occurrences for piece in entries]) + classes[rows]
    order = np.argsort(terms, kind="stable")
    postings = _Postings(vocabulary, terms, numbers[rows[order]], weights[order].astype("<u2"))
    return Segment(seqs[0], seqs[-1], len(seqs), sum(lengths), postings)


class _Postings(Sequence[tuple[str, bytes]]):
    """The rows of a segment, each made when it is looked at: there may be hundreds of thousands."""

    def __init__(
        self, terms: list[str], ids: NDArray[np.uint32], deltas: NDArray[np.uint32], weights: NDArray[np.uint16]
    ) -> None:
        """Of entries in the order of ``ids``, which are positions in ``terms``."""
        self._terms = terms
        counts = np.bincount(ids, minlength=len(terms))
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        self._order = np.array(sorted(range(len(terms)), key=terms.__getitem__), np.uint32)
        self._deltas, self._weights = deltas.tobytes(), weights.tobytes()

    def __len__(self) -> int:
        return len(self._terms)

    @overload
    def __getitem__(self, index: int) -> tuple[str, bytes]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, bytes]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, bytes] | list[tuple[str, bytes]]:
        if isinstance(index, slice):
            return self._rows(self._order[index])
        return self._rows(self._order[index : index + 1 or None])[0]

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for start in range(0, len(self), _ROWS_AT_ONCE):
            yield from self[start : start + _ROWS_AT_ONCE]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _rows(self, numbers: NDArray[np.uint32]) -> list[tuple[str, bytes]]:
        starts, ends = self._starts[numbers].tolist(), self._ends[numbers].tolist()
        return [
            (self._terms[number], self._deltas[4 * a : 4 * b] + self._weights[2 * a : 2 * b])
            for number, a, b in zip(numbers.tolist(), starts, ends, strict=True)
        ]


def decode(postings: bytes) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """The differences to the first sequence number, and the weights, of one row."""
    n = len(postings) // ENTRY
    return np.frombuffer(postings, "<u4", n), np.frombuffer(postings, "<u2", n, offset=4 * n)


def encode(deltas: NDArray[np.uint32], weights: NDArray[np.uint16]) -> bytes:
    """The inverse of `decode`."""
    return deltas.astype("<u4").tobytes() + weights.astype("<u2").tobytes()


def length_class(words: int) -> int:
    """The class of a record's length, 0 to 255."""
    return min(255, round(_CLASSES * math.log2(1 + words)))


@functools.lru_cache(maxsize=16)
def saturation(average_length: float) -> NDArray[np.float32]:
    """BM25's term-frequency part for every possible weight: 65,536 float32.

    tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average))
    """
    tf = np.arange(256, dtype=np.float32)
    length = np.exp2(np.arange(256, dtype=np.float32) / _CLASSES) - 1
    norm = K1 * (1 - B + B * length / max(average_length, 1.0))
    with np.errstate(invalid="ignore"):
        table: NDArray[np.float32] = (tf[None, :] * (K1 + 1) / (tf[None, :] + norm[:, None])).astype(np.float32)
    return np.nan_to_num(table).ravel()


def idf(records: int, with_term: int) -> float:
    """ln(1 + (N - n + 0.5) / (n + 0.5)); never negative."""
    return math.log(1 + (max(records, with_term) - with_term + 0.5) / (with_term + 0.5))
