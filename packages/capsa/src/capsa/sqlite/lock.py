"""One writer at a time, in turn.

SQLite's own busy handler sleeps and retries, so with many writers some wait for seconds; a lock
file queues them. It is held around every write and every checkpoint, which also keeps us clear of
the WAL-reset bug of SQLite 3.7.0 to 3.51.2: that needs two connections writing or checkpointing
at the same time. The system releases the lock of a process that dies.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from capsa.errors import DatabaseBusy, DatabaseUnavailable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Before queueing; times in seconds.
_LOOKS = 10
_BETWEEN_LOOKS = 0.001


class WriterLock:
    """The lock of one database file, between threads and between processes."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + "-lock")
        self._threads = threading.Lock()

    @contextmanager
    def hold(self, timeout: float) -> Iterator[None]:
        """Wait for the lock, at most ``timeout`` seconds.

        Raises:
            DatabaseBusy: it was not free in time.
            DatabaseUnavailable: there is no place for it.
        """
        deadline = time.monotonic() + timeout
        if not self._threads.acquire(timeout=timeout):
            raise self._busy(timeout)
        try:
            # Opened each time: a descriptor shared over a fork would share the lock too.
            descriptor = self._open()
            try:
                if not _acquire(descriptor, deadline):
                    raise self._busy(timeout)
                yield
            finally:
                os.close(descriptor)
        finally:
            self._threads.release()

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            raise DatabaseUnavailable(
                f"cannot write to {self.path.name.removesuffix('-lock')}: its lock file {self.path} "
                f"cannot be opened ({error.strerror}): check the permissions of the folder"
            ) from error

    def _busy(self, timeout: float) -> DatabaseBusy:
        return DatabaseBusy(
            f"another process has been writing to {self.path.name.removesuffix('-lock')} for {timeout:.0f} s: try again"
        )


if sys.platform == "win32":

    def _acquire(descriptor: int, deadline: float) -> bool:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.01)
            else:
                return True

else:

    def _acquire(descriptor: int, deadline: float) -> bool:
        # A write holds the lock for about a millisecond: to look again soon costs less than to queue, to look more
        # often takes the processor from who holds it.
        for _ in range(_LOOKS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_BETWEEN_LOOKS)
            else:
                return True
        return _wait_in_turn(descriptor, deadline)

    def _wait_in_turn(descriptor: int, deadline: float) -> bool:
        # A blocking flock queues fairly but knows no time limit, so a thread waits in our place.
        own = os.dup(descriptor)
        taken = threading.Event()

        def wait() -> None:
            try:
                fcntl.flock(own, fcntl.LOCK_EX)
            finally:
                # The lock belongs to the open file, not to this descriptor: it lives as long as the caller's.
                os.close(own)
                taken.set()

        threading.Thread(target=wait, daemon=True).start()
        return taken.wait(max(0.0, deadline - time.monotonic()))
