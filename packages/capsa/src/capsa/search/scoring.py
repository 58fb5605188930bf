"""BM25 over the postings of one segment, in numpy: no step of Python for each of a thousand rare terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: A term in so many records of a segment is added by itself, rarer ones all at once.
_LONG = 2_048
#: A segment of one owner among many may span millions of numbers; then its few records are summed sparsely.
_DENSE_SPAN = 1 << 20

#: A record that has a term: which of the records asked for, which of the terms, and its weight (see `postings`).
Occurrence = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The postings of some terms in one segment, decoded."""

    #: Of the rarer terms: n postings, one term after the other.
    deltas: NDArray[np.uint32]
    weights: NDArray[np.uint16]
    #: Which terms these are, and where the postings of each end; both as long as the terms are many.
    short: NDArray[np.int64]
    ends: NDArray[np.int64]
    #: The more frequent terms: which, the records, the weights.
    long: list[tuple[int, NDArray[np.uint32], NDArray[np.uint16]]]


def gather(found: Sequence[tuple[int, bytes, bytes]]) -> Gathered:
    """Decode the postings of some terms, given by number: differences and weights."""
    border = _LONG * 4
    short = [(number, deltas, weights) for number, deltas, weights in found if len(deltas) < border]
    return Gathered(
        np.frombuffer(b"".join([deltas for _, deltas, _ in short]), "<u4"),
        np.frombuffer(b"".join([weights for _, _, weights in short]), "<u2"),
        np.array([number for number, _, _ in short], np.int64),
        np.cumsum([len(deltas) // 4 for _, deltas, _ in short], dtype=np.int64),
        [
            (number, np.frombuffer(deltas, "<u4"), np.frombuffer(weights, "<u2"))
            for number, deltas, weights in found
            if len(deltas) >= border
        ],
    )


def score(
    found: Gathered, factors: NDArray[np.float32], table: NDArray[np.float32], span: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The records with a term, ascending, and their scores.

    Args:
        factors: what each term weighs, by its number.
        table: see `postings.saturation`.
        span: how many numbers the segment spans.
    """
    sizes = np.diff(found.ends, prepend=0)
    points = table.take(found.weights) * np.repeat(factors[found.short], sizes)
    if span > _DENSE_SPAN:
        return _sparse(found, factors, table, points)
    total = np.zeros(span, np.float32)
    np.add.at(total, found.deltas, points)
    for number, deltas, weights in found.long:
        more = table.take(weights)
        more *= factors[number]
        if len(deltas) == span:
            total += more
        else:
            np.add.at(total, deltas, more)
    # Many times as fast as of the numbers themselves.
    hits = np.flatnonzero(total > 0)
    return hits, total[hits]


def _sparse(
    found: Gathered, factors: NDArray[np.float32], table: NDArray[np.float32], points: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    deltas = np.concatenate([found.deltas, *(d for _, d, _ in found.long)])
    points = np.concatenate([points, *(table.take(w) * factors[number] for number, _, w in found.long)])
    unique, places = np.unique(deltas, return_inverse=True)
    return unique.astype(np.int64), np.bincount(places, points).astype(np.float32)


def occurrences(found: Gathered, wanted: NDArray[np.uint32]) -> Iterator[Occurrence]:
    """Which of the ``wanted`` records, ascending, have which term."""
    at = np.flatnonzero(np.isin(found.deltas, wanted))
    records = np.searchsorted(wanted, found.deltas[at])
    terms = found.short[np.searchsorted(found.ends, at, side="right")]
    yield from zip(records.tolist(), terms.tolist(), found.weights[at].tolist(), strict=True)
    for number, deltas, weights in found.long:
        places = np.searchsorted(deltas, wanted)
        have = np.flatnonzero(deltas.take(places, mode="clip") == wanted)
        for record, weight in zip(have.tolist(), weights[places[have]].tolist(), strict=True):
            yield record, number, weight


def idf(records: int, guesses: Sequence[float]) -> list[float]:
    """`postings.idf` of many terms of which about so many records are known to be."""
    numbers = np.clip(np.round(guesses), 1, max(records, 1))
    weights: list[float] = np.log1p((records - numbers + 0.5) / (numbers + 0.5)).tolist()
    return weights
