"""The records of a Chroma directory arrive in a database of either dialect, whole, and belong to whom they should."""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capsa import PUBLIC_OWNER, Record, Store, open_database, transfer
from stoic_emperor.legacy.chroma.source import LONG_SESSION, MODEL, NO_TIME, ChromaSource
from stoic_emperor.testing.chroma import LAYOUTS, ChromaWriter, Layout

WHEN = dt.datetime(2026, 1, 6, 12, 0, tzinfo=dt.UTC)


def unit(n: int, dimensions: int = 384) -> np.ndarray:
    return np.random.default_rng(n).standard_normal(dimensions).astype("<f4")


def move(path: Path, url: str, **options: Any) -> transfer.Report:
    with closing(ChromaSource.open(path, **options)) as source, open_database(url) as target:
        return transfer.transfer(source, target)


def stored(url: str, collection: str, owner: str, model: str = MODEL) -> dict[str, tuple[Record, bytes | None]]:
    with open_database(url) as database:
        found = Store(database, embedder=None).collection(collection, owner=owner)
        return {
            record.id: (record, None if vector is None else vector.astype("<f4").tobytes())
            for record, vector in found.iterate_with_vectors(model=model)
        }


def write(path: Path, layout: Layout = "1.5") -> None:
    """What the predecessor kept: two people's memories and the library, some of it in the files of the index."""
    with ChromaWriter(path, layout, sync_threshold=5) as writer:
        episodic, semantic = writer.collection("episodic"), writer.collection("semantic")
        wisdom, psyche = writer.collection("stoic_wisdom"), writer.collection("psychoanalysis")
        for n in range(14):
            user = {"user_id": f"user {n % 2}"}
            episodic.add(f"e{n}", unit(n).tobytes(), f"turn \0 {n}", {**user, "session_id": f"s{n}", "type": "turn"})
            semantic.add(f"i{n}", unit(n + 100).tobytes(), f"insight {n}", {**user, "confidence": n / 10})
            wisdom.add(f"w{n}", unit(n + 200).tobytes(), f"passage {n}", {"author": "Seneca", "work": "Letters"})
            psyche.add(f"p{n}", unit(n + 300).tobytes(), f"page {n}", {"author": "", "work": "Lectures"})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_collection_arrives_under_its_name_and_owner(tmp_path: Path, store_url: str, layout: Layout) -> None:
    write(tmp_path / "db", layout)
    report = move(tmp_path / "db", store_url)
    assert report.complete
    assert (report.source_rows, report.migrated, report.failed) == (56, 56, 0)
    assert report.zone == "UTC"
    assert report.layout.startswith("ChromaDB")

    mine = stored(store_url, "episodic", "user 1")
    assert mine.keys() == {f"e{n}" for n in range(1, 14, 2)}
    record, vector = mine["e3"]
    assert (record.text, record.session_id, record.title) == ("turn \0 3", "s3", None)
    assert record.metadata == {"user_id": "user 1", "session_id": "s3", "type": "turn"}
    assert vector == unit(3).tobytes()
    assert record.created_at == WHEN.replace(second=13)
    assert record.created_at_text == "2026-01-06 12:00:13"

    insight, vector = stored(store_url, "semantic", "user 0")["i4"]
    assert (insight.text, insight.session_id, insight.metadata["confidence"]) == ("insight 4", None, 0.4)
    assert vector == unit(104).tobytes()
    passage, vector = stored(store_url, "stoic_wisdom", PUBLIC_OWNER)["w13"]
    assert (passage.text, passage.title, vector) == ("passage 13", "Seneca, Letters", unit(213).tobytes())
    page, _ = stored(store_url, "psychoanalysis", PUBLIC_OWNER)["p0"]
    assert (page.text, page.title) == ("page 0", "Lectures")


def test_a_second_run_finds_everything_there(tmp_path: Path, sqlite_url: str) -> None:
    write(tmp_path / "db")
    move(tmp_path / "db", sqlite_url)
    again = move(tmp_path / "db", sqlite_url)
    assert (again.migrated, again.skipped, again.complete) == (0, 56, True)


def test_small_ranges_give_the_same(tmp_path: Path, sqlite_url: str) -> None:
    write(tmp_path / "db")
    with closing(ChromaSource.open(tmp_path / "db")) as source, open_database(sqlite_url) as target:
        (episodic, *_) = source.parts
        assert [planned.rows for planned in source.plan(episodic, 4)] == [4, 4, 4, 2]
        assert transfer.transfer(source, target, transfer.Options(range_rows=4)).complete


