"""The file: ours alone to read, never another program's, and clear words where it cannot be used."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from capsa.database import open_database
from capsa.errors import CapsaError, DatabaseDamaged, DatabaseFull, DatabaseUnavailable
from capsa.records import Record
from capsa.sqlite.database import APPLICATION_ID
from capsa.sqlite.lock import WriterLock
from capsa.store import Store

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def filled(path: Path, count: int = 200) -> None:
    with Store.open(url_of(path)) as store:
        store.collection("notes").add(Record(id=f"r{i}", text=f"entry {i} " + "x" * 500) for i in range(count))


def one_line(error: CapsaError, path: Path) -> str:
    message = str(error)
    assert "\n" not in message
    assert path.name in message
    return message


@contextlib.contextmanager
def as_somebody_else() -> Iterator[None]:
    """Without root's right to everything, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_may_read_any_of_its_files(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = tmp_path / "new" / "folder" / "memory.db"
        with Store.open(url_of(path)) as store:
            store.collection("notes").add([Record(text="secret")])
            files = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert files == {f"memory.db{suffix}": 0o600 for suffix in ("", "-wal", "-shm", "-lock")}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a socket", "a device"])
def test_what_is_no_file_is_refused_at_once_and_left_as_it_is(path: Path, kind: str) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
        if kind == "a folder":
            path.mkdir()
        elif kind == "a pipe":
            os.mkfifo(path)
        elif kind == "a socket":
            listening.bind(str(path))
        else:
            path.symlink_to("/dev/null")
        before = path.lstat().st_mode
        # In a process of its own: waiting for ever is what must not be.
        opening = f"from capsa.database import open_database; open_database({url_of(path)!r})"
        ran = subprocess.run([sys.executable, "-c", opening], capture_output=True, text=True, timeout=20, check=False)
    assert f"DatabaseUnavailable: {path} is {kind}" in ran.stderr
    assert path.lstat().st_mode == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_it_is_marked_as_ours_and_keeps_a_journal_that_survives_a_power_cut(path: Path) -> None:
    with open_database(url_of(path)) as database, database.maintain() as tx:
        assert tx.execute("PRAGMA application_id") == [(APPLICATION_ID,)]
        assert tx.execute("PRAGMA journal_mode") == [("wal",)]
        assert tx.execute("PRAGMA synchronous") == [(1,)]
    assert path.read_bytes()[68:72] == b"Caps"


