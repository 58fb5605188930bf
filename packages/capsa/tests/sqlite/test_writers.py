"""Many processes and one file: nobody fails, and what was acknowledged survives the death of whoever wrote it."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from capsa.database import open_database
from capsa.errors import DatabaseBusy
from capsa.records import Record
from capsa.store import Store
from capsa.url import DatabaseUrl

Start = Callable[..., subprocess.Popen[str]]

#: Writes the id of each record once it is acknowledged. Ends after so many.
WRITE = """
import sys, time
from capsa import Record, Store
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
notes = Store.open(url).collection("notes")
print("ready", flush=True)
sys.stdin.readline()
longest = 0.0
for i in range(count):
    began = time.monotonic()
    notes.add([Record(id=f"{name}-{i}", text=f"common unique{name}x{i}")])
    longest = max(longest, time.monotonic() - began)
    print(f"{name}-{i}", flush=True)
print(f"longest {longest}", flush=True)
"""

#: Holds the writer's lock in the middle of a transaction.
HOLD = """
import sys, time
from capsa import Record, Store
store = Store.open(sys.argv[1])
notes = store.collection("notes")
with store.database.write(notes.owner) as tx:
    notes.add([Record(id="unfinished", text="never acknowledged")], tx=tx)
    print("holding", flush=True)
    time.sleep(60)
"""


def go(processes: list[subprocess.Popen[str]]) -> None:
    """Let all of them begin at once."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def finished(process: subprocess.Popen[str]) -> list[str]:
    out, error = process.communicate(timeout=120)
    assert (process.returncode, error) == (0, "")
    return out.splitlines()


def check_file(url: str) -> None:
    connection = sqlite3.connect(str(DatabaseUrl.parse(url).path))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def check_index(store: Store) -> None:
    """Every record is found by the word that it alone has."""
    notes = store.collection("notes")
    for record in notes.iterate():
        assert [hit.record.id for hit in notes.search(record.text.split()[1], limit=3)] == [record.id]


@pytest.mark.parametrize("empty_file", [False, True])
def test_twenty_processes_open_an_empty_database_at_once(
    sqlite_url: str, open_at_once: Callable[[str, int], None], empty_file: bool
) -> None:
    path = DatabaseUrl.parse(sqlite_url).path
    assert path is not None
    if empty_file:
        path.touch()
    open_at_once(sqlite_url, 20)
    with Store.open(sqlite_url) as store:
        store.collection("notes").add([Record(text="works")])
    check_file(sqlite_url)


def write_at_once(url: str, start: Start, writers: int, records: int) -> float:
    """The longest that any of them waited for one record."""
    Store.open(url).close()
    processes = [start(WRITE, url, name, records) for name in range(writers)]
    go(processes)
    lines = [finished(process) for process in processes]
    with Store.open(url) as store:
        assert store.collection("notes").count() == writers * records
        store.collection("notes").maintain()
        assert len(store.collection("notes").search("common", limit=10**6)) == writers * records
    check_file(url)
    return max(float(line[-1].split()[1]) for line in lines)


def test_ten_processes_write_at_once_and_none_fails(sqlite_url: str, start: Start) -> None:
    assert write_at_once(sqlite_url, start, writers=10, records=30) < 10


@pytest.mark.slow
def test_forty_processes_write_at_once_and_none_fails(sqlite_url: str, start: Start) -> None:
    assert write_at_once(sqlite_url, start, writers=40, records=50) < 10


def kill_writers(url: str, start: Start, writers: int, seconds: float, seed: int) -> None:
    generator = random.Random(seed)
    Store.open(url).close()
    processes = [start(WRITE, url, f"{seed}w{name}", 1_000_000) for name in range(writers)]
    go(processes)
    # Reading what they acknowledge all the time, or a full pipe would stop them.
    acknowledged: list[str] = []
    readers = [threading.Thread(target=lambda p=p: acknowledged.extend(p.stdout)) for p in processes]
    for reader in readers:
        reader.start()
    for process in processes:
        time.sleep(generator.uniform(0, 2 * seconds / writers))
        process.kill()
    for reader in readers:
        reader.join()
    ids = {line.strip() for line in acknowledged if line.endswith("\n")}
    assert ids
    with Store.open(url) as store:
        notes = store.collection("notes")
        stored = {record.id for record in notes.iterate() if record.id.startswith(f"{seed}w")}
        assert ids <= stored, "all that was acknowledged"
        assert len(stored - ids) <= writers, "and at most what each was about to acknowledge"
        notes.add([Record(text=f"after uniqueafter{seed}")])
    check_file(url)


def test_what_was_acknowledged_survives_the_death_of_its_writer(sqlite_url: str, start: Start) -> None:
    kill_writers(sqlite_url, start, writers=6, seconds=1, seed=1)
    with Store.open(sqlite_url) as store:
        check_index(store)


@pytest.mark.slow
def test_what_was_acknowledged_survives_many_deaths(sqlite_url: str, start: Start) -> None:
    for seed in range(1, 11):
        kill_writers(sqlite_url, start, writers=10, seconds=2, seed=seed)
    with Store.open(sqlite_url) as store:
        check_index(store)


def test_the_lock_of_a_killed_writer_is_free_at_once(sqlite_url: str, start: Start) -> None:
    holder = start(HOLD, sqlite_url)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    with Store.open(sqlite_url, timeout=20) as store:
        notes = store.collection("notes")
        assert notes.count() == 0, "readers never wait"
        added = threading.Thread(target=notes.add, args=([Record(id="mine", text="mine")],))
        added.start()
        added.join(0.3)
        assert added.is_alive(), "writers wait their turn"
        killed = time.monotonic()
        holder.kill()
        added.join()
        assert time.monotonic() - killed < 5
        assert [record.id for record in notes.iterate()] == ["mine"]


def test_whoever_waits_too_long_is_told_so_in_one_line(sqlite_url: str, start: Start) -> None:
    holder = start(HOLD, sqlite_url)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    with Store.open(sqlite_url, timeout=0.2) as store:
        with pytest.raises(DatabaseBusy, match=r"memory\.db.*try again") as busy:
            store.collection("notes").add([Record(text="mine")])
        assert "\n" not in str(busy.value)


def test_another_programs_transaction_is_waited_for_and_reported(sqlite_url: str) -> None:
    with open_database(sqlite_url, timeout=0.2) as database:
        other = sqlite3.connect(str(DatabaseUrl.parse(sqlite_url).path), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match="another program"), database.write("me"):
            pass
        other.execute("ROLLBACK")
        with database.write("me"):
            pass
        other.close()


def test_ten_threads_on_one_store(sqlite_url: str) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(20):
                notes.add([Record(id=f"{number}-{i}", text=f"common unique{number}x{i}")])
                assert notes.search(f"unique{number}x{i}")[0].record.id == f"{number}-{i}"
                if i % 5 == 0:
                    notes.delete([f"{number}-{i}"])
        except BaseException as error:  # noqa: BLE001 - looked at below
            errors.append(error)

    with Store.open(sqlite_url) as store:
        notes = store.collection("notes")
        threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert notes.count() == 160
        check_index(store)


def test_closing_takes_the_journal_away_and_a_store_can_be_closed_twice(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    store.collection("notes").add([Record(text="a")])
    path = DatabaseUrl.parse(sqlite_url).path
    assert path is not None
    assert Path(f"{path}-wal").exists()
    store.close()
    assert not Path(f"{path}-wal").exists()
    store.close()
