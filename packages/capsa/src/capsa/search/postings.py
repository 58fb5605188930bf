"""Segments of the lexical index: which records have a term, how often, and how long they are.

A segment covers some records of one collection; `blocks` says how it stands in the database. The length of a record is
kept as its class: c stands for 2 ** (c / 12) - 1 words, within 3 % of the truth, as Lucene keeps it in a byte too.
"""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from capsa.search import keys
from capsa.search.blocks import Postings
from capsa.search.forward import Documents

#: BM25's parameters as Robertson and Zaragoza give them, "The Probabilistic Relevance Framework", 2009.
K1, B = 1.2, 0.75

_CLASSES = 12


@dataclass(frozen=True, slots=True)
class Document:
    """What the index knows of a record."""

    seq: int
    #: Number of words.
    length: int
    #: Of its terms, each once: the keys, and how often each occurs, 1 to 255.
    keys: bytes
    occurrences: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """Postings of some records, ready to be stored."""

    first_seq: int
    last_seq: int
    records: int
    tokens: int
    postings: Postings
    #: The same by record.
    documents: Documents


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
    seqs, lengths, sizes = array("q"), array("q"), array("q")
    known, occurrences = bytearray(), bytearray()
    for document in documents:
        seqs.append(document.seq)
        lengths.append(document.length)
        sizes.append(len(document.occurrences))
        known += document.keys
        occurrences += document.occurrences
    if not seqs:
        return None
    rows = np.repeat(np.arange(len(seqs)), sizes)
    every, counts = np.frombuffer(known, "<u8"), np.frombuffer(occurrences, np.uint8)
    halves = keys.halves(every)
    order = np.argsort(every, kind="stable")
    every, rows = every[order], rows[order]
    ends = np.append(np.flatnonzero(every[1:] != every[:-1]) + 1, len(every))[: len(every)]
    weights = counts[order] + _classes(lengths)[rows]
    made = Postings(every[ends - 1], ends, _differences(seqs)[rows], weights)
    return _segment(made, Documents(seqs, lengths, np.cumsum(sizes, dtype=np.int64), halves, counts))


def assemble(
    vocabulary: Sequence[str], seqs: Sequence[int], lengths: Sequence[int], entries: Sequence[Entries]
) -> Segment | None:
    """A segment of records, given by number and length, and of what occurs in them; None if there are no records."""
    if not seqs:
        return None
    unordered = keys.of(vocabulary)
    documents = _by_record(seqs, lengths, entries, keys.halves(unordered))
    known, places = np.unique(unordered, return_inverse=True)
    terms = places.astype(np.uint32)[np.concatenate([piece.terms for piece in entries])]
    ends = np.cumsum(np.bincount(terms, minlength=len(known)))
    order = np.argsort(terms, kind="stable")
    del terms
    rows = np.concatenate([piece.rows for piece in entries])[order]
    weights = np.concatenate([piece.occurrences for piece in entries])[order] + _classes(lengths)[rows]
    return _segment(Postings(known, ends, _differences(seqs)[rows], weights), documents)


def _by_record(
    seqs: Sequence[int], lengths: Sequence[int], entries: Sequence[Entries], halves: NDArray[np.uint32]
) -> Documents:
    """What occurs in each record; ``halves`` are those of the vocabulary."""
    sizes = np.concatenate([np.bincount(piece.rows, minlength=len(seqs))[None] for piece in entries]).sum(axis=0)
    return Documents(
        seqs,
        lengths,
        np.cumsum(sizes, dtype=np.int64),
        np.concatenate([halves[piece.terms] for piece in entries]),
        np.concatenate([piece.occurrences for piece in entries]).astype(np.uint8),
    )


def _segment(postings: Postings, documents: Documents) -> Segment:
    seqs = documents.seqs
    return Segment(seqs[0], seqs[-1], len(seqs), sum(documents.lengths), postings, documents)


def _differences(seqs: Sequence[int]) -> NDArray[np.uint32]:
    return (np.array(seqs, np.int64) - seqs[0]).astype(np.uint32)


def _classes(lengths: Sequence[int]) -> NDArray[np.uint16]:
    """Of each record, as it stands in a weight."""
    return np.array([length_class(length) << 8 for length in lengths], np.uint16)


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