def test_a_write_is_flushed_before_it_is_acknowledged_and_after_others_may_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []

    def flush(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        with WriterLock(path).hold(0.5):
            pass

    with open_database(url_of(path)) as database:
        monkeypatch.setattr("capsa.sqlite.database._flush", flush)
        with database.write("somebody") as tx:
            tx.execute("INSERT INTO capsa_models (name, dimensions) VALUES ('m', 3)")
            assert flushed == []
        assert flushed == ["memory.db-wal"]


def test_a_write_that_cannot_be_flushed_is_not_acknowledged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with open_database(url_of(path)) as database:
        monkeypatch.setattr("capsa.sqlite.database._flush", fail)
        with pytest.raises(DatabaseUnavailable, match="may not be on the disk"), database.write("somebody") as tx:
            tx.execute("INSERT INTO capsa_models (name, dimensions) VALUES ('m', 3)")


def test_what_was_deleted_is_overwritten(path: Path) -> None:
    with Store.open(url_of(path)) as store:
        notes = store.collection("notes")
        notes.add([Record(id="a", text="PLAINLY VISIBLE SECRET")])
        notes.delete(["a"])
    assert b"VISIBLE" not in path.read_bytes()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_another_programs_file_is_refused_and_not_a_byte_of_it_changes(tmp_path: Path, mode: str) -> None:
    work = tmp_path / "work.db"
    connection = sqlite3.connect(work, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("CREATE TABLE code_memory (id TEXT PRIMARY KEY)")
    connection.execute("INSERT INTO code_memory VALUES ('precious')")
    # As a crash would leave it: in WAL, the row stands in the journal alone.
    folder = tmp_path / "found"
    folder.mkdir()
    for file in tmp_path.glob("work.db*"):
        shutil.copy(file, folder)
    connection.close()
    before = {file.name: file.read_bytes() for file in folder.glob("*") if not file.name.endswith("-shm")}
    with pytest.raises(DatabaseUnavailable, match="another program's database.*'code_memory'.*nothing was changed"):
        open_database(url_of(folder / "work.db"))
    after = {file.name: file.read_bytes() for file in folder.glob("*") if not file.name.endswith("-shm")}
    assert after == before


def test_opened_twice_in_one_process_it_keeps_its_journal_when_another_process_leaves(path: Path) -> None:
    other = "import sys, capsa; s = capsa.Store.open(sys.argv[1]); print(s.collection('notes').count()); s.close()"
    with Store.open(url_of(path)) as first, Store.open(url_of(path)) as second:
        for number, store in enumerate((first, second, first)):
            store.collection("notes").add([Record(id=f"r{number}", text="kept")])
            seen = subprocess.run(
                [sys.executable, "-c", other, url_of(path)], capture_output=True, text=True, check=True
            ).stdout
            assert int(seen) == number + 1
            assert path.with_name("memory.db-wal").exists(), "or what we write next would be written to a deleted file"


def test_our_own_file_is_known_even_if_its_stamp_is_still_in_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with Store.open(url_of(path)) as store:
        store.collection("notes").add([Record(id="a", text="kept")])
        for file in tmp_path.glob("memory.db*"):
            shutil.copy(file, crashed)
    assert (crashed / "memory.db").read_bytes()[68:72] != b"Caps"
    with Store.open(url_of(crashed / "memory.db")) as store:
        assert [record.text for record in store.collection("notes").iterate()] == ["kept"]


@pytest.mark.parametrize("content", [b"not a database " * 500, b"SQLite format 3\0" + b"\xff" * 5_000, b"\0" * 4096])
def test_what_is_no_database_is_refused_and_unchanged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DatabaseDamaged, match="not a SQLite database.*restore a backup") as refused:
        open_database(url_of(path))
    one_line(refused.value, path)
    assert path.read_bytes() == content


def test_damage_in_the_middle_is_reported_where_it_is_met(path: Path) -> None:
    filled(path)
    data = bytearray(path.read_bytes())
    data[4096 * 4 :] = b"\xa5" * (len(data) - 4096 * 4)
    path.write_bytes(data)
    with pytest.raises(DatabaseDamaged) as damaged, Store.open(url_of(path)) as store:  # noqa: PT012 - any of them
        notes = store.collection("notes")
        list(notes.iterate())
        notes.search("entry")
    one_line(damaged.value, path)


def test_a_file_that_was_cut_off_is_reported(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(DatabaseDamaged), Store.open(url_of(path)) as store:
        list(store.collection("notes").iterate())


@pytest.mark.parametrize("table", ["capsa_records", "capsa_lexical_segments"])
def test_a_table_of_ours_that_somebody_removed_is_named(path: Path, table: str) -> None:
    filled(path, 3)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"DROP TABLE {table}")
        connection.commit()
    with Store.open(url_of(path)) as store, pytest.raises(DatabaseDamaged) as caught:
        store.collection("notes").search("entry")
    assert f"the table {table} is gone" in one_line(caught.value, path)


def test_a_table_that_is_not_ours_is_not_ours_to_restore(path: Path) -> None:
    filled(path, 1)
    with Store.open(url_of(path)) as store, pytest.raises(DatabaseUnavailable) as caught, store.database.read("") as tx:
        tx.execute("SELECT 1 FROM nobodys_table")
    assert not isinstance(caught.value, DatabaseDamaged)


def test_the_record_of_migrations_removed_is_damage(path: Path) -> None:
    filled(path, 1)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE capsa_migrations")
        connection.commit()
    with pytest.raises(DatabaseDamaged, match="the table capsa_migrations is gone from .*: restore a backup"):
        Store.open(url_of(path))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "memory.db"
    with pytest.raises(DatabaseUnavailable, match="cannot create") as refused:
        open_database(url_of(path))
    one_line(refused.value, path)


def test_a_folder_that_may_not_be_written(open_directory: Path) -> None:
    path = open_directory / "memory.db"
    filled(path, 3)
    for file in open_directory.iterdir():
        file.chmod(0o644)
    open_directory.chmod(0o555)
    before = {file.name: file.read_bytes() for file in open_directory.iterdir()}
    with as_somebody_else():
        for name in ("memory.db", "new.db"):
            with pytest.raises(DatabaseUnavailable) as refused:
                Store.open(url_of(open_directory / name)).collection("notes").clear()
            one_line(refused.value, path.with_name(name))
    open_directory.chmod(0o755)
    assert {file.name: file.read_bytes() for file in open_directory.iterdir()} == before


def test_a_file_that_may_not_be_written(open_directory: Path) -> None:
    path = open_directory / "memory.db"
    filled(path, 3)
    before = path.read_bytes()
    for file in open_directory.iterdir():
        file.chmod(0o444)
    open_directory.chmod(0o777)
    with as_somebody_else():
        with pytest.raises(DatabaseUnavailable, match=r"permissions|may be written") as refused:
            Store.open(url_of(path)).collection("notes").add([Record(text="no")])
        one_line(refused.value, path)
    assert path.read_bytes() == before


def test_a_file_that_may_not_be_read(open_directory: Path) -> None:
    path = open_directory / "memory.db"
    filled(path, 3)
    if os.geteuid() != 0:
        path.chmod(0o000)
    with as_somebody_else(), pytest.raises(DatabaseUnavailable) as refused:
        open_database(url_of(path))
    one_line(refused.value, path)


@pytest.fixture
def small_disk(open_directory: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    mounted = open_directory / "small"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this account may not mount a small tmpfs")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk: Path) -> None:
    path = small_disk / "memory.db"
    acknowledged = []
    (small_disk / "ballast").write_bytes(bytes(500_000))
    with Store.open(url_of(path)) as store:
        notes = store.collection("notes")
        with pytest.raises(DatabaseFull, match="no space left.*stored before is intact") as full:  # noqa: PT012 - at some time
            for i in range(1_000):
                acknowledged += notes.add([Record(id=f"r{i}", text=f"entry {i} " + "x" * 20_000)])
        one_line(full.value, path)
        assert len(acknowledged) > 3
        assert [record.id for record in notes.iterate()] == acknowledged
        (small_disk / "ballast").unlink()
        acknowledged += notes.add([Record(id="after", text="there is room again")])
        assert [hit.record.id for hit in notes.search("room again")] == ["after"]
    with Store.open(url_of(path)) as store:
        assert [record.id for record in store.collection("notes").iterate()] == acknowledged


def test_a_full_disk_inside_a_shared_transaction_undoes_all_of_it(small_disk: Path) -> None:
    path = small_disk / "memory.db"
    with Store.open(url_of(path)) as store:
        notes = store.collection("notes")
        notes.add([Record(id="before", text="kept")])
        with pytest.raises(DatabaseFull, match="no space left"), store.database.write(notes.owner) as tx:  # noqa: PT012
            for i in range(1_000):
                notes.add([Record(id=f"r{i}", text="x" * 20_000)], tx=tx)
        assert [record.id for record in notes.iterate()] == ["before"]
