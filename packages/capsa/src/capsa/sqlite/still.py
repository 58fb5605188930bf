"""Reading a file that cannot be written: by this account, in a read-only mount or an archive, or on a full disk.

A file in WAL mode needs two more beside it, which cannot be made there; or could be, as unwritable as the file, and
would lock out who may write it later. Where the last writer has closed the file everything is in it, and
SQLite reads it as one that cannot change (``immutable``). Whether it did is looked at afterwards.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from capsa.errors import DatabaseBusy, DatabaseFull, DatabaseUnavailable

_EFFECTIVE = os.access in os.supports_effective_ids
#: What the two files beside it need at first.
_LEAST_ROOM = 1 << 16


def is_still(path: Path) -> bool:
    """Whether the file can only be read, and has to be read this way.

    Raises:
        DatabaseUnavailable: or `DatabaseFull`: it was not closed, and cannot be put in order here.
    """
    full = is_full(path)
    if _may(path, os.W_OK) and _may(path.parent, os.W_OK) and not full:
        return False
    if not _may(path, os.R_OK):
        # SQLite says so.
        return False
    journal, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    if full and index.exists():
        # Others have it open, and SQLite reads it as they do.
        return False
    if not journal.exists() or journal.stat().st_size == 0:
        return True
    if index.exists():
        # With both beside it, SQLite reads it as ever.
        return False
    if full:
        raise DatabaseFull(no_space(path))
    raise DatabaseUnavailable(
        f"{path} was not closed by its last writer, and {path.parent} may not be written: copy {path.name} and "
        f"{journal.name} into a folder of your own and name that file"
    )


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a still file.

    Raises:
        DatabaseBusy: somebody who may has written to it meanwhile, so what was read may be wrong.
    """
    before = _state(path)
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)) as connection:
            yield connection
    finally:
        if _state(path) != before:
            raise DatabaseBusy(f"{path} was written by another program while it was read: try again")


def is_full(path: Path) -> bool:
    """Whether the disk that the file is on has no room for what SQLite writes beside it."""
    try:
        return shutil.disk_usage(path.parent).free < _LEAST_ROOM
    except OSError:
        # Whoever opens it says what is wrong.
        return False


def no_space(path: Path) -> str:
    """What to do then."""
    return f"no space left for {path}: free some and try again; what was stored before is intact"


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=_EFFECTIVE)


def _state(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
