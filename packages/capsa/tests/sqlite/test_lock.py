from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from capsa.errors import DatabaseBusy, DatabaseUnavailable
from capsa.sqlite.lock import WriterLock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def test_one_at_a_time(path: Path) -> None:
    inside = most = 0

    def work(lock: WriterLock) -> None:
        nonlocal inside, most
        for _ in range(20):
            with lock.hold(30):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    shared = WriterLock(path)
    # Two share a lock as threads of one store do; the others have their own, as processes do.
    threads = [
        threading.Thread(target=work, args=(lock,)) for lock in (shared, shared, WriterLock(path), WriterLock(path))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_an_error_inside_sets_it_free(path: Path) -> None:
    lock = WriterLock(path)
    with pytest.raises(ZeroDivisionError), lock.hold(1):
        raise ZeroDivisionError
    with lock.hold(0.1), pytest.raises(DatabaseBusy), WriterLock(path).hold(0.1):
        pass


@pytest.mark.parametrize("same", [True, False], ids=["threads", "processes"])
def test_the_wait_ends_in_time(path: Path, same: bool) -> None:
    lock = WriterLock(path)
    other = lock if same else WriterLock(path)
    with lock.hold(1):
        began = time.monotonic()
        with pytest.raises(DatabaseBusy, match=r"memory\.db.*try again"), other.hold(0.2):
            pass
        assert 0.15 < time.monotonic() - began < 5


def test_whoever_gave_up_does_not_take_it_later(path: Path) -> None:
    lock = WriterLock(path)
    with lock.hold(1):
        for _ in range(5):
            with pytest.raises(DatabaseBusy), WriterLock(path).hold(0.02):
                pass
    for _ in range(20):
        with lock.hold(5):
            pass


def test_no_descriptor_is_left_open(path: Path) -> None:
    def opened() -> int:
        # Of this lock alone: what others left to the garbage collector goes at any moment.
        with os.scandir("/proc/self/fd") as descriptors:
            links = [link for entry in descriptors if (link := _target(entry.path)) is not None]
        return links.count(str(lock.path))

    lock = WriterLock(path)
    for _ in range(50):
        with lock.hold(1):
            assert opened() == 1
    assert opened() == 0


def _target(link: str) -> str | None:
    try:
        return os.readlink(link)  # noqa: PTH115 - /proc's are no paths
    except FileNotFoundError:
        return None


def test_where_no_file_can_be_made_it_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match="No such file or directory"),
        WriterLock(tmp_path / "no" / "m").hold(1),
    ):
        pass
