"""About how often the more frequent terms of a segment occur, in few rows.

A query of twenty kilobytes has a thousand terms, and to look each up in every segment takes longer than the whole
search may. So each part of a segment (see `blocks`) has one row more, with those of its terms that occur in many of the
segment's records. It tells which terms of a long query are rare, and so worth looking up, and what the others weigh.
For the n terms it knows, in the order of their keys, all little-endian:

    n x u32   upper half of the term's key
    n x u32   number of records with the term

Two terms with the same half only make an estimate worse. Short queries ask the postings themselves, and are exact.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from capsa.errors import DatabaseDamaged

#: The terms that one record in so many has are in it: some 200 KB for 40,000 records.
_SHARE = 2_048
#: In small segments, terms of fewer records are not worth a place.
_LEAST = 4
_BYTES = 8

_HALF = np.uint64(32)


def least(records: int) -> int:
    """In so many of its records a term occurs at least that is in the directory of a segment."""
    return max(_LEAST, records // _SHARE)


def build(keys: NDArray[np.uint64], counts: NDArray[np.int64], records: int) -> bytes:
    """The directory of some terms of a segment, given by ascending keys; nothing if no term is frequent enough."""
    frequent = counts >= least(records)
    return _encode(keys[frequent] >> _HALF, counts[frequent])


def counts(rows: Iterable[bytes], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The number of records with each term, given by key; 0 for those that no directory of the segment knows."""
    pieces = [_decode(data) for data in rows]
    result = np.zeros(len(wanted), np.int64)
    if pieces:
        known = np.concatenate([piece[0] for piece in pieces])
        numbers = np.concatenate([piece[1] for piece in pieces])
        places, found = _find(known, wanted)
        result[found] = numbers[places[found]]
    return result


def lowered(data: bytes, keys: NDArray[np.uint64], by: NDArray[np.int64]) -> bytes:
    """The directory after some terms lost so many of their records; without those that few are left of."""
    known, numbers = _decode(data)
    left = numbers.astype(np.int64)
    places, found = _find(known, keys)
    np.subtract.at(left, places[found], by[found])
    # The border of a small segment: not moved by what is removed, nor does it tell how large the segment was.
    stays = left >= _LEAST
    return _encode(known[stays], left[stays])


def _find(known: NDArray[np.uint32], keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where the keys are among those that are known, and which of them are there."""
    if not len(known):
        return np.zeros(len(keys), np.intp), np.zeros(len(keys), bool)
    halves = (keys >> _HALF).astype(np.uint32)
    places = np.searchsorted(known, halves)
    return places, known.take(places, mode="clip") == halves


def _encode(known: NDArray[np.integer], numbers: NDArray[np.integer]) -> bytes:
    return known.astype("<u4").tobytes() + numbers.astype("<u4").tobytes()


def _decode(data: bytes) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    n, rest = divmod(len(data), _BYTES)
    if rest:
        raise DatabaseDamaged("a directory of the index by words is damaged: it is cut off; restore a backup")
    return np.frombuffer(data, "<u4", n), np.frombuffer(data, "<u4", n, offset=4 * n)
