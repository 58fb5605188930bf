"""For tests: a ``churn.db`` as AfterImage 0.3 to 0.7 wrote it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

_SCHEMA = """
CREATE TABLE file_churn_stats (
    file_path TEXT PRIMARY KEY, total_edits INTEGER DEFAULT 0, first_edit TEXT, last_edit TEXT,
    tier TEXT DEFAULT 'silver'
);
CREATE TABLE function_churn_stats (
    id TEXT PRIMARY KEY, file_path TEXT, function_name TEXT, signature_hash TEXT, edit_count INTEGER DEFAULT 0,
    last_edit TEXT, UNIQUE(file_path, signature_hash)
);
CREATE TABLE edit_history (
    id TEXT PRIMARY KEY, file_path TEXT, function_name TEXT, signature_hash TEXT, change_type TEXT, session_id TEXT,
    timestamp TEXT
);
CREATE INDEX idx_edit_history_file_time ON edit_history(file_path, timestamp);
CREATE INDEX idx_edit_history_func ON edit_history(signature_hash, timestamp);
CREATE INDEX idx_function_churn_file ON function_churn_stats(file_path);
"""

#: Path, when (ISO 8601), and the functions with what became of each: add, modify, delete or refactor.
LegacyEdit = tuple[str, str, dict[str, str]]


def write_legacy_churn(path: Path, edits: Iterable[LegacyEdit]) -> None:
    """Write a file in which each edit has a row a function, or one row if it has none, as the program did."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as sql, sql:
        sql.executescript(_SCHEMA)
        for number, (file, when, functions) in enumerate(edits):
            sql.execute(
                "INSERT INTO file_churn_stats VALUES (?, 1, ?, ?, 'gold') ON CONFLICT (file_path) "
                "DO UPDATE SET total_edits = total_edits + 1, last_edit = excluded.last_edit",
                (file, when, when),
            )
            for name, what in functions.items() or [(None, "modify")]:
                key = name and f"{name:>16}".replace(" ", "0")
                row = (f"h{number}-{name}", file, name, key, what, "session_20260101_090000", when)
                sql.execute("INSERT INTO edit_history VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                if name:
                    sql.execute(
                        "INSERT INTO function_churn_stats VALUES (?, ?, ?, ?, 1, ?) ON CONFLICT (file_path, "
                        "signature_hash) DO UPDATE SET edit_count = edit_count + 1, last_edit = excluded.last_edit",
                        (f"f{number}-{name}", file, name, key, when),
                    )
