"""What stands for a term in the lexical index: eight bytes, the same in every process.

All keys have one length and are spread evenly, so that numpy sorts and compares them, and the place of a term in a
segment is computed, not looked up. A search would count two terms of one key as one; of a million terms, two share a
key in one of forty million collections.

A key is a term's CRC-32 and that of the term read backwards: both together are a checksum by a polynomial of degree 64,
in which no two terms of one length are equal that differ within eight bytes alone. Nothing else in the standard library
takes less than a microsecond a term, and every record has a hundred.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

#: Bytes of a key.
SIZE = 8

_PAIR = struct.Struct("<II")
_HALF = np.uint64(32)

Keys = NDArray[np.uint64]


def key(term: str) -> bytes:
    """The key of a term, little-endian."""
    data = term.encode()
    return _PAIR.pack(crc32(data), crc32(data[::-1]))


def of(terms: Collection[str]) -> Keys:
    """The keys of some terms, in their order."""
    encoded = [term.encode() for term in terms]
    pairs = np.empty((len(encoded), 2), "<u4")
    pairs[:, 0] = np.fromiter(map(crc32, encoded), np.uint32, len(encoded))
    pairs[:, 1] = np.fromiter(map(crc32, [data[::-1] for data in encoded]), np.uint32, len(encoded))
    return pairs.view("<u8").ravel()


def block(key: bytes, blocks: int) -> int:
    """In which of so many blocks a key belongs: as they are even, each gets its share, and in their order."""
    return half(key) * blocks >> 32


def half(key: bytes) -> int:
    """The upper half of a key."""
    return int.from_bytes(key[4:], "little")


def halves(keys: Keys) -> NDArray[np.uint32]:
    """The upper half of each key: it alone says which block a term belongs to."""
    return (keys >> _HALF).astype(np.uint32)


def block_of_each(halves: NDArray[np.uint32], blocks: int) -> NDArray[np.int64]:
    """`block` of many keys, given by their upper halves."""
    return (halves.astype(np.uint64) * np.uint64(blocks) >> _HALF).astype(np.int64)


def first_in(block: int, blocks: int) -> int:
    """The least number that the upper half of a key in this block or a later one has."""
    return -(-(block << 32) // blocks)
