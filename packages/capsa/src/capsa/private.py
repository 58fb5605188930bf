"""A folder for copies of somebody's memory: for this account alone, and gone when its process is, however that ends.

A process that is killed removes nothing. So each folder holds a file that its process has locked, which the system
lets go of when the process dies, and whoever makes the next folder removes those that nobody holds any more.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
import weakref
from pathlib import Path
from typing import Self

if sys.platform != "win32":
    import fcntl

_PREFIX = "capsa-private-"
_HELD = "held"
#: A folder without that file is being made, unless it is so old (seconds).
_BEING_MADE = 3600.0


class PrivateFolder:
    """The folder, at `path`, until it is closed."""

    def __init__(self, parent: Path | str | None = None) -> None:
        """Make it, mode 0700, and remove those in the same place that dead processes of this account left.

        Args:
            parent: default the folder for temporary files.

        Raises:
            OSError: it cannot be made.
        """
        place = Path(parent or tempfile.gettempdir())
        remove_abandoned(place)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        self._remove = weakref.finalize(self, _remove, self.path, _hold(self.path), os.getpid())

    def close(self) -> None:
        """Remove it with all that is in it; a second call does nothing."""
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def remove_abandoned(parent: Path | str | None = None) -> None:
    """Remove the private folders of this account whose processes are gone."""
    for folder in Path(parent or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _is_ours(folder) and _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path, descriptor: int, process: int) -> None:
    # What a process forked from ours ends with is not its own.
    if os.getpid() == process:
        # First, as Windows removes no file that is open; nobody takes it for abandoned in between who could do other
        # than remove it.
        os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def _hold(folder: Path) -> int:
    """Lock the file that says that the folder is in use; under its name it appears locked."""
    making = folder / f".{_HELD}"
    descriptor = os.open(making, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        making.rename(folder / _HELD)
    return descriptor


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder of this account that nobody else may enter, and no link to one."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    mine = sys.platform == "win32" or found.st_uid == os.geteuid()
    return mine and stat.S_ISDIR(found.st_mode) and (sys.platform == "win32" or not found.st_mode & 0o077)


def _is_abandoned(folder: Path) -> bool:
    try:
        if sys.platform == "win32" or not (folder / _HELD).exists():
            return time.time() - folder.stat().st_mtime > _BEING_MADE
        descriptor = os.open(folder / _HELD, os.O_RDWR)
    except FileNotFoundError:
        # Removed in this moment.
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
