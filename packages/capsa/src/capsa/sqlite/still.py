"""Reading a file that this account may not write, or whose folder it may not: a read-only mount, an archive.

A file in WAL mode needs two more beside it, which cannot be made there; or could be, as unwritable as the file, and
would lock out who may write it later. Where the last writer has closed the file everything is in it, and
SQLite reads it as one that cannot change (``immutable``). Whether it did is looked at afterwards.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from capsa.errors import DatabaseBusy, DatabaseUnavailable

_EFFECTIVE = os.access in os.supports_effective_ids


def is_still(path: Path) -> bool:
    """Whether the file can only be read, and has to be read this way.

    Raises:
        DatabaseUnavailable: it was not closed, and cannot be put in order here.
    """
    if _may(path, os.W_OK) and _may(path.parent, os.W_OK):
        return False
    if not _may(path, os.R_OK):
        # SQLite says so.
        return False
    journal = path.with_name(path.name + "-wal")
    if not journal.exists() or journal.stat().st_size == 0:
        return True
    if path.with_name(path.name + "-shm").exists():
        # With both beside it, SQLite reads it as ever.
        return False
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


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=_EFFECTIVE)


def _state(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
