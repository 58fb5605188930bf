"""Which files are the engine's, by a look that changes nothing in them.

Only SQLite may look into a file that is in use, maybe by this process: whoever closes a file gives up all locks that
the process has on it (POSIX), and another process could then take the journal away from under it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_SQLITE = b"SQLite format 3\0"
#: Where the header of a SQLite file has the mark of the program that it belongs to, and ours: "Caps".
_MARK, _OURS = slice(68, 72), b"Caps"


def is_own(path: Path) -> bool:
    """Whether ``path`` is a SQLite file of the engine. Reads, never writes."""
    if _in_use(path):
        # The mark of a file that was never checkpointed stands in its journal alone.
        return _asked(path, "PRAGMA application_id", 0) == int.from_bytes(_OURS)
    return _header(path)[_MARK] == _OURS


def is_blank(path: Path) -> bool:
    """Whether ``path`` is a file without a table, as a run leaves it that found the disk full. Reads, never writes."""
    if not path.is_file():
        return False
    if path.stat().st_size == 0:
        return True
    return (_in_use(path) or bool(_header(path))) and not _asked(path, "SELECT count(*) FROM sqlite_master", 1)


def _in_use(path: Path) -> bool:
    return path.is_file() and any(path.with_name(path.name + end).exists() for end in ("-wal", "-shm"))


def _header(path: Path) -> bytes:
    """The header of a SQLite file; empty for anything else."""
    # Of a pipe, reading would wait for ever.
    if not path.is_file():
        return b""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return b""
    return header if len(header) == 100 and header.startswith(_SQLITE) else b""


def _asked(path: Path, question: str, unreadable: int) -> int:
    """What SQLite says of the file; ``unreadable`` if it cannot read it."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute(question).fetchone()[0])
    except sqlite3.Error:
        return unreadable
