"""Search by meaning in SQLite: as good as comparing everything, and never behind what is in the file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from capsa.records import Filter, Record
from capsa.sqlite import codes
from capsa.store import Collection, Store

DIMENSIONS = 48


@pytest.fixture
def notes(sqlite_url: str) -> Iterator[Collection]:
    with Store.open(sqlite_url) as store:
        yield store.collection("notes")


@pytest.fixture
def elsewhere(sqlite_url: str, notes: Collection) -> Iterator[Collection]:
    """The same collection, as another process has it open."""
    with Store.open(sqlite_url) as store:
        yield store.collection("notes")


def random_vectors(count: int, seed: int = 1) -> NDArray[np.float32]:
    # Clustered, as those of texts are; independent ones would all be equally far.
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((count // 20 + 1, DIMENSIONS))
    spread = generator.standard_normal((count, DIMENSIONS)) * 0.6
    return (centres[np.arange(count) % len(centres)] + spread).astype(np.float32)


def add(notes: Collection, vectors: NDArray[np.float32], prefix: str = "r") -> None:
    records = [Record(id=f"{prefix}{i}", text="text", session_id=f"s{i % 10}") for i in range(len(vectors))]
    notes.add(records, vectors=vectors, model="m")


def nearest(notes: Collection, query: NDArray[np.float32], limit: int = 10, filter_: Filter | None = None) -> list[str]:
    return [hit.record.id for hit in notes.search_vector(query, limit=limit, filter=filter_, model="m")]


def exactly(vectors: NDArray[np.float32], query: NDArray[np.float32], limit: int = 10) -> list[str]:
    cosines = vectors @ query / np.linalg.norm(vectors, axis=1)
    return [f"r{i}" for i in np.argsort(-cosines)[:limit]]


def test_what_is_found_is_what_comparing_everything_finds(notes: Collection) -> None:
    vectors = random_vectors(6_000)
    add(notes, vectors)
    queries = random_vectors(6_000, seed=2)[:40] * 0.3 + vectors[:40]
    right = sum(len(set(nearest(notes, query)) & set(exactly(vectors, query))) for query in queries)
    assert right / 400 >= 0.97
    for limit in (1, 300, 2_000):
        found = notes.search_vector(queries[0], limit=limit, model="m")
        assert len(found) == limit
        for hit in found[:5]:
            vector = vectors[int(hit.record.id[1:])]
            expected = vector @ queries[0] / np.linalg.norm(vector) / np.linalg.norm(queries[0])
            assert hit.score == pytest.approx(float(expected), abs=1e-5)
    few = nearest(notes, queries[0], limit=600, filter_=Filter(session_id="s3"))
    assert sorted(few) == sorted(f"r{i}" for i in range(3, 6_000, 10))


def test_a_search_sees_what_others_added_changed_and_removed_since(notes: Collection, elsewhere: Collection) -> None:
    vectors = random_vectors(400)
    add(notes, vectors)
    query = vectors[7]
    assert nearest(elsewhere, query, 1) == ["r7"]
    add(notes, random_vectors(400, seed=3), prefix="late")
    notes.set_vector("late9", query * 2, model="m")
    assert set(nearest(elsewhere, query, 2)) == {"r7", "late9"}
    notes.delete(["r7"])
    assert nearest(elsewhere, query, 1) == ["late9"]
    notes.set_vector("late9", -query, model="m")
    assert "late9" not in nearest(elsewhere, query, 5)
    notes.clear()
    assert nearest(elsewhere, query) == []
    add(notes, vectors)
    assert nearest(elsewhere, query, 1) == ["r7"]


def test_a_search_sees_the_first_vector_of_a_record_older_than_those_it_knows(
    notes: Collection, elsewhere: Collection
) -> None:
    vectors = random_vectors(3)
    notes.add([Record(id="old", text="old")])
    add(notes, vectors[:2])
    assert set(nearest(elsewhere, vectors[2])) == {"r0", "r1"}
    notes.set_vector("old", vectors[2], model="m")
    assert nearest(elsewhere, vectors[2], 1) == ["old"]


def test_what_was_removed_takes_nobodys_place(notes: Collection, elsewhere: Collection) -> None:
    query = random_vectors(1)[0]
    noise = random_vectors(1_000, seed=5)
    add(notes, query + 0.01 * noise, prefix="near")
    add(notes, noise[:20] - query, prefix="far")
    assert all(id_.startswith("near") for id_ in nearest(elsewhere, query))
    notes.delete(f"near{i}" for i in range(1_000))
    assert len(nearest(elsewhere, query)) == 10


def test_an_older_snapshot_is_not_disturbed_by_a_newer_one(notes: Collection) -> None:
    add(notes, random_vectors(10))
    query = random_vectors(10)[3]
    with notes.database.read(notes.owner) as tx:
        tx.execute("SELECT count(*) FROM capsa_records")
        add(notes, random_vectors(10), prefix="new")
        nearest(notes, query)
        model = notes.store.model(tx, "m")
        assert model is not None
        space = notes.space(tx, "m")
        assert space is not None
        found = notes.database.vectors.nearest(tx, space, query, 20)
    assert len(found) == 10


def test_models_and_collections_have_codes_of_their_own(notes: Collection) -> None:
    other = notes.store.collection("other")
    notes.add([Record(id="a", text="a")], vectors=[[1.0] * 64], model="one")
    notes.add([Record(id="b", text="b")], vectors=[[1.0] * 200], model="two")
    other.add([Record(id="c", text="c")], vectors=[[1.0] * 64], model="one")
    assert [h.record.id for h in notes.search_vector([1.0] * 64, model="one")] == ["a"]
    assert [h.record.id for h in notes.search_vector([1.0] * 200, model="two")] == ["b"]
    assert [h.record.id for h in other.search_vector([1.0] * 64, model="one")] == ["c"]


finite = st.floats(-2, 2, width=32)
matrices = arrays.arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 150)), elements=finite)


@given(matrices)
def test_the_distance_is_the_number_of_signs_that_differ(matrix: NDArray[np.float32]) -> None:
    encoded = codes.encode(matrix)
    assert {len(code) for code in encoded} == {codes.code_bytes(matrix.shape[1])}
    kept = codes.Codes.empty(matrix.shape[1], 0)
    kept.extend([(10 * place, code) for place, code in enumerate(encoded, 1)])
    expected = ((matrix > 0) != (matrix[0] > 0)).sum(axis=1)
    assert kept.distances(codes._code(matrix[0])).tolist() == expected.tolist()
    assert kept.seqs[: kept.count].tolist() == [10 * place for place in range(1, len(matrix) + 1)]
    assert kept.last_seq == 10 * len(matrix)


@given(matrices)
def test_the_weight_is_the_sum_of_the_query_where_a_vector_is_positive(matrix: NDArray[np.float32]) -> None:
    kept = codes.Codes.empty(matrix.shape[1], 0)
    kept.extend(list(enumerate(codes.encode(matrix))))
    places = np.arange(len(matrix))[::-1]
    expected = np.where(matrix > 0, matrix[0], 0).sum(axis=1)[::-1]
    assert kept.weigh(places, matrix[0]) == pytest.approx(expected, abs=1e-3)


def test_few_are_compared_exactly_and_the_right_ones() -> None:
    vectors = random_vectors(6_000)
    kept = codes.Codes.empty(DIMENSIONS, 0)
    kept.extend(list(enumerate(codes.encode(vectors))))
    queries = random_vectors(6_000, seed=2)[:40] * 0.3 + vectors[:40]
    right = 0
    for query in queries:
        compared = codes._candidates(kept, query, 3, None)
        assert len(compared) == codes.MIN_CANDIDATES
        right += len({f"r{place}" for place in compared} & set(exactly(vectors, query, 3)))
    assert right / 120 >= 0.97
    assert codes._candidates(kept, queries[0], 3, np.arange(50, 90)).tolist() == list(range(50, 90))


@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=6))
def test_there_is_room_for_whatever_comes(sizes: list[int]) -> None:
    kept = codes.Codes.empty(DIMENSIONS, 0)
    total = 0
    for size in sizes:
        code = codes.encode(np.ones((1, DIMENSIONS), np.float32))[0]
        kept.extend([(total + i, code) for i in range(size)])
        total += size
    assert kept.count == total
    assert kept.seqs[:total].tolist() == list(range(total))
    assert not kept.distances(codes._code(np.ones(DIMENSIONS, np.float32))).any()
