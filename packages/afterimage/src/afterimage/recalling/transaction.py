"""A transaction on the recall index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def transaction(sql: sqlite3.Connection) -> Iterator[None]:
    """All of it, or nothing. Short: a hook that finds the file locked recalls nothing."""
    sql.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            sql.execute("ROLLBACK")
        raise
    sql.execute("COMMIT")