def test_what_is_written_meanwhile_comes_along(tmp_path: Path, sqlite_url: str) -> None:
    with ChromaWriter(tmp_path / "db", sync_threshold=3) as writer:
        semantic = writer.collection("semantic")
        semantic.add("a", unit(1).tobytes(), "one", {"user_id": "u"})
        with closing(ChromaSource.open(tmp_path / "db")) as source, open_database(sqlite_url) as target:
            for n in range(2, 7):
                semantic.add(f"a{n}", unit(n).tobytes(), "more", {"user_id": "u"})
            assert source.changed()
            assert transfer.transfer(source, target).complete
    assert len(stored(sqlite_url, "semantic", "u")) == 6


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no user": ("a", {}, "names no user"),
    "an empty user": ("a", {"user_id": ""}, "user_id is empty"),
    "a user that is a number": ("a", {"user_id": 7}, "no text"),
    "a user that would be everybody": ("a", {"user_id": "@public"}, "stands for everybody"),
    "a user beyond a key": ("a", {"user_id": "u" * 513}, "longer than 512"),
    "an id beyond a key": ("i" * 513, {"user_id": "u"}, "longer than 512"),
}


@pytest.mark.parametrize("collection", ["episodic", "semantic", "something_else"])
@pytest.mark.parametrize(("id_", "metadata", "reason"), REFUSED.values(), ids=list(REFUSED))
def test_what_has_no_place_is_kept_aside_with_its_reason_and_stops_nothing(  # noqa: PLR0917 - fixtures come by name
    tmp_path: Path, sqlite_url: str, collection: str, id_: str, metadata: dict[str, Any], reason: str
) -> None:
    with ChromaWriter(tmp_path / "db") as writer:
        made = writer.collection(collection)
        made.add(id_, unit(1).tobytes(), "text \0", {**metadata, "k": "v"})
        made.add("good", unit(2).tobytes(), "text", {"user_id": "u"})
    report = move(tmp_path / "db", sqlite_url)
    assert (report.migrated, report.quarantined_rows, report.complete) == (1, 1, False)
    assert reason in report.quarantined[0]
    with open_database(sqlite_url) as database, database.maintain() as tx:
        ((content,),) = tx.execute("SELECT content FROM capsa_quarantine")
    kept = json.loads(content)
    assert kept["id"]["value"] == id_
    assert kept["document"]["value"] == "text \0"
    assert json.loads(kept["metadata"]["value"]) == {**metadata, "k": "v"}
    assert "base64" in kept["vector"]


def test_records_without_a_user_may_be_given_to_one(tmp_path: Path, sqlite_url: str) -> None:
    with ChromaWriter(tmp_path / "db") as writer:
        writer.collection("notes").add("a", unit(1).tobytes(), "text")
    assert move(tmp_path / "db", sqlite_url, fallback_owner="me").complete
    assert stored(sqlite_url, "notes", "me").keys() == {"a"}


def test_a_vector_that_chroma_lost_does_not_lose_its_text(tmp_path: Path, sqlite_url: str) -> None:
    with ChromaWriter(tmp_path / "db", sync_threshold=3) as writer:
        semantic = writer.collection("semantic")
        for n in range(3):
            semantic.add(f"a{n}", unit(n).tobytes(), f"text {n}", {"user_id": "u"})
    (tmp_path / "db" / semantic.vector_segment / "data_level0.bin").write_bytes(b"")
    report = move(tmp_path / "db", sqlite_url, allow_missing_vectors=True)
    assert report.complete
    assert sum(report.remarks.values()) == 2
    assert all("no vector in Chroma" in remark for remark in report.remarks)
    found = stored(sqlite_url, "semantic", "u")
    assert [(r.text, v is not None) for r, v in found.values()] == [
        ("text 0", False),
        ("text 1", False),
        ("text 2", True),
    ]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_vector_that_cannot_be_compared_is_kept_bit_for_bit(tmp_path: Path, store_url: str, odd: float) -> None:
    vector = unit(1).tobytes()[:-4] + struct.pack("<f", odd)
    with ChromaWriter(tmp_path / "db") as writer:
        writer.collection("semantic").add("a", vector, "text", {"user_id": "u"})
    report = move(tmp_path / "db", store_url)
    assert report.complete
    assert [remark for remark in report.remarks if "not searchable" in remark]
    with open_database(store_url) as database, database.maintain() as tx:
        assert tx.execute("SELECT vector, raw FROM capsa_embeddings") == [(None, vector)]


