"""Blocks: how a segment of the lexical index stands in the database.

The keys of a segment's terms (see `keys`) are cut, in their order, into as many blocks as their postings fill rows of
some kilobytes: a term's block follows from its key, and one row read tells all about it. What a frequent term has would
burst its block, so its postings are in chunks, rows of their own, of which the block tells. All little-endian:

    a block     u32 n, the terms with postings here; u32 m, the terms with chunks
                n x u64 keys, ascending; n x u32 where each one's postings end
                m x (u64 key, u32 records, u32 first slot, u32 chunks)
                and for each chunk of these a u32: its first difference
                p x u32, p x u16 postings
    a chunk     p x u32, p x u16 postings

A posting is the sequence number of a record, less the segment's first (ascending for each term), and a weight:
occurrences (1 to 255) + 256 x length class of the record.

A row's place in the table is one number, so that any rows can be asked for by equality, or all of a range of keys in
order: segment, block, slot. Slot 0 is the block, 1 the directory of its part, the others are chunks.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from capsa.database import Loaded
from capsa.errors import DatabaseDamaged
from capsa.search import directory, keys

#: Bytes of one posting.
ENTRY = 6
#: Bytes that a block has on average: most fit a page of SQLite, two fit one of PostgreSQL. Measured: smaller ones make
#: more rows to write, larger ones more to read.
BLOCK = 3_600
#: A term in more records of a segment has chunks, of so many postings: they fit a page of PostgreSQL.
LONG, CHUNK = 128, 1_280
#: Blocks that share a directory, and are merged at once: about a megabyte, and as much again in chunks.
PART = 256

_SLOT_BITS, _BLOCK_BITS = 14, 17
#: More of either does not fit a place.
MOST_BLOCKS, MOST_SEGMENTS = 1 << _BLOCK_BITS, 1 << 63 - _BLOCK_BITS - _SLOT_BITS
_DIRECTORY, _FIRST_CHUNK = 1, 2

_HEAD = struct.Struct("<II")
_ENDS = struct.Struct("<II")
_END = struct.Struct("<I")
_CHUNKED = struct.Struct("<8sIII")
_PER_TERM = keys.SIZE + 4

Keys = NDArray[np.uint64]
Deltas = NDArray[np.uint32]
Weights = NDArray[np.uint16]
#: Place and content of a row.
Row = tuple[int, bytes]
TABLE = Loaded("block", "capsa_lexical_blocks", {"place": "bigint", "content": "bytea"})


@dataclass(frozen=True, slots=True)
class Postings:
    """Terms, by ascending key, and the postings of one after the other."""

    keys: Keys
    #: Where the postings of each term end.
    ends: NDArray[np.int64]
    deltas: Deltas
    weights: Weights

    @property
    def counts(self) -> NDArray[np.int64]:
        """In how many records each term occurs."""
        return np.diff(self.ends, prepend=0)


@dataclass(frozen=True, slots=True)
class Chunked:
    """A frequent term in its block: where its postings are."""

    key: bytes
    records: int
    #: Of its first chunk; the others follow.
    slot: int
    #: The first difference of each chunk; of one that was emptied, the next's.
    borders: tuple[int, ...]

    def slots(self) -> range:
        return range(self.slot, self.slot + len(self.borders))


def place(segment: int, block: int, slot: int = 0) -> int:
    """Where a row stands in the table."""
    return (segment << _BLOCK_BITS | block) << _SLOT_BITS | slot


def taken_apart(place: int) -> tuple[int, int, int]:
    """Segment, block and slot of a place."""
    number, slot = divmod(place, 1 << _SLOT_BITS)
    return number >> _BLOCK_BITS, number & MOST_BLOCKS - 1, slot


def directory_place(segment: int, block: int) -> int:
    """Of the directory that knows the terms of this block."""
    return place(segment, block - block % PART, _DIRECTORY)


def fitting(postings: Postings, share: float = 1.0) -> int:
    """The number of blocks for a segment with these terms, or with so many that they are this share of them."""
    counts = postings.counts
    size = len(counts) * _PER_TERM + ENTRY * int(counts[counts <= LONG].sum())
    return min(max(1, math.ceil(size / share / BLOCK)), MOST_BLOCKS)


@dataclass(frozen=True, slots=True)
class Block:
    """What one block says, decoded."""

    #: Of the terms whose postings are here.
    short: Postings
    chunked: tuple[Chunked, ...] = ()

    @property
    def empty(self) -> bool:
        return not len(self.short.keys) and not self.chunked


# One row


def encode(block: Block) -> bytes:
    """The bytes of a block."""
    short, borders = block.short, [border for term in block.chunked for border in term.borders]
    return b"".join(
        (
            _HEAD.pack(len(short.keys), len(block.chunked)),
            short.keys.astype("<u8", copy=False).tobytes(),
            short.ends.astype("<u4").tobytes(),
            *(_CHUNKED.pack(term.key, term.records, term.slot, len(term.borders)) for term in block.chunked),
            struct.pack(f"<{len(borders)}I", *borders),
            encode_chunk(short.deltas, short.weights),
        )
    )


def decode(data: bytes) -> Block:
    """The inverse of `encode`.

    Raises:
        DatabaseDamaged: these are not the bytes of a block.
    """
    n, start, _ = _extent(data)
    known = np.frombuffer(data, "<u8", n, _HEAD.size)
    ends = np.frombuffer(data, "<u4", n, _HEAD.size + keys.SIZE * n).astype(np.int64)
    # Strictly ascending, both: of every term there is a posting at least.
    if n and (ends[0] < 1 or (ends[1:] <= ends[:-1]).any() or (known[1:] <= known[:-1]).any()):
        _damaged("its terms are in disorder")
    deltas, weights = decode_chunk(data[start:])
    return Block(Postings(known, ends, deltas, weights), _chunked(data, n, start))


def look_up(data: bytes, key: bytes) -> tuple[bytes, bytes] | Chunked | None:
    """What a block has about one term: its postings as bytes, differences and weights, or where they are.

    Raises:
        DatabaseDamaged: these are not the bytes of a block.
    """
    n, start, p = _extent(data)
    after = _HEAD.size + keys.SIZE * n
    # Bytes are looked for many times as fast as numbers; a key begins at a multiple of its size.
    at = data.find(key, _HEAD.size, after)
    while at >= 0 and (at - _HEAD.size) % keys.SIZE:
        at = data.find(key, at + 1, after)
    if at < 0:
        return next(iter(_chunked(data, n, start, key)), None) if start > after + 4 * n else None
    number = (at - _HEAD.size) // keys.SIZE
    first, end = _ENDS.unpack_from(data, after + 4 * number - 4) if number else (0, *_END.unpack_from(data, after))
    if not first < end <= p:
        _damaged("its postings end before they begin")
    middle = start + 4 * p
    return data[start + 4 * first : start + 4 * end], data[middle + 2 * first : middle + 2 * end]


def _extent(data: bytes) -> tuple[int, int, int]:
    """The number of terms with postings in a block, where the postings begin, and how many they are."""
    if len(data) < _HEAD.size:
        _damaged("it is cut off")
    n, m = _HEAD.unpack_from(data)
    least = _HEAD.size + _PER_TERM * n
    if len(data) < least:
        _damaged("it is cut off")
    p = _END.unpack_from(data, least - 4)[0] if n else 0
    start = len(data) - ENTRY * p
    least += _CHUNKED.size * m
    if start < least or (start > least and not m):
        _damaged("it has another length than it says")
    return n, start, p


def _chunked(data: bytes, n: int, end: int, wanted: bytes | None = None) -> tuple[Chunked, ...]:
    """The terms of a block that have chunks, or the one of them that is wanted."""
    (_, m), at = _HEAD.unpack_from(data), _HEAD.size + _PER_TERM * n
    rows = list(_CHUNKED.iter_unpack(data[at : at + m * _CHUNKED.size]))
    at += m * _CHUNKED.size
    if at + 4 * sum(row[3] for row in rows) != end:
        _damaged("it has another length than it says")
    found = []
    for key, records, slot, chunks in rows:
        if wanted is None or key == wanted:
            found.append(Chunked(key, records, slot, struct.unpack_from(f"<{chunks}I", data, at)))
        at += 4 * chunks
    return tuple(found)


def encode_chunk(deltas: Deltas, weights: Weights) -> bytes:
    """The bytes of some postings."""
    return deltas.astype("<u4", copy=False).tobytes() + weights.astype("<u2", copy=False).tobytes()


def decode_chunk(data: bytes) -> tuple[Deltas, Weights]:
    """The inverse of `encode_chunk`.

    Raises:
        DatabaseDamaged: these are not the bytes of a chunk.
    """
    deltas, weights = split_chunk(data)
    return np.frombuffer(deltas, "<u4"), np.frombuffer(weights, "<u2")


def split_chunk(data: bytes) -> tuple[bytes, bytes]:
    """The differences and the weights of a chunk as bytes, see `decode_chunk`."""
    n, rest = divmod(len(data), ENTRY)
    if rest:
        _damaged("it has another length than its postings")
    return data[: 4 * n], data[4 * n :]


def _damaged(what: str) -> NoReturn:
    raise DatabaseDamaged(f"a block of the index by words is damaged: {what}; restore a backup")


# All rows


def rows(postings: Postings, segment: int, blocks: int, records: int) -> Iterator[Row]:
    """The rows of a segment of so many blocks and records.

    Args:
        postings: of all its terms, or of all in some of its parts.
    """
    counts = postings.counts
    numbers = keys.block_of_each(keys.halves(postings.keys), blocks)
    for start in np.unique(numbers // PART).tolist():
        part = slice(*np.searchsorted(numbers, (start * PART, (start + 1) * PART)))
        if listed := directory.build(postings.keys[part], counts[part], records):
            yield directory_place(segment, start * PART), listed
    present, firsts = np.unique(numbers, return_index=True)
    long = np.flatnonzero(counts > LONG)
    lasts = np.append(firsts[1:], len(numbers))[: len(firsts)].tolist()
    long_from = np.searchsorted(long, firsts).tolist()
    long_to = np.searchsorted(long, lasts).tolist()
    for number, first, last, a, b in zip(present.tolist(), firsts.tolist(), lasts, long_from, long_to, strict=True):
        yield from _rows_of_block(postings, first, last, long[a:b].tolist(), place(segment, number))


def read(rows: Iterable[Row]) -> Postings:
    """The postings in some blocks and their chunks, which come in the order of their places.

    The terms of a block that have chunks come after its others, so the keys are not in order.
    """
    known: list[Keys] = [np.empty(0, "<u8")]
    counts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    pieces: list[tuple[Deltas, Weights]] = [decode_chunk(b"")]
    content = (row for row in rows if taken_apart(row[0])[2] != _DIRECTORY)
    for _, some in itertools.groupby(content, lambda row: row[0] >> _SLOT_BITS):
        (first, data), *others = some
        if taken_apart(first)[2]:
            _damaged("its chunks are there without it")
        block = decode(data)
        chunks = {place - first: decode_chunk(chunk) for place, chunk in others}
        known.append(block.short.keys)
        counts.append(block.short.counts)
        pieces.append((block.short.deltas, block.short.weights))
        for term in block.chunked:
            mine = [chunks[slot] for slot in term.slots() if slot in chunks]
            if sum(len(deltas) for deltas, _ in mine) != term.records:
                _damaged("it has other chunks than it says")
            known.append(np.frombuffer(term.key, "<u8"))
            counts.append(np.array([term.records]))
            pieces += mine
    ends = np.cumsum(np.concatenate(counts))
    deltas, weights = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return Postings(np.concatenate(known), ends, deltas, weights)


def _rows_of_block(postings: Postings, first: int, last: int, long: Sequence[int], at: int) -> Iterator[Row]:
    """A block of the terms ``first`` to ``last``, and the chunks of those that are ``long``."""
    chunked: list[Chunked] = []
    slot = _FIRST_CHUNK
    for term in long:
        begin, end = (int(postings.ends[term - 1]) if term else 0), int(postings.ends[term])
        borders: list[int] = []
        for start in range(begin, end, CHUNK):
            piece = slice(start, min(start + CHUNK, end))
            yield at + slot + len(borders), encode_chunk(postings.deltas[piece], postings.weights[piece])
            borders.append(int(postings.deltas[start]))
        chunked.append(Chunked(postings.keys[term].tobytes(), end - begin, slot, tuple(borders)))
        slot += len(borders)
    yield at, encode(Block(some(postings, first, last, long), tuple(chunked)))


def some(postings: Postings, first: int, last: int, left_out: Sequence[int] = ()) -> Postings:
    """The terms ``first`` to ``last``, but for some."""
    begin = int(postings.ends[first - 1]) if first else 0
    end = int(postings.ends[last - 1]) if last else 0
    here = slice(begin, end)
    whole = Postings(
        postings.keys[first:last], postings.ends[first:last] - begin, postings.deltas[here], postings.weights[here]
    )
    if not left_out:
        return whole
    stays = np.ones(last - first, bool)
    stays[np.array(left_out) - first] = False
    counts = whole.counts
    mine = np.repeat(stays, counts)
    return Postings(whole.keys[stays], np.cumsum(counts[stays]), whole.deltas[mine], whole.weights[mine])
