"""Which files are the engine's, told without a change to them or to who has them open."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from afterimage.own_files import is_blank, is_own
from capsa import Record, Store

_OPENED_AND_CLOSED = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM capsa_records'); c.close()"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def test_a_file_of_the_engine_is_known_open_and_closed(path: Path) -> None:
    with Store.open(f"sqlite:///{path}"):
        assert is_own(path), "its mark stands in the journal alone"
    assert is_own(path)
    assert not is_blank(path)


def test_a_look_keeps_the_locks_of_who_has_the_file_open(path: Path) -> None:
    journal = path.with_name("memory.db-wal")
    with Store.open(f"sqlite:///{path}") as store:
        store.collection("code").add([Record(id="a", text="kept")])
        assert is_own(path)
        assert not is_blank(path)
        # Who closes a file last takes the journal away: another process must not take itself for the last.
        subprocess.run([sys.executable, "-c", _OPENED_AND_CLOSED, str(path)], check=True)
        assert journal.exists()


def test_another_programs_file_is_not_ours(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE code_memory (id TEXT)")
        before = path.read_bytes()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO code_memory VALUES ('a')")
        assert not is_own(path)
        assert not is_blank(path)
    assert before.startswith(b"SQLite format 3")
    assert not is_own(path)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"id,text\n" * 50])
def test_what_is_no_database_is_not_ours(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert not is_own(path)
    assert is_blank(path) == (not content)


def test_nor_is_what_is_missing_a_folder_or_a_pipe(path: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.db")
    for what in (path, tmp_path, tmp_path / "pipe.db"):
        assert not is_own(what)
        assert not is_blank(what)
