"""A directory of any layout gives back what was put in, wherever its vectors are, and is never written."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stoic_emperor.legacy.chroma import ChromaRecord, Unreadable, open_chroma
from stoic_emperor.testing.chroma import LAYOUTS, ChromaWriter, Layout

Fingerprint = Callable[[Path], object]


def vector(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def records(path: Path, name: str = "semantic") -> dict[str, ChromaRecord | Unreadable]:
    with open_chroma(path) as directory:
        items = list(directory.read(directory.collection(name)))
        assert len({item.id for item in items}) == len(items)
        return {item.id: item for item in items}


def vectors(path: Path) -> dict[str, bytes | None]:
    return {id_: record.vector for id_, record in records(path).items() if isinstance(record, ChromaRecord)}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param  # type: ignore[no-any-return]


def test_what_was_stored_comes_back_and_nothing_is_written(
    tmp_path: Path, layout: Layout, fingerprint: Fingerprint
) -> None:
    path = tmp_path / "db"
    with ChromaWriter(path, layout, sync_threshold=4) as writer:
        semantic = writer.collection("semantic", metadata={"note": "about", "n": 3, "yes": True, "half": 0.5})
        for n in range(10):
            semantic.add(f"é漢 {n}", vector(n, -n), f"text \0 {n}", {"user_id": "u", "n": n})
        writer.collection("empty")
    before = fingerprint(path)
    with open_chroma(path) as directory:
        full, empty = directory.collections
        assert (full.name, full.dimension, full.space, full.count) == ("semantic", 2, "l2", 10)
        assert full.metadata == {"note": "about", "n": 3, "yes": True, "half": 0.5}
        assert (empty.name, empty.dimension, empty.count) == ("empty", None, 0)
        assert list(directory.read(empty)) == []
        found = list(directory.read(full))
        assert [record.key for record in found] == list(directory.keys(full)) == sorted(r.key for r in found)
        assert found[3] == ChromaRecord(
            key=found[3].key,
            id="é漢 3",
            document="text \0 3",
            metadata={"user_id": "u", "n": 3},
            vector=vector(3, -3),
            created_at="2026-01-06 12:00:04",
        )
        assert [r.vector for r in found if isinstance(r, ChromaRecord)] == [vector(n, -n) for n in range(10)]
        assert not directory.changed()
    assert fingerprint(path) == before


def test_a_range_of_keys_gives_just_that(tmp_path: Path, layout: Layout) -> None:
    with ChromaWriter(tmp_path / "db", layout) as writer:
        one, other = writer.collection("semantic"), writer.collection("episodic")
        for n in range(20):
            (one if n % 3 else other).add(f"{n}", vector(n))
    with open_chroma(tmp_path / "db") as directory:
        for name in ("semantic", "episodic"):
            collection = directory.collection(name)
            keys = list(directory.keys(collection))
            whole = list(directory.read(collection))
            assert [*directory.read(collection, keys[0], keys[2]), *directory.read(collection, keys[3])] == whole


@pytest.mark.parametrize("value", ["", "text", "\0", 0, -1, 2**62, True, False, 1.0, 1e300, math.inf, 5e-324], ids=repr)
def test_metadata_keeps_type_and_value(tmp_path: Path, layout: Layout, value: Any) -> None:
    with ChromaWriter(tmp_path / "db", layout) as writer:
        writer.collection("semantic").add("a", vector(1), None, {"k": value})
    found = records(tmp_path / "db")["a"]
    assert isinstance(found, ChromaRecord)
    assert found.document is None
    assert repr(dict(found.metadata)) == repr({"k": value})


def test_lists_in_metadata_keep_order_and_types(tmp_path: Path) -> None:
    stored = {"s": ["b", "a", "b"], "i": [3, 1], "f": [1.0, 0.5], "b": [True, False], "plain": 1}
    with ChromaWriter(tmp_path / "db", "1.5") as writer:
        writer.collection("semantic").add("a", vector(1), "d", stored)
    found = records(tmp_path / "db")["a"]
    assert isinstance(found, ChromaRecord)
    assert json.dumps(dict(found.metadata), sort_keys=True) == json.dumps(stored, sort_keys=True)


@pytest.mark.parametrize("threshold", [1, 1000])
def test_every_bit_of_a_vector_is_kept(tmp_path: Path, layout: Layout, threshold: int) -> None:
    odd = bytes.fromhex("0000c07f 010080ff 0000807f 000080ff 00000080 01000000 efbeadde".replace(" ", ""))
    with ChromaWriter(tmp_path / "db", layout, sync_threshold=threshold) as writer:
        writer.collection("semantic").add("a", odd)
    assert vectors(tmp_path / "db") == {"a": odd}


@pytest.mark.parametrize("space", ["l2", "ip", "cosine"])
def test_the_metric_is_told_and_a_cosine_index_gives_its_vectors_back_at_their_length(
    tmp_path: Path, layout: Layout, space: str
) -> None:
    numbers = np.random.default_rng(1).standard_normal((20, 8)).astype("<f4")
    with ChromaWriter(tmp_path / "db", layout, sync_threshold=20) as writer:
        semantic = writer.collection("semantic", space=space)
        for n, row in enumerate(numbers):
            semantic.add(str(n), row.tobytes())
    with open_chroma(tmp_path / "db") as directory:
        assert directory.collections[0].space == space
    found = np.array([np.frombuffer(v or b"", "<f4") for v in vectors(tmp_path / "db").values()])
    np.testing.assert_allclose(found, numbers, rtol=0 if space != "cosine" else 3e-7)


@pytest.mark.parametrize("where", ["collection", "segment"])
def test_the_metric_noted_by_older_versions_counts(tmp_path: Path, where: str) -> None:
    with ChromaWriter(tmp_path / "db", "0.5") as writer:
        made = writer.collection("semantic")
        id_ = made.id if where == "collection" else made.vector_segment
        writer.connection.execute(
            f"INSERT INTO {where}_metadata VALUES (?, 'hnsw:space', 'cosine', NULL, NULL, NULL)", (id_,)
        )
    with open_chroma(tmp_path / "db") as directory:
        assert directory.collections[0].space == "cosine"


def test_files_of_an_index_that_was_never_saved_mean_nothing(tmp_path: Path, layout: Layout) -> None:
    with ChromaWriter(tmp_path / "db", layout) as writer:
        semantic = writer.collection("semantic")
        semantic.add("a", vector(1, 2))
        folder = tmp_path / "db" / semantic.vector_segment
        folder.mkdir()
        for name in ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin"):
            (folder / name).write_bytes(b"\xff" * 1676)
    assert vectors(tmp_path / "db") == {"a": vector(1, 2)}


@pytest.mark.parametrize("threshold", [1, 2, 3, 4, 5, 100])
def test_what_came_after_the_index_was_saved_wins(tmp_path: Path, layout: Layout, threshold: int) -> None:
    with ChromaWriter(tmp_path / "db", layout, sync_threshold=threshold) as writer:
        semantic = writer.collection("semantic")
        semantic.add("changed", vector(1), "old", {"a": 1, "b": 2})
        semantic.add("deleted", vector(2))
        semantic.add("again", vector(3), "first", {"gone": True})
        semantic.add("again", vector(4), "ignored")
        semantic.update("never", vector(5))
        semantic.update("changed", vector(6))
        semantic.update("changed", None, "new")
        semantic.update("changed", None, None, {"b": None, "c": 3})
        semantic.delete("deleted")
        semantic.delete("again")
        semantic.add("again", vector(7), "second")
        semantic.upsert("upserted", vector(8), "one", {"k": 1})
        semantic.upsert("upserted", vector(9), None, {"k": 2})
    found = records(tmp_path / "db")
    assert vectors(tmp_path / "db") == {"changed": vector(6), "again": vector(7), "upserted": vector(9)}
    by_id = {id_: (r.document, dict(r.metadata)) for id_, r in found.items() if isinstance(r, ChromaRecord)}
    assert by_id == {"changed": ("new", {"a": 1, "c": 3}), "again": ("second", {}), "upserted": ("one", {"k": 2})}


IDS = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(0, 9).map(float)
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "update", "upsert", "delete", "text"]), IDS, NUMBERS), min_size=1, max_size=25
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(STEPS, st.sampled_from(LAYOUTS), st.integers(1, 12), st.integers(0, 25))
def test_any_operations_lead_where_they_should(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, str, float]],
    layout: Layout,
    threshold: int,
    shown: int,
) -> None:
    path = tmp_path_factory.mktemp("any") / "db"
    expected: dict[str, tuple[bytes, str | None]] = {}
    with ChromaWriter(path, layout, sync_threshold=threshold) as writer:
        semantic = writer.collection("semantic")
        for n, (operation, id_, number) in enumerate(steps):
            # As if the program had been killed before its tables showed the rest.
            semantic.follows = n < shown
            if operation == "add":
                semantic.add(id_, [number], f"{n}")
                expected.setdefault(id_, (vector(number), f"{n}"))
            elif operation == "upsert":
                semantic.upsert(id_, [number], f"{n}")
                expected[id_] = (vector(number), f"{n}")
            elif operation == "delete":
                semantic.delete(id_)
                expected.pop(id_, None)
            elif id_ in expected:
                old = expected[id_]
                semantic.update(id_, *((None, f"{n}") if operation == "text" else ([number], None)))
                expected[id_] = (old[0], f"{n}") if operation == "text" else (vector(number), old[1])
            else:
                semantic.update(id_, [number], "nobody")
    found = {id_: (r.vector, r.document) for id_, r in records(path).items() if isinstance(r, ChromaRecord)}
    assert found == expected


def test_a_collection_of_another_database_keeps_apart(tmp_path: Path) -> None:
    with ChromaWriter(tmp_path / "db") as writer:
        writer.collection("semantic").add("a", vector(1))
        writer.collection("semantic", database="other").add("a", vector(2))
    with open_chroma(tmp_path / "db") as directory:
        mine, other = directory.collections
        assert [c.is_default for c in (mine, other)] == [True, False]
        assert directory.collection("semantic") == mine
        assert [r.vector for c in (mine, other) for r in directory.read(c)] == [vector(1), vector(2)]
        with pytest.raises(KeyError):
            directory.collection("nothing")


def test_a_directory_upgraded_in_place_goes_by_the_table_not_by_its_old_id_map(tmp_path: Path) -> None:
    with ChromaWriter(tmp_path / "db", "0.5", sync_threshold=2) as writer:
        semantic = writer.collection("semantic")
        for id_, number in (("a", 1), ("b", 2)):
            semantic.add(id_, [number])
        semantic.update("a", [3])
        # As 0.6 and 1.x note it; the id map goes on saying 2, and the files, here, never saw the third operation.
        segment = (semantic.vector_segment, (3).to_bytes(8, "big"))
        writer.connection.execute("INSERT INTO max_seq_id VALUES (?, ?)", segment)
        semantic.writer.sync_threshold = 1000
        semantic.update("b", [4])
    assert vectors(tmp_path / "db") == {"a": vector(1), "b": vector(4)}
