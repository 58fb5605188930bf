"""What Chroma itself could not give back is said record by record; a damaged or busy directory is a clear error."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from capsa import DatabaseBusy, SourceMissing, SourceUnreadable
from stoic_emperor.legacy.chroma import ChromaRecord, Unreadable, open_chroma, private_copy
from stoic_emperor.legacy.chroma.assembling import ORPHAN
from stoic_emperor.testing.chroma import ChromaWriter, CollectionWriter, Layout

Fingerprint = Callable[[Path], object]
COUNT = 12
#: The writer's elements: links, three numbers, label.
ELEMENT_BYTES = 4 + 4 * 32 + 4 * 3 + 8


def numbers(n: int) -> bytes:
    return struct.pack("<3f", n, 0.5, -n)


def written(path: Path, layout: Layout = "1.5", *, saved: int = 8) -> CollectionWriter:
    """Twelve records, of which the first ``saved`` are in the files of the index."""
    with ChromaWriter(path, layout, sync_threshold=saved) as writer:
        semantic = writer.collection("semantic")
        for n in range(COUNT):
            semantic.add(f"r{n}", numbers(n), f"text {n}", {"user_id": "u"})
    return semantic


def flaws(path: Path) -> dict[str, str | None]:
    """The flaw of each record; those without one have the right vector, and all have their text."""
    found = {}
    with open_chroma(path) as directory:
        for record in directory.read(directory.collection("semantic")):
            assert isinstance(record, ChromaRecord)
            assert record.document == f"text {record.id[1:]}"
            if record.flaw is None:
                assert record.vector == numbers(int(record.id[1:]))
            found[record.id] = record.flaw
    assert len(found) == COUNT
    return found


def lost(path: Path) -> set[str]:
    return {id_ for id_, flaw in flaws(path).items() if flaw is not None}


def edit(path: Path, statement: str, *parameters: object) -> None:
    connection = sqlite3.connect(path / "chroma.sqlite3")
    connection.execute(statement, parameters)
    connection.commit()
    connection.close()


# Of 1.5, whose queue is purged: the index is all there is of the first seven; the eighth is in both.


def test_a_vector_file_that_is_cut_off_loses_the_records_behind_the_cut(tmp_path: Path) -> None:
    folder = tmp_path / "db" / written(tmp_path / "db").vector_segment
    os.truncate(folder / "data_level0.bin", 5 * ELEMENT_BYTES + 20)
    assert {id_: f for id_, f in flaws(tmp_path / "db").items() if f} == {
        "r5": "the file of its vector index is cut off before it",
        "r6": "the file of its vector index is cut off before it",
    }


@pytest.mark.parametrize("name", ["header.bin", "data_level0.bin"])
def test_a_missing_file_of_the_index_loses_what_only_it_had(tmp_path: Path, name: str) -> None:
    (tmp_path / "db" / written(tmp_path / "db").vector_segment / name).unlink()
    assert lost(tmp_path / "db") == {f"r{n}" for n in range(7)}
    with open_chroma(tmp_path / "db") as directory:
        assert directory.flaw(directory.collections[0]) == f"its vector index lacks {name}"


def test_a_missing_index_is_not_taken_for_one_that_was_never_saved(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "db" / written(tmp_path / "db").vector_segment)
    assert lost(tmp_path / "db") == {f"r{n}" for n in range(7)}


@pytest.mark.parametrize("content", [b"", b"garbage", pickle.dumps([1]), pickle.dumps({"id_to_label": {"r0": -1}})])
def test_an_id_map_that_is_none_loses_what_only_the_index_had(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "db" / written(tmp_path / "db").vector_segment / "index_metadata.pickle").write_bytes(content)
    assert lost(tmp_path / "db") == {f"r{n}" for n in range(7)}


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, b"\2"), (4, b"\1"), (20, b"\xff" * 8), (28, b"\0" * 8), (36, b"\xff" * 8), (44, b"\xff" * 8)],
    ids=["version", "level 0", "elements", "element size", "label", "vector"],
)
def test_a_header_that_contradicts_itself_is_not_believed(tmp_path: Path, at: int, value: bytes) -> None:
    header = tmp_path / "db" / written(tmp_path / "db").vector_segment / "header.bin"
    data = bytearray(header.read_bytes())
    data[at : at + len(value)] = value
    header.write_bytes(data)
    assert lost(tmp_path / "db") == {f"r{n}" for n in range(7)}


def test_an_element_marked_as_deleted_is_not_given(tmp_path: Path) -> None:
    with (tmp_path / "db" / written(tmp_path / "db").vector_segment / "data_level0.bin").open("r+b") as file:
        file.seek(2 * ELEMENT_BYTES + 2)
        file.write(b"\1")
    assert {id_: f for id_, f in flaws(tmp_path / "db").items() if f} == {
        "r2": "its vector index has it marked as deleted"
    }


def test_two_vectors_under_one_label_are_not_chosen_between(tmp_path: Path) -> None:
    with (tmp_path / "db" / written(tmp_path / "db").vector_segment / "data_level0.bin").open("r+b") as file:
        file.seek(3 * ELEMENT_BYTES - 8)
        file.write(struct.pack("<Q", 2))
    assert {id_: f for id_, f in flaws(tmp_path / "db").items() if f} == {
        "r1": "its vector index has two vectors under its label",
        "r2": "its vector index lacks it",
    }


def test_an_id_or_a_label_that_the_id_map_has_twice_makes_it_none(tmp_path: Path) -> None:
    file = tmp_path / "db" / written(tmp_path / "db").vector_segment / "index_metadata.pickle"
    state = pickle.loads(file.read_bytes())
    state["id_to_label"]["r1"] = state["id_to_label"]["r0"]
    file.write_bytes(pickle.dumps(state, 3))
    assert lost(tmp_path / "db") == {f"r{n}" for n in range(7)}


@pytest.mark.parametrize("damage", ["header.bin", "data_level0.bin", "index_metadata.pickle"])
def test_an_unpurged_queue_makes_up_for_a_damaged_index(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "db" / written(tmp_path / "db", "0.5").vector_segment
    os.truncate(folder / damage, 50)
    assert lost(tmp_path / "db") == set()


def test_a_purged_queue_tells_only_what_is_certain(tmp_path: Path) -> None:
    with ChromaWriter(tmp_path / "db", "0.5", sync_threshold=4) as writer:
        semantic = writer.collection("semantic")
        semantic.add("updated", [1])
        semantic.add("twice", [2])
        semantic.add("twice", [3])
        semantic.update("updated", [4])
        # What the first operations were is gone, and whether the second "twice" was the first one too.
        writer.connection.execute("DELETE FROM embeddings_queue WHERE seq_id < 3")
    (tmp_path / "db" / semantic.vector_segment / "data_level0.bin").unlink()
    with open_chroma(tmp_path / "db") as directory:
        found = {r.id: r for r in directory.read(directory.collections[0]) if isinstance(r, ChromaRecord)}
    assert found["updated"].vector == struct.pack("<f", 4)
    assert (found["twice"].vector, found["twice"].flaw) == (None, "its vector index lacks data_level0.bin")


def test_a_record_that_never_had_a_vector_says_so(tmp_path: Path) -> None:
    with ChromaWriter(tmp_path / "db") as writer:
        writer.collection("semantic").add("a", None, "text")
    with open_chroma(tmp_path / "db") as directory:
        (record,) = directory.read(directory.collections[0])
    assert isinstance(record, ChromaRecord)
    assert (record.document, record.vector, record.flaw) == ("text", None, "Chroma has no vector of it")


@pytest.mark.parametrize(("vector", "reason"), [(bytes(8), "its vector has 2 numbers"), (bytes(7), "has 7 bytes")])
def test_a_vector_of_another_length_is_given_as_it_is_and_says_so(tmp_path: Path, vector: bytes, reason: str) -> None:
    written(tmp_path / "db")
    edit(tmp_path / "db", "UPDATE embeddings_queue SET vector = ? WHERE id = 'r10'", vector)
    with open_chroma(tmp_path / "db") as directory:
        record = {r.id: r for r in directory.read(directory.collections[0])}["r10"]
    assert isinstance(record, ChromaRecord)
    assert record.vector == vector
    assert reason in str(record.flaw)


def test_an_index_of_other_dimensions_than_its_collection_is_not_believed(tmp_path: Path) -> None:
    written(tmp_path / "db")
    edit(tmp_path / "db", "UPDATE collections SET dimension = 4")
    with open_chroma(tmp_path / "db") as directory:
        assert "vectors of 3 numbers, the collection of 4" in str(directory.flaw(directory.collections[0]))


@pytest.mark.parametrize("saved", [1, 8, 100])
def test_a_vector_without_a_record_is_reported_and_not_made_one(tmp_path: Path, saved: int) -> None:
    written(tmp_path / "db", saved=saved)
    edit(
        tmp_path / "db", "DELETE FROM embedding_metadata WHERE id = (SELECT id FROM embeddings WHERE embedding_id='r3')"
    )
    edit(tmp_path / "db", "DELETE FROM embeddings WHERE embedding_id = 'r3'")
    with open_chroma(tmp_path / "db") as directory:
        collection = directory.collections[0]
        items = list(directory.read(collection))
        assert [item.key for item in items] == list(directory.keys(collection))
        (orphan,) = directory.orphans(collection)
    assert [item for item in items if isinstance(item, Unreadable)] == [orphan]
    assert (orphan.id, orphan.reason, orphan.vector, orphan.is_record) == ("r3", ORPHAN, numbers(3), False)


# Whole directories


@pytest.mark.parametrize("name", ["nothing", "empty", "file"])
def test_what_is_not_there_is_missing_and_not_created(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((SourceMissing, SourceUnreadable), match=name):
        open_chroma(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def statements() -> Iterator[Any]:
    for table in ("collections", "segments", "embeddings", "embeddings_queue", "max_seq_id", "embedding_metadata"):
        yield pytest.param(f"DROP TABLE {table}", "not a database of ChromaDB", id=f"no {table}")
    yield pytest.param("ALTER TABLE collections DROP COLUMN config_json_str", "older than ChromaDB 0.5", id="older")
    yield pytest.param("DELETE FROM segments WHERE scope = 'METADATA'", "0 METADATA segments", id="no segment")
    yield pytest.param("UPDATE segments SET scope = 'VECTOR'", "2 VECTOR segments", id="segment twice")
    yield pytest.param("UPDATE max_seq_id SET seq_id = 'x'", "number of the queue", id="seq")


@pytest.mark.parametrize(("statement", "message"), list(statements()))
def test_a_database_of_another_kind_is_refused(tmp_path: Path, statement: str, message: str) -> None:
    written(tmp_path / "db")
    edit(tmp_path / "db", statement)
    with pytest.raises(SourceUnreadable, match=message):
        open_chroma(tmp_path / "db")


def test_an_operation_that_is_not_known_is_not_guessed(tmp_path: Path) -> None:
    written(tmp_path / "db")
    edit(tmp_path / "db", "UPDATE embeddings_queue SET operation = 9 WHERE id = 'r10'")
    with pytest.raises(SourceUnreadable, match="operation 9"):
        flaws(tmp_path / "db")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.9])
def test_a_database_that_is_cut_off_is_an_error(tmp_path: Path, share: float) -> None:
    written(tmp_path / "db")
    file = tmp_path / "db" / "chroma.sqlite3"
    os.truncate(file, int(file.stat().st_size * share))
    with pytest.raises(SourceUnreadable):
        flaws(tmp_path / "db")


def test_a_damaged_page_is_an_error(tmp_path: Path) -> None:
    written(tmp_path / "db")
    file = tmp_path / "db" / "chroma.sqlite3"
    connection = sqlite3.connect(file)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'embeddings'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * size)
        opened.write(b"\xa5" * 100)
    with pytest.raises(SourceUnreadable, match="damaged"):
        flaws(tmp_path / "db")


def test_a_locked_directory_is_busy_not_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capsa.transfer.snapshot._WAIT_SECONDS", 0.05)
    written(tmp_path / "db")
    writer = sqlite3.connect(tmp_path / "db" / "chroma.sqlite3", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DatabaseBusy, match="locked"):
        open_chroma(tmp_path / "db")
    writer.close()


@pytest.mark.parametrize("name", ["header.bin", "index_metadata.pickle", "../chroma.sqlite3"])
def test_a_pipe_where_a_file_should_be_is_named(tmp_path: Path, name: str) -> None:
    pipe = (tmp_path / "db" / written(tmp_path / "db").vector_segment / name).resolve()
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    with pytest.raises(SourceUnreadable, match=rf"{pipe}\b.*no.* file"):
        open_chroma(tmp_path / "db")


def test_what_an_interrupted_writer_left_is_undone_in_the_copy_alone(tmp_path: Path, fingerprint: Fingerprint) -> None:
    written(tmp_path / "db")
    writer = sqlite3.connect(tmp_path / "db" / "chroma.sqlite3", isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN")
    writer.execute("UPDATE embedding_metadata SET string_value = 'half done' || zeroblob(9000)")
    shutil.copytree(tmp_path / "db", tmp_path / "killed")
    writer.close()
    assert (tmp_path / "killed" / "chroma.sqlite3-journal").stat().st_size > 0
    before = fingerprint(tmp_path / "killed")
    assert lost(tmp_path / "killed") == set()
    assert fingerprint(tmp_path / "killed") == before


def test_a_write_ahead_log_is_read(tmp_path: Path) -> None:
    written(tmp_path / "db")
    writer = sqlite3.connect(tmp_path / "db" / "chroma.sqlite3", isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE embedding_metadata SET string_value = 'text 3' WHERE string_value = 'text 3'")
    writer.execute("INSERT INTO embeddings_queue SELECT 99, created_at, 3, topic, 'nobody', NULL, NULL, NULL "
                   "FROM embeddings_queue LIMIT 1")  # fmt: skip
    assert (tmp_path / "db" / "chroma.sqlite3-wal").stat().st_size > 0
    with open_chroma(tmp_path / "db") as directory:
        assert not directory.changed()
        writer.execute("DELETE FROM embeddings_queue WHERE seq_id = 99")
        assert directory.changed()
    assert lost(tmp_path / "db") == set()
    writer.close()


def test_an_index_that_changes_while_it_is_copied_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "db" / written(tmp_path / "db").vector_segment
    real = shutil.copyfile
    times: list[Any] = []
    monkeypatch.setattr(private_copy, "_ABANDONED_SECONDS", 0.05)

    def interrupted(source: Any, target: Any) -> Any:
        if str(source).endswith("header.bin"):
            times.append(source)
            if len(times) <= 2:
                (folder / "length.bin").write_bytes(b"x" * len(times))
        return real(source, target)

    monkeypatch.setattr(shutil, "copyfile", interrupted)
    assert lost(tmp_path / "db") == set()
    assert len(times) == 3


def test_an_index_that_never_stands_still_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "db" / written(tmp_path / "db").vector_segment
    real = shutil.copyfile

    def always(source: Any, target: Any) -> Any:
        with (folder / "length.bin").open("ab") as file:
            file.write(b"x")
        return real(source, target)

    monkeypatch.setattr(shutil, "copyfile", always)
    monkeypatch.setattr(private_copy, "_ABANDONED_SECONDS", 0.05)
    with pytest.raises(DatabaseBusy, match="being written"):
        open_chroma(tmp_path / "db")


def test_while_others_write_every_snapshot_is_of_one_instant(tmp_path: Path) -> None:
    stop = threading.Event()
    ready = threading.Event()

    def write() -> None:
        with ChromaWriter(tmp_path / "db", sync_threshold=60) as writer:
            semantic = writer.collection("semantic")
            for n in range(4000):
                semantic.upsert(f"r{n % 40}", numbers(n), f"{n}")
                ready.set()
                if stop.wait(0.002):
                    return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert ready.wait(10)
        read = 0
        for _ in range(8):
            try:
                with open_chroma(tmp_path / "db") as directory:
                    for record in directory.read(directory.collections[0]):
                        assert isinstance(record, ChromaRecord)
                        assert record.vector == numbers(int(str(record.document)))
                        read += 1
            except DatabaseBusy:
                continue
        assert read
    finally:
        stop.set()
        thread.join()
