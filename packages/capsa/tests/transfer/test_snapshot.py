"""A source is copied, consistently, and no byte of it or beside it changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from capsa import SourceMissing, SourceUnreadable
from capsa.transfer import Snapshot, is_locked


def make(path: Path, journal: str = "delete") -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (1)")
    return connection


def state(folder: Path) -> dict[str, str]:
    return {entry.name: hashlib.sha256(entry.read_bytes()).hexdigest() for entry in folder.iterdir()}


def rows(snapshot: Snapshot) -> list[int]:
    return [row[0] for row in snapshot.connection.execute("SELECT a FROM t ORDER BY a")]


def test_a_mistyped_path_is_named_and_nothing_is_created(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"no file .*memroy\.db"):
        Snapshot(tmp_path / "memroy.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0 and then nothing sensible" * 50])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "memory.db"
    path.write_bytes(content)
    with pytest.raises(SourceUnreadable, match=r"memory\.db"):
        Snapshot(path)
    assert path.read_bytes() == content


def test_a_folder_is_not_a_memory(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="is not a file"):
        Snapshot(tmp_path)


def test_the_source_keeps_every_byte_and_the_copy_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    make(folder / "memory.db").close()
    before = state(folder)
    snapshot = Snapshot(folder / "memory.db")
    assert rows(snapshot) == [1]
    (copy,) = [Path(row[2]) for row in snapshot.connection.execute("PRAGMA database_list") if row[2]]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    snapshot.close()
    assert not copy.exists()
    assert state(folder) == before


def test_a_writer_is_not_held_up_and_is_noticed(tmp_path: Path) -> None:
    writer = make(tmp_path / "memory.db")
    writer.execute("PRAGMA busy_timeout = 0")
    snapshot = Snapshot(tmp_path / "memory.db")
    assert not snapshot.changed()
    writer.execute("INSERT INTO t VALUES (2)")
    assert rows(snapshot) == [1]
    assert snapshot.changed()
    snapshot.close()
    writer.close()


def test_what_stands_in_the_wal_only_is_read_too(tmp_path: Path) -> None:
    writer = make(tmp_path / "memory.db", "wal")
    writer.execute("INSERT INTO t VALUES (2)")
    snapshot = Snapshot(tmp_path / "memory.db")
    assert rows(snapshot) == [1, 2]
    writer.execute("INSERT INTO t VALUES (3)")
    assert snapshot.changed()
    snapshot.close()
    writer.close()


def test_an_interrupted_writer_is_rolled_back_in_the_copy_and_not_in_the_source(tmp_path: Path) -> None:
    make(tmp_path / "memory.db").close()
    writer = sqlite3.connect(tmp_path / "memory.db", isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("PRAGMA cache_spill = 1")
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO t VALUES (?)", [("x" * 5000,)] * 50)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("memory.db", "memory.db-journal"):
        shutil.copy(tmp_path / name, crashed / name)
    writer.execute("ROLLBACK")
    writer.close()
    before = state(crashed)
    assert "memory.db-journal" in before
    snapshot = Snapshot(crashed / "memory.db")
    assert rows(snapshot) == [1]
    snapshot.close()
    assert state(crashed) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    make(folder / "memory.db", "wal").close()
    folder.chmod(0o500)
    try:
        snapshot = Snapshot(folder / "memory.db")
        assert rows(snapshot) == [1]
        snapshot.close()
    finally:
        folder.chmod(0o700)


def test_whether_it_would_wait_can_be_asked_before(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    assert not is_locked(path)
    assert not path.exists()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE notes (id)")
        writer.execute("BEGIN IMMEDIATE")
        assert not is_locked(path)
        writer.execute("ROLLBACK")
        writer.execute("BEGIN EXCLUSIVE")
        assert is_locked(path)
    assert not is_locked(path)
    (tmp_path / "letter.txt").write_text("no database")
    assert not is_locked(tmp_path / "letter.txt")