def test_vectors_of_other_dimensions_are_never_taken_for_those_of_chromas_model(
    tmp_path: Path, sqlite_url: str
) -> None:
    with ChromaWriter(tmp_path / "db") as writer:
        writer.collection("semantic").add("a", unit(1, 8).tobytes(), "text", {"user_id": "u"})
    assert move(tmp_path / "db", sqlite_url).complete
    assert stored(sqlite_url, "semantic", "u", "chroma:unknown-8")["a"][1] == unit(1, 8).tobytes()


def test_a_named_model_is_believed(tmp_path: Path, sqlite_url: str) -> None:
    with ChromaWriter(tmp_path / "db") as writer:
        writer.collection("semantic").add("a", unit(1, 8).tobytes(), "text", {"user_id": "u"})
    assert move(tmp_path / "db", sqlite_url, model="mine").complete
    assert stored(sqlite_url, "semantic", "u", "mine")["a"][1] == unit(1, 8).tobytes()


def test_metadata_is_kept_whole(tmp_path: Path, store_url: str) -> None:
    metadata = {"user_id": "u", "z": 1, "a": 1.0, "b": True, "n": "\0 漢", "f": math.inf, "l": ["x", "\0"], "i": 2**62}
    with ChromaWriter(tmp_path / "db") as writer:
        writer.collection("semantic").add("a\0", unit(1).tobytes(), None, {**metadata, "session_id": "s" * 600})
    report = move(tmp_path / "db", store_url)
    assert report.complete
    assert LONG_SESSION in report.remarks
    record, _ = stored(store_url, "semantic", "u")["a\0"]
    assert repr(sorted(record.metadata.items())) == repr(sorted({**metadata, "session_id": "s" * 600}.items()))
    assert (record.session_id, record.text) == (None, "")


@pytest.mark.parametrize(
    ("spelled", "remark"),
    [("2026-01-06T12:00:00Z", None), ("yesterday", transfer.UNREADABLE), (b"\xff", NO_TIME)],
)
def test_other_times_are_kept_as_spelled(tmp_path: Path, sqlite_url: str, spelled: Any, remark: str | None) -> None:
    with ChromaWriter(tmp_path / "db") as writer:
        writer.collection("semantic").add("a", unit(1).tobytes(), "t", {"user_id": "u"})
        writer.connection.execute("UPDATE embeddings SET created_at = ?", (spelled,))
    report = move(tmp_path / "db", sqlite_url)
    assert report.complete
    assert set(report.remarks) == ({remark} if remark else set())
    record, _ = stored(sqlite_url, "semantic", "u")["a"]
    assert record.created_at_text == str(spelled)


def test_what_stays_behind_is_said(tmp_path: Path) -> None:
    with ChromaWriter(tmp_path / "db", sync_threshold=2) as writer:
        semantic = writer.collection("semantic", metadata={"note": "mine", "hnsw:space": "l2"})
        semantic.add("a", unit(1).tobytes(), "one", {"user_id": "u"})
        semantic.add("ghost", unit(2).tobytes(), "two", {"user_id": "u"})
        writer.connection.execute("DELETE FROM embeddings WHERE embedding_id = 'ghost'")
    with closing(ChromaSource.open(tmp_path / "db")) as source:
        assert [line for line in source.description.not_carried if "semantic" in line] == [
            "chroma semantic: notes on the collection itself (note)",
            "chroma semantic: 1 vectors without a record, most likely of deleted ones (ghost)",
        ]
        (part,) = source.parts
        (planned,) = source.plan(part)
        assert sum(map(len, source.read(part, planned.first, planned.last))) == 1


@pytest.mark.slow
def test_the_predecessors_own_directory_arrives_bit_for_bit(data: Path, tmp_path: Path, store_url: str) -> None:
    with tarfile.open(data / "chroma_0.5.5.tar.xz") as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (path,) = (tmp_path / "unpacked").iterdir()
    report = move(path, store_url)
    assert (report.complete, report.migrated, report.failed) == (True, 2512, 0)
    truth = json.loads((data / "truth_chroma_0.5.5.json").read_text("utf-8"))
    with np.load(data / "truth_chroma_0.5.5.npz") as arrays:
        for name, records in truth.items():
            vectors = dict(zip(arrays[f"{name}_ids"].tolist(), arrays[name], strict=True))
            personal = name in ("episodic", "semantic")
            owners = {m["user_id"] for _, m in records.values()} if personal else {PUBLIC_OWNER}
            found = {id_: item for owner in owners for id_, item in stored(store_url, name, owner).items()}
            assert found.keys() == records.keys()
            for id_, (record, vector) in found.items():
                assert [record.text, dict(record.metadata)] == records[id_]
                assert vector == vectors[id_].astype("<f4").tobytes()
