"""Who keeps a command waiting: the process that holds a file, as far as the system tells (Linux: /proc/locks)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LOCKS = Path("/proc/locks")
#: Seconds between two looks.
_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that lets nobody else write a file."""

    path: Path
    process: int

    def __str__(self) -> str:
        try:
            name = Path(f"/proc/{self.process}/comm").read_text("utf-8", "replace").strip()
        except OSError:
            name = ""
        return f"process {self.process} ({name})" if name else f"process {self.process}"


def holders(paths: Sequence[Path]) -> frozenset[Holder]:
    """The other processes that hold one of ``paths`` for writing; none where the system does not tell."""
    files = {path.stat().st_ino: path for path in paths if path.exists()}
    try:
        lines = _LOCKS.read_text("ascii").splitlines() if files else []
    except OSError:
        return frozenset()
    found = set()
    for fields in map(str.split, lines):
        # Those that wait themselves have an arrow in their second column.
        if len(fields) == 8 and fields[3] == "WRITE" and fields[4].isdecimal():
            device, _, number = fields[5].rpartition(":")
            path = files.get(int(number))
            process = int(fields[4])
            # Another file system may have a file of the same number.
            if path is not None and process != os.getpid() and _has_open(process, path, device):
                found.add(Holder(path, process))
    return frozenset(found)


def _has_open(process: int, path: Path, device: str) -> bool:
    try:
        return any(opened.samefile(path) for opened in Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        # Somebody else's process, or one that is not seen from here: go by the file system's own number.
        major, _, minor = device.partition(":")
        number = path.stat().st_dev
        return (int(major, 16), int(minor, 16)) == (os.major(number), os.minor(number))


@contextmanager
def told_who_holds(
    paths: Sequence[Path], tell: Callable[[Holder | None], None], after: float = 3.0, unknown_after: float = 10.0
) -> Iterator[None]:
    """While this lasts: once one process has held one of ``paths`` for so many seconds, ``tell`` who it is, once.

    Where none is known after ``unknown_after`` seconds, that is told: not every system says who holds a file.
    """
    done = threading.Event()

    def watch() -> None:
        since: dict[Holder, float] = {}
        started = time.monotonic()
        while not done.wait(_EVERY):
            now = time.monotonic()
            since = {holder: since.get(holder, now) for holder in holders(paths)}
            if held := [holder for holder, begun in since.items() if now - begun >= after]:
                tell(held[0])
                return
            if not since and now - started >= unknown_after:
                tell(None)
                return

    watcher = threading.Thread(target=watch, name="afterimage-waiting", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
