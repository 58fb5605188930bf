"""However records come in, segments stay few; a merge may be cut short anywhere, and nobody searching sees it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.records import Record
from capsa.search import blocks, lexical, merging, segments
from capsa.search.blocks import Postings
from capsa.store import Collection, Store


@contextmanager
def small_segments() -> Iterator[None]:
    with (
        mock.patch.multiple(lexical, FOLD_AT=4),
        mock.patch.multiple(merging, STEP_AT=1, MERGE_AT=2, ROWS_AT_ONCE=5),
        mock.patch.multiple(blocks, BLOCK=60, LONG=2, CHUNK=2, PART=2),
    ):
        yield


def stored(collection: Collection) -> list[segments.Stored]:
    with collection.database.read(collection.owner) as tx:
        return segments.stored(tx, collection.owner, collection.name)


def step(collection: Collection, *, everything: bool = False) -> bool:
    with collection.database.write(collection.owner) as tx:
        return merging.step(tx, collection.owner, collection.name, everything=everything)


def rows(collection: Collection) -> list[tuple[int, bytes]]:
    everything = {"owner": collection.owner, "collection": collection.name, "first": 0, "last": (1 << 63) - 1}
    with collection.database.read(collection.owner) as tx:
        return tx.query("lexical_blocks_between", everything)


def deltas(collection: Collection, segment: int) -> set[int]:
    """The records that a segment, or what is left of it, names."""
    named: set[int] = set()
    for place, data in rows(collection):
        number, _, slot = blocks.taken_apart(place)
        if number == segment and slot != 1:
            named.update((blocks.decode_chunk(data)[0] if slot else blocks.decode(data).short.deltas).tolist())
    return named


def found(collection: Collection, query: str = "common") -> dict[str, float]:
    return {hit.record.id: hit.score for hit in collection.search(query, mode="lexical", limit=10_000)}


@pytest.fixture
def collection(store_url: str) -> Iterator[Collection]:
    with Store.open(store_url) as store:
        yield store.collection("notes", owner=uuid.uuid4().hex)


def fill(collection: Collection, count: int, size: int = 1) -> None:
    for start in range(0, count, size):
        collection.add(
            Record(id=f"{i}", text=f"common unique{i} " + "some " * (i % 3)) for i in range(start, start + size)
        )


@pytest.mark.parametrize("size", [1, 3, 16])
def test_the_number_of_segments_grows_with_the_logarithm(collection: Collection, size: int) -> None:
    with small_segments(), mock.patch.multiple(blocks, BLOCK=600, PART=32):
        most = []
        for start in range(0, 192, 48):
            for first in range(start, start + 48, size):
                collection.add(Record(id=f"{i}", text=f"common unique{i}") for i in range(first, first + size))
                most.append(len(segments.counting(stored(collection))))
        assert max(most) <= 12, "two of each of six sizes, where 48 were written"
        assert found(collection) == pytest.approx(
            dict.fromkeys(map(str, range(192)), next(iter(found(collection).values())))
        )
        collection.maintain()
        (one,) = stored(collection)
    assert (one.records, one.made, one.target) == (192, None, None)
    assert {blocks.taken_apart(place)[0] for place, _ in rows(collection)} == {one.segment}, "nothing is left behind"


def test_what_callers_add_in_their_own_transactions_is_kept_in_order_once_it_is_committed(
    collection: Collection,
) -> None:
    with small_segments():
        for i in range(24):
            with collection.database.write(collection.owner) as tx:
                collection.add([Record(id=f"{i}", text=f"common unique{i}")], tx=tx)
                assert tx.afterwards
        assert len(segments.counting(stored(collection))) in range(1, 9)
        before = stored(collection)
        with pytest.raises(ZeroDivisionError):
            _add_and_fail(collection)
    assert stored(collection) == before
    assert len(found(collection)) == 24


def _add_and_fail(collection: Collection) -> None:
    with collection.database.write(collection.owner) as tx:
        collection.add([Record(text="common") for _ in range(9)], tx=tx)
        raise ZeroDivisionError


def test_a_search_sees_no_difference_after_any_step(collection: Collection) -> None:
    with small_segments(), mock.patch.object(merging, "STEP_AT", 1 << 40):
        for start in range(0, 64, 8):
            collection.add(Record(id=f"{i}", text=f"common unique{i}") for i in range(start, start + 8))
        before = found(collection)
        steps = 0
        while step(collection, everything=True):
            steps += 1
            assert found(collection) == before
            assert found(collection, "unique17").keys() == {"17"}
    assert steps > 10


def test_what_is_deleted_during_a_merge_leaves_both_sides(collection: Collection) -> None:
    chance = random.Random(3)
    left = {f"{i}" for i in range(48)}
    with small_segments(), mock.patch.object(merging, "STEP_AT", 1 << 40):
        for start in range(0, 48, 8):
            collection.add(Record(id=f"{i}", text=f"common unique{i}") for i in range(start, start + 8))
        while step(collection, everything=True):
            gone = chance.sample(sorted(left), min(len(left), 2))
            collection.delete(gone)
            left -= set(gone)
            assert found(collection).keys() == left
            seqs = {seq for (seq, *_) in _texts(collection)}
            for segment in stored(collection):
                assert {segment.first_seq + delta for delta in deltas(collection, segment.segment)} <= seqs
        assert sum(segment.records for segment in stored(collection)) == len(left)


def _texts(collection: Collection) -> list[tuple[int]]:
    everything = {"owner": collection.owner, "collection": collection.name, "first": 0, "last": 1 << 40}
    with collection.database.read(collection.owner) as tx:
        return tx.query("lexical_texts", everything)


def test_small_segments_do_not_wait_for_large_ones(collection: Collection) -> None:
    with small_segments(), mock.patch.object(merging, "STEP_AT", 1 << 40):
        for size in (32, 32, 4, 4):
            collection.add(Record(text=f"common {uuid.uuid4().hex}") for _ in range(size))
            step(collection)
        targets = {segment.segment: segment for segment in stored(collection) if segment.made is not None}
        assert sorted(target.records for target in targets.values()) in ([64], [8, 64])
        while 8 not in {s.records for s in segments.counting(stored(collection))}:
            assert step(collection)
        assert any(segment.records == 64 and segment.made is not None for segment in stored(collection))


def test_a_large_segment_is_left_alone_when_little_was_added(collection: Collection) -> None:
    with small_segments():
        fill(collection, 64, 64)
        collection.maintain()
        (large,) = stored(collection)
        fill_more = [Record(text="common more") for _ in range(5)]
        collection.add(fill_more)
        with mock.patch.object(merging, "MERGE_AT", 8):
            collection.maintain()
        assert large.segment in {segment.segment for segment in stored(collection)}


def test_no_step_reads_more_than_a_part_of_every_segment(collection: Collection) -> None:
    with small_segments(), mock.patch.object(merging, "STEP_AT", 1 << 40):
        for start in range(0, 400, 100):
            collection.add(Record(id=f"{i}", text=f"unique{i} rare{i // 2}") for i in range(start, start + 100))
        before = len(rows(collection))
        made = []
        while step(collection, everything=True):
            after = len(rows(collection))
            made.append(after - before)
            before = after
    assert len(made) > 50
    assert max(map(abs, made)) < 120


pieces = st.lists(
    st.dictionaries(st.integers(0, 5), st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=5), max_size=4),
    min_size=1,
    max_size=4,
)


@given(pieces)
def test_what_is_merged_has_every_posting_in_order(given: list[dict[int, set[int]]]) -> None:
    found = merging.merged([_postings(piece) for piece in given])
    assert found.keys.tolist() == sorted({key for piece in given for key in piece})
    for number, key in enumerate(found.keys.tolist()):
        one = blocks.some(found, number, number + 1)
        assert one.deltas.tolist() == sorted(delta for piece in given for delta in piece.get(key, ()))
        assert (one.weights == one.deltas % 1_000 + 1).all()


def _postings(terms: dict[int, set[int]]) -> Postings:
    deltas = np.array([delta for key in sorted(terms) for delta in sorted(terms[key])], np.uint32)
    ends = np.cumsum([len(terms[key]) for key in sorted(terms)], dtype=np.int64)
    return Postings(np.array(sorted(terms), np.uint64), ends, deltas, (deltas % 1_000 + 1).astype(np.uint16))
