import sqlite3
import stat
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from afterimage.backup import restore_backup, write_backup
from afterimage.cli import main
from afterimage.entries import StorageEntry
from afterimage.errors import BackupError, NotAMemory
from afterimage.legacy import open_legacy
from afterimage.storage import PostgreSQLBackend, SQLiteBackend, StorageBackend, get_storage_backend
from capsa import Record, SchemaTooNew, TransferError, transfer
from capsa.testing.embedders import HashingEmbedder


@pytest.fixture
def filled(memory: StorageBackend) -> StorageBackend:
    entries = [
        StorageEntry(f"e{n}", f"/p/{n}.py", f"code {n}", "", None, "2026-01-06T12:00:00.000Z") for n in range(30)
    ]
    memory.store_many(entries, [[0.5] * 384 if n % 3 else None for n in range(30)])
    memory.capsa_store.collection("pattern-clusters").add(
        [StorageEntry("cluster", "/p", "pattern").to_record()], embed=False
    )
    return memory


def whole(backend: StorageBackend) -> list[StorageEntry]:
    return sorted(backend.iterate(with_vectors=True), key=lambda entry: entry.id)


def test_a_backup_is_a_memory_of_its_own(filled: StorageBackend, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    assert write_backup(filled, file) == 30
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [f for f in tmp_path.iterdir() if f.name.startswith((".backup", "backup.db-"))] == []
    with SQLiteBackend(file, embedder=HashingEmbedder) as copy:
        assert copy.db_path == file
        assert whole(copy) == whole(filled)
        assert copy.search_fts("code 7", limit=1)


def test_what_was_backed_up_comes_back_and_what_was_there_is_kept(filled: StorageBackend, tmp_path: Path) -> None:
    before = whole(filled)
    file = tmp_path / "backup.db"
    write_backup(filled, file)
    original = file.read_bytes()
    filled.delete("e3")
    filled.store("/later.py", "written later")
    changed = whole(filled)
    with pytest.raises(BackupError, match="holds 30 entries: --force"):
        restore_backup(filled, file, tmp_path / "kept")
    assert whole(filled) == changed
    seen: list[tuple[int, int]] = []
    restored = restore_backup(
        filled, file, tmp_path / "kept", force=True, progress=lambda done, total: seen.append((done, total))
    )
    assert restored.entries == 30
    assert seen[-1] == (31, 31)
    assert whole(filled) == before
    assert filled.search_fts("later") == []
    assert [e.id for e in filled.search_fts("e3 code 3", limit=1)] == ["e3"]
    assert filled.capsa_store.collection("pattern-clusters").count() == 1
    assert file.read_bytes() == original
    assert restored.kept is not None
    with SQLiteBackend(restored.kept, embedder=HashingEmbedder) as kept:
        assert whole(kept) == changed


ODD_VECTORS: dict[str, Any] = {
    "as it should be": struct.pack("<384f", *[0.25] * 384),
    "text": "[0.1, 0.2]",
    "number": 17,
    "too short": b"\1\2\3",
    "empty": b"",
    "NaN": struct.pack("<384f", *[float("nan")] * 384),
    "none": None,
}


def digest(backend: StorageBackend) -> dict[str, Any]:
    """Every record with the bytes of its vectors, and what an earlier program stored in their place."""
    own = transfer.open_source(backend.url)
    with closing(transfer.one_owner(own, backend.owner, "anybody")) as source:
        (part,) = (part for part in source.parts if part.name == "capsa_records")
        ranges = source.plan(part)
        items = [item for r in ranges for batch in source.read(part, r.first, r.last) for item in batch]
    return {str(item.fields[2]): (item.body, item.vectors) for item in items if isinstance(item, transfer.Row)}


@pytest.fixture(params=["sqlite_url", "postgres_url", "guide_postgres_url"])
def place(request: pytest.FixtureRequest, home: Path) -> StorageBackend:
    """A memory in SQLite, in PostgreSQL, and there as the guide's user, who may create no role."""
    url = request.getfixturevalue(request.param)
    if url.startswith("sqlite"):
        return SQLiteBackend(url.removeprefix("sqlite:///"), embedder=HashingEmbedder)
    return PostgreSQLBackend(connection_string=url, min_pool_size=0, embedder=HashingEmbedder, owner="team")


def test_a_restore_is_bit_for_bit_whatever_an_earlier_program_stored(place: StorageBackend, tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(older)) as connection:
        connection.execute(
            "CREATE TABLE code_memory (id, file_path, old_code, new_code, context, timestamp, session_id, embedding)"
        )
        for name, vector in ODD_VECTORS.items():
            values = (name, "/p\0", None, f"code {name} \ufdd0", "", "once upon a time", None, vector)
            connection.execute(f"INSERT INTO code_memory VALUES ({', '.join('?' * 8)})", values)
        connection.commit()
    with closing(transfer.one_owner(open_legacy(older), "local", place.owner)) as source, place:
        report = transfer.transfer(source, place.database, transfer.Options(owner=place.owner))
        assert report.complete
        before = digest(place)
        assert len(before) == len(ODD_VECTORS)
        write_backup(place, tmp_path / "backup.db")
        place.delete("text")
        place.store("/later", "written later")
        place.capsa_store.collection("of a newer version", owner=place.owner).add([Record(text="x")], embed=False)
        restore_backup(place, tmp_path / "backup.db", tmp_path, force=True)
        assert digest(place) == before
        assert [entry.id for entry in place.search_fts("short", limit=1)] == ["too short"]
        near = place.collection.search_vector([0.25] * 384, model="all-MiniLM-L6-v2")
        assert [hit.record.id for hit in near] == ["as it should be"]
        # What is found is of now: nothing of before is left in the indexes, and what comes is added.
        assert place.search_fts("later") == []
        later = place.store("/after", "afterwards", embedding=[-0.25] * 384)
        assert [entry.id for entry, _ in place.search_semantic([-0.25] * 384, limit=1)] == [later]


def test_a_memory_that_is_open_elsewhere_is_searched_as_it_is_now(filled: StorageBackend, tmp_path: Path) -> None:
    write_backup(filled, tmp_path / "backup.db")
    with open_again(filled) as elsewhere:
        assert len(elsewhere.search_semantic([0.5] * 384, limit=100)) == 20
        later = filled.store("/later", "later", embedding=[-0.5] * 384)
        assert elsewhere.search_semantic([-0.5] * 384, limit=1)[0][0].id == later
        restore_backup(filled, tmp_path / "backup.db", tmp_path, force=True)
        found = [entry.id for entry, _ in elsewhere.search_semantic([-0.5] * 384, limit=100)]
        assert sorted(found) == sorted(e.id for e in filled.get_all_with_embeddings())
        assert elsewhere.search_fts("later") == []


def open_again(backend: StorageBackend) -> StorageBackend:
    if isinstance(backend, SQLiteBackend):
        return SQLiteBackend(own_file=backend.db_path, embedder=HashingEmbedder)
    return PostgreSQLBackend(connection_string=backend.url, min_pool_size=0, embedder=HashingEmbedder)


def test_a_restore_that_fails_changes_nothing(
    filled: StorageBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup.db"
    write_backup(filled, file)
    filled.store("/later.py", "written later")
    before = digest(filled)

    def stop(done: int, total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        restore_backup(filled, file, tmp_path, force=True, progress=stop)
    # Somebody who is not cleared: their records are in the way.
    monkeypatch.setattr("afterimage.backup._held", lambda *_: [])
    with pytest.raises(TransferError, match="others are writing"):
        restore_backup(filled, file, tmp_path, force=True)
    assert digest(filled) == before


def test_who_waits_for_a_servers_index_is_told(
    filled: StorageBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_backup(filled, tmp_path / "backup.db")
    said: list[str] = []
    restore_backup(filled, tmp_path / "backup.db", tmp_path, force=True, say=said.append)
    assert said == []
    monkeypatch.setattr("afterimage.backup._MANY", 1)
    restore_backup(filled, tmp_path / "backup.db", tmp_path, force=True, say=said.append)
    assert len(said) == (1 if filled.backend_type == "postgresql" else 0)


def test_a_backup_of_a_newer_version_is_left_alone(filled: StorageBackend, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    write_backup(filled, file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE capsa_migrations SET version = 999")
        connection.commit()
    with pytest.raises(SchemaTooNew):
        restore_backup(filled, file, tmp_path, force=True)
    assert filled.stats().total_entries == 30


def test_an_empty_memory_needs_no_force(filled: StorageBackend, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    write_backup(filled, file)
    filled.clear()
    assert filled.capsa_store.collection("pattern-clusters").count() == 0
    assert restore_backup(filled, file, tmp_path).kept is None
    assert filled.stats().total_entries == 30


def test_a_backup_overwrites_only_when_told(filled: StorageBackend, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    file.write_text("a letter")
    with pytest.raises(BackupError, match="exists"):
        write_backup(filled, file)
    assert file.read_text() == "a letter"
    assert write_backup(filled, file, force=True) == 30
    with pytest.raises(BackupError, match="there is no folder"):
        write_backup(filled, tmp_path / "none" / "backup.db")


def test_only_a_backup_is_restored(filled: StorageBackend, tmp_path: Path, older: Path) -> None:
    (tmp_path / "letter").write_text("x" * 200)
    for file in (tmp_path / "letter", older):
        with pytest.raises(NotAMemory, match=file.name):
            restore_backup(filled, file, tmp_path, force=True)
    file = tmp_path / "backup.db"
    write_backup(filled, file)
    damaged = bytearray(file.read_bytes())
    damaged[4096:-4096] = b"\xff" * (len(damaged) - 8192)
    file.write_bytes(damaged)
    with pytest.raises(BackupError):
        restore_backup(filled, file, tmp_path, force=True)
    assert filled.stats().total_entries == 30


@pytest.mark.parametrize("where", ["everywhere", "in the middle"])
def test_a_damaged_memory_is_moved_aside_for_a_backup(
    where: str, filled: StorageBackend, damaged: Path, older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if where == "everywhere":
        damaged.write_text("hello\n")
        damaged.with_name(damaged.name + "-wal").write_text("journal")
    content = damaged.read_bytes()
    good = damaged.with_name("good.db")
    write_backup(filled, good)
    assert main(["restore", str(good)]) == 1
    assert "--force" in capsys.readouterr().err
    assert damaged.read_bytes() == content
    assert main(["restore", str(good), "--force"]) == 0
    (aside,) = (f for f in damaged.parent.glob(f"{damaged.name}.damaged-*") if not f.name.endswith(("-wal", "-shm")))
    assert f"moved aside to {aside}" in capsys.readouterr().err
    assert aside.read_bytes() == content
    if where == "everywhere":
        assert aside.with_name(aside.name + "-wal").read_text() == "journal"
    assert stat.S_IMODE(damaged.stat().st_mode) == 0o600
    with get_storage_backend() as restored:
        assert [entry.id for entry in whole(restored)] == [entry.id for entry in whole(filled)]


def test_a_backup_of_a_damaged_memory_names_the_memory(
    damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", str(tmp_path / "backup.db")]) == 1
    assert f"{damaged} is damaged" in capsys.readouterr().err
    assert [f.name for f in tmp_path.iterdir() if "backup.db" in f.name] == []


def test_nothing_is_written_over_the_memory_itself(home: Path, older: Path) -> None:
    with get_storage_backend() as backend:
        assert backend.stats().total_entries == 60
        assert backend.url.path is not None
        for memory in (backend.url.path, older):
            before = memory.read_bytes()
            with pytest.raises(BackupError, match="is the memory itself"):
                write_backup(backend, memory, force=True)
            assert memory.read_bytes() == before
