"""About how often the more frequent terms of a segment occur, all in one row.

A query of twenty kilobytes has a thousand terms, and to look each up in every segment takes longer than the whole
search may. So each segment has one row more, under a name that no term has, with the terms that occur in many of its
records. It tells which terms of a long query are rare, and so worth looking up, and what the others weigh. For the n
terms it knows, in the order of their hashes, all little-endian:

    n x u32   CRC-32 of the term in UTF-8
    n x u32   number of records with the term

Two terms with the same hash only make an estimate worse. Short queries ask the postings themselves, and are exact.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from capsa.search.postings import ENTRY

#: Where a segment's directory stands among its postings; it sorts before every term.
NAME = ""

#: The terms that one record in so many has are in it: some 200 KB for 40,000 records.
_SHARE = 2_048
#: In small segments, terms of fewer records are not worth a place.
_LEAST = 4
_BYTES = 8


def least(records: int) -> int:
    """In so many of its records a term occurs at least that is in the directory of a segment."""
    return max(_LEAST, records // _SHARE)


def build(postings: Iterable[tuple[str, bytes]], records: int) -> bytes:
    """The directory of a segment with these postings; nothing if no term is frequent enough."""
    size = least(records) * ENTRY
    frequent = [(zlib.crc32(term.encode()), len(data) // ENTRY) for term, data in postings if len(data) >= size]
    frequent.sort()
    table = np.array(frequent, np.uint32).reshape(-1, 2)
    return _encode(table[:, 0], table[:, 1])


def hashes(terms: Sequence[str]) -> NDArray[np.uint32]:
    """What stands for each term in a directory."""
    return np.fromiter((zlib.crc32(term.encode()) for term in terms), np.uint32, len(terms))


def counts(data: bytes, wanted: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The number of records with each term, given by `hashes`; 0 for those the directory does not know."""
    known, numbers = _decode(data)
    if not len(known):
        return np.zeros(len(wanted), np.int64)
    places = np.searchsorted(known, wanted)
    found = known.take(places, mode="clip") == wanted
    result: NDArray[np.int64] = np.where(found, numbers.take(places, mode="clip"), 0).astype(np.int64)
    return result


def lowered(data: bytes, by: Mapping[str, int]) -> bytes:
    """The directory after some terms lost so many of their records; without those that few are left of."""
    known, numbers = _decode(data)
    left = numbers.astype(np.int64)
    if len(known):
        wanted = hashes(list(by))
        places = np.searchsorted(known, wanted)
        found = known.take(places, mode="clip") == wanted
        np.subtract.at(left, places[found], np.fromiter(by.values(), np.int64, len(by))[found])
    # The border of a small segment: not moved by what is removed, nor does it tell how large the segment was.
    stays = left >= _LEAST
    return _encode(known[stays], left[stays])


def _encode(known: NDArray[np.uint32], numbers: NDArray[np.integer]) -> bytes:
    return known.astype("<u4").tobytes() + numbers.astype("<u4").tobytes()


def _decode(data: bytes) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    n = len(data) // _BYTES
    return np.frombuffer(data, "<u4", n), np.frombuffer(data, "<u4", n, offset=4 * n)
