"""What is stored is read back, whatever it is cut into; what is damaged is told, never searched."""

from __future__ import annotations

from contextlib import AbstractContextManager
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.errors import DatabaseDamaged
from capsa.search import blocks, directory, keys
from capsa.search.blocks import Block, Chunked, Postings

#: Term -> records and weights.
terms = st.dictionaries(
    st.text("abcé日", max_size=6),
    st.dictionaries(st.integers(0, 2**32 - 2), st.integers(1, 2**16 - 1), min_size=1, max_size=9),
    max_size=12,
)


def flat(terms: dict[str, dict[int, int]]) -> Postings:
    by_key = sorted((int.from_bytes(keys.key(term), "little"), sorted(some.items())) for term, some in terms.items())
    pairs = [pair for _, some in by_key for pair in some]
    return Postings(
        np.array([key for key, _ in by_key], np.uint64),
        np.cumsum([len(some) for _, some in by_key], dtype=np.int64),
        np.array([delta for delta, _ in pairs], np.uint32),
        np.array([weight for _, weight in pairs], np.uint16),
    )


def as_terms(postings: Postings) -> dict[bytes, list[tuple[int, int]]]:
    found = {}
    for number, key in enumerate(postings.keys):
        one = blocks.some(postings, number, number + 1)
        found[key.tobytes()] = list(zip(one.deltas.tolist(), one.weights.tolist(), strict=True))
    assert len(found) == len(postings.keys)
    return found


def small() -> AbstractContextManager[object]:
    return mock.patch.multiple(blocks, LONG=3, CHUNK=2, PART=4)


@given(terms, st.integers(1, 30), st.integers(0, blocks.MOST_SEGMENTS - 1))
def test_what_is_cut_into_rows_is_read_back(terms: dict[str, dict[int, int]], count: int, segment: int) -> None:
    wanted = {keys.key(term): sorted(some.items()) for term, some in terms.items()}
    with small():
        rows = sorted(blocks.rows(flat(terms), segment, count, 10))
        assert as_terms(blocks.read(rows)) == wanted
    places = dict(rows)
    assert len(places) == len(rows)
    assert all(blocks.taken_apart(place)[0] == segment for place in places)
    for key, pairs in wanted.items():
        place = blocks.place(segment, keys.block(key, count))
        found = blocks.look_up(places[place], key)
        assert found is not None
        if isinstance(found, Chunked):
            assert (found.records, len(pairs) > 3) == (len(pairs), True)
            chunks = [blocks.split_chunk(places[place + slot]) for slot in found.slots()]
            found = b"".join(deltas for deltas, _ in chunks), b"".join(weights for _, weights in chunks)
        assert found[0] == np.array([delta for delta, _ in pairs], "<u4").tobytes()
        assert found[1] == np.array([weight for _, weight in pairs], "<u2").tobytes()
        listed = places.get(_directory(segment, keys.block(key, count)), b"")
        counted = directory.counts([listed], np.frombuffer(key, "<u8")).tolist()
        assert counted == [len(pairs) if len(pairs) >= 4 else 0]
    for place, data in rows:
        assert blocks.taken_apart(place)[2] or blocks.look_up(data, b"unknown!") is None


def _directory(segment: int, block: int) -> int:
    with small():
        return blocks.directory_place(segment, block)


def test_a_key_is_found_where_keys_begin_and_nowhere_between() -> None:
    # Half of the first and half of the second are the third; half of that one and half of the second are none.
    halves = [(9, 1), (3, 2), (1, 3)]
    known = np.array([low | high << 32 for low, high in halves], np.uint64)
    some = Postings(known, np.arange(1, 4), np.arange(3, dtype=np.uint32), np.ones(3, np.uint16))
    data = blocks.encode(Block(some))
    for number, key in enumerate(known):
        assert blocks.look_up(data, key.tobytes()) == (number.to_bytes(4, "little"), b"\1\0")
    assert blocks.look_up(data, known.tobytes()[12:20]) is None


def test_rows_fit_their_pages() -> None:
    chance = np.random.default_rng(1)
    counts = np.minimum(chance.zipf(1.5, 30_000), 20_000)
    deltas = np.concatenate([np.sort(chance.choice(20_000, n, replace=False)) for n in counts]).astype(np.uint32)
    postings = Postings(
        np.unique(chance.integers(0, 1 << 63, 30_000, np.uint64) * np.uint64(2)),
        np.cumsum(counts),
        deltas,
        np.ones(len(deltas), np.uint16),
    )
    count = blocks.fitting(postings)
    rows = [(blocks.taken_apart(place)[2], len(data)) for place, data in blocks.rows(postings, 7, count, 20_000)]
    sizes = [size for slot, size in rows if slot == 0]
    assert len(sizes) == count
    assert np.mean(sizes) == pytest.approx(blocks.BLOCK, rel=0.05)
    assert max(size for slot, size in rows if slot != 1) < 8_000, "a page of PostgreSQL, with the owner's name"


@given(terms, st.data())
def test_a_damaged_block_is_told_and_a_damaged_search_does_not_go_on(
    terms: dict[str, dict[int, int]], data: st.DataObject
) -> None:
    with small():
        rows = [
            content for place, content in blocks.rows(flat(terms), 1, 1, 1_000) if blocks.taken_apart(place)[2] == 0
        ]
    whole = rows[0] if rows else blocks.encode(Block(flat({})))
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(DatabaseDamaged, match="a block of the index by words is damaged: .*restore a backup"):
        blocks.decode(cut)
    with pytest.raises(DatabaseDamaged):
        blocks.decode(whole + bytes(data.draw(st.integers(1, 20))))


@given(terms, st.data())
def test_whatever_the_bytes_are_they_are_decoded_or_told(terms: dict[str, dict[int, int]], data: st.DataObject) -> None:
    with small():
        rows = list(blocks.rows(flat(terms), 1, 2, 10))
    changed = bytearray(data.draw(st.sampled_from(rows))[1]) if rows else bytearray(8)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    for read in (blocks.decode, blocks.split_chunk, lambda some: blocks.look_up(some, keys.key("a"))):
        try:
            read(bytes(changed))
        except DatabaseDamaged as error:
            assert "restore a backup" in str(error)  # noqa: PT017


def test_chunks_that_are_missing_are_told() -> None:
    with small():
        rows = sorted(blocks.rows(flat({"a": dict.fromkeys(range(9), 1)}), 1, 1, 1_000))
        for gone in (number for number, row in enumerate(rows) if blocks.taken_apart(row[0])[2] != 1):
            with pytest.raises(DatabaseDamaged):
                blocks.read(row for number, row in enumerate(rows) if number != gone)
