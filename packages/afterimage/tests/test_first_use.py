import hashlib
import multiprocessing
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from afterimage.errors import NotAMemory
from afterimage.first_use import carry_over_once
from afterimage.storage import SQLiteBackend, get_storage_backend
from capsa import SourceUnreadable

FILES = ["legacy_memory_v010_small.db", "legacy_memory_v020_small.db", "legacy_memory_v080_small.db"]


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_older_memory_comes_along_and_stays_as_it_is(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digest(older)
    with get_storage_backend() as backend:
        assert backend.stats().total_entries == 60
        assert backend.search_fts("copy")
        assert backend.url.path == older.with_name("memory.capsa.db")
    said = capsys.readouterr()
    assert said.out == ""
    assert "60 of 60 entries carried over, each compared" in said.err
    assert digest(older) == before
    assert stat.S_IMODE(older.with_name("memory.capsa.db").stat().st_mode) == 0o600
    names = {f.name for f in older.parent.iterdir()}
    assert names <= {
        "memory.db",
        "memory.capsa.db",
        "memory.capsa.db-lock",
        "memory.capsa.db-wal",
        "memory.capsa.db-shm",
    }


def test_it_comes_along_once(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with get_storage_backend() as backend:
        backend.clear()
    capsys.readouterr()
    with get_storage_backend() as backend:
        assert backend.stats().total_entries == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", FILES)
def test_real_memories_come_along_whole(home: Path, data: Path, name: str) -> None:
    older = home / "memory.db"
    shutil.copy(data / name, older)
    before = digest(older)
    with sqlite3.connect(older) as connection:
        connection.row_factory = sqlite3.Row
        rows = {row["id"]: dict(row) for row in connection.execute("SELECT * FROM code_memory")}
    connection.close()
    lines: list[str] = []
    with SQLiteBackend(older, report=lines.append) as backend:
        entries = {entry.id: entry for entry in backend.iterate(with_vectors=True)}
    assert entries.keys() == rows.keys()
    for entry_id, row in rows.items():
        entry = entries[entry_id]
        for column in ("file_path", "new_code", "old_code", "context", "timestamp", "session_id"):
            assert getattr(entry, column) == row[column]
        for column in ("content_hash", "unit_key", "version", "supersedes", "is_latest", "seen_count", "last_seen"):
            assert getattr(entry, column) == row.get(column)
        assert (entry.embedding is None) == (row["embedding"] is None)
    assert digest(older) == before
    assert lines[-1].endswith("each compared")


def test_half_a_memory_is_never_used(older: Path) -> None:
    own = older.with_name("memory.capsa.db")

    def stop(line: str) -> None:
        if "Comparing" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_over_once(older, own, stop)
    assert not own.exists()
    lines: list[str] = []
    carry_over_once(older, own, lines.append)
    assert "60 of 60 entries carried over, each compared" in lines[-1]
    with SQLiteBackend(older) as backend:
        assert backend.stats().total_entries == 60


def _count(path: Path, results: "multiprocessing.Queue[int]") -> None:
    with SQLiteBackend(path, report=lambda _: None) as backend:
        results.put(backend.stats().total_entries)


@pytest.mark.slow
def test_many_processes_that_come_first_at_once_agree(older: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=_count, args=(older, results)) for _ in range(4)]
    for process in processes:
        process.start()
    assert [results.get(timeout=120) for _ in processes] == [60] * 4
    for process in processes:
        process.join()


def test_an_empty_file_is_no_memory_and_no_mistake(home: Path) -> None:
    file = home / "memory.db"
    file.touch()
    with SQLiteBackend(file) as backend:
        assert backend.stats().total_entries == 0
    assert file.read_bytes() == b""


@pytest.mark.parametrize("kept", [50, 1000, 5000, 0.5])
def test_an_older_memory_that_was_cut_off_is_damaged_not_something_else(older: Path, kept: float) -> None:
    whole = older.read_bytes()
    older.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else int(kept)])
    before = digest(older)
    with pytest.raises((NotAMemory, SourceUnreadable)) as caught, get_storage_backend() as backend:
        backend.stats()
    assert f"{older} is damaged (" in str(caught.value)
    assert "move that file away" not in str(caught.value)
    assert digest(older) == before
    assert not older.with_name("memory.capsa.db").exists()


def test_an_older_memory_in_a_folder_that_may_not_be_written_is_said_in_one_line(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **more: path != older.parent and may(path, mode, **more))
    with pytest.raises(NotAMemory, match="copy it into a folder of your own"):
        SQLiteBackend(older).initialize()
    assert [path.name for path in older.parent.iterdir()] == ["memory.db"]
