"""A file that may not be written, or whose folder may not, is read all the same; and nothing is left beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from capsa import Record, Store
from capsa.errors import DatabaseBusy, DatabaseFull
from capsa.sqlite import still

#: What root must give up so that modes bind it as they bind anybody.
_POWERS = "--bounding-set=-dac_override,-dac_read_search"

_SEARCH = """
import sys
from capsa import CapsaError, Record, Store
try:
    with Store.open(sys.argv[1]) as store:
        notes = store.collection("notes")
        if sys.argv[2] == "write":
            notes.add([Record(text="another")])
        print(len(notes.search("needle")), notes.count(), len(list(notes.iterate())), notes.statistics().records)
except CapsaError as error:
    print(type(error).__name__, error)
"""

Do = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a memory of one record; writable again at the end."""
    folder = tmp_path / "archive"
    folder.mkdir()
    with Store.open(f"sqlite:///{folder}/memory.db") as store:
        store.collection("notes").add([Record(text="a needle")])
    yield folder
    folder.chmod(0o700)


@pytest.fixture
def do(folder: Path) -> Do:
    """Reads the memory, or writes to it, in a process that modes bind."""
    prefix = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root is not bound by modes, and setpriv, which would bind it, is not installed")
        prefix = [setpriv, _POWERS, "--inh-caps=-all"]

    def do(what: str = "read") -> str:
        command = [*prefix, sys.executable, "-c", _SEARCH, f"sqlite:///{folder}/memory.db", what]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return do


FILE, FOLDER = pytest.param(0o400, 0o700, id="file"), pytest.param(0o600, 0o500, id="folder")
BOTH = pytest.param(0o400, 0o500, id="both")


@pytest.mark.parametrize(("file_mode", "folder_mode"), [FILE, FOLDER, BOTH])
def test_what_may_only_be_read_is_read_and_nothing_is_left_beside_it(
    folder: Path, do: Do, file_mode: int, folder_mode: int
) -> None:
    file = folder / "memory.db"
    (folder / "memory.db-lock").unlink()
    file.chmod(file_mode)
    folder.chmod(folder_mode)
    before = file.read_bytes()
    assert do() == "1 1 1 1"
    assert [path.name for path in folder.iterdir()] == ["memory.db"]
    assert file.read_bytes() == before


@pytest.mark.parametrize(("file_mode", "folder_mode"), [FILE, FOLDER, BOTH])
def test_writing_to_it_is_one_clear_error_and_works_again_afterwards(
    folder: Path, do: Do, file_mode: int, folder_mode: int
) -> None:
    file = folder / "memory.db"
    file.chmod(file_mode)
    folder.chmod(folder_mode)
    said = do("write")
    assert said.startswith("DatabaseUnavailable ")
    assert "check the permissions" in said
    folder.chmod(0o700)
    file.chmod(0o600)
    assert do("write") == "1 2 2 2"


def test_what_its_writer_has_not_closed_is_read_where_both_files_are_beside_it(folder: Path, do: Do) -> None:
    with Store.open(f"sqlite:///{folder}/memory.db") as store:
        store.collection("notes").add([Record(text="a second needle")])
        for path in folder.iterdir():
            path.chmod(0o400)
        folder.chmod(0o500)
        assert do() == "2 2 2 2"
        folder.chmod(0o700)


def test_a_journal_that_cannot_be_put_in_order_is_said_and_not_ignored(folder: Path, do: Do, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{folder}/memory.db") as store:
        store.collection("notes").add([Record(text="a second needle")])
        left = tmp_path / "left"
        left.mkdir()
        for name in ("memory.db", "memory.db-wal"):
            shutil.copy(folder / name, left)
    shutil.rmtree(folder)
    left.rename(folder)
    folder.chmod(0o500)
    said = do()
    assert said.startswith("DatabaseUnavailable ")
    assert "copy memory.db and memory.db-wal into a folder of your own" in said


def test_a_change_while_it_is_read_is_noticed(folder: Path) -> None:
    file = folder / "memory.db"

    def read_while_it_changes() -> None:
        with still.reading(file) as connection:
            assert connection.execute("SELECT count(*) FROM capsa_records").fetchone() == (1,)
            with closing(sqlite3.connect(file, isolation_level=None)) as other:
                other.execute("DELETE FROM capsa_records")

    with pytest.raises(DatabaseBusy, match="try again"):
        read_while_it_changes()


def fill_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the disk looks full."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))


def test_on_a_full_disk_it_is_read_and_who_writes_is_told_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_up(monkeypatch)
    with Store.open(f"sqlite:///{folder}/memory.db") as store:
        notes = store.collection("notes")
        assert len(notes.search("needle")) == 1
        assert not (folder / "memory.db-wal").exists(), "there is no room for it"
        with pytest.raises(DatabaseFull, match="no space left for .*: free some and try again"):
            notes.add([Record(text="another")])
    assert [path.name for path in folder.iterdir() if path.suffix == ".db"] == ["memory.db"]


def test_on_a_full_disk_what_others_have_open_is_read_with_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(f"sqlite:///{folder}/memory.db") as other:
        other.collection("notes").add([Record(text="a needle, too")])
        fill_up(monkeypatch)
        assert not still.is_still(folder / "memory.db")
        with Store.open(f"sqlite:///{folder}/memory.db") as store:
            assert len(store.collection("notes").search("needle")) == 2


def test_on_a_full_disk_what_was_not_closed_needs_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_up(monkeypatch)
    (folder / "memory.db-wal").write_bytes(b"not carried over")
    with pytest.raises(DatabaseFull, match="no space left"):
        still.is_still(folder / "memory.db")


@pytest.mark.skipif(os.name == "nt", reason="limits of a process are POSIX's")
def test_an_error_of_the_disk_says_what_it_may_be(folder: Path) -> None:
    # Not full for the system, but for this process, as by a quota.
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n" + _SEARCH
    )
    command = [sys.executable, "-c", script, f"sqlite:///{folder}/memory.db", "read"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("DatabaseUnavailable ")
    assert "if there is no space or quota left, free some" in said
