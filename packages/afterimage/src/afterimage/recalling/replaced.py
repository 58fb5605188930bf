"""Which lines of what was written were changed by later writes of the same file, as far as the memory tells.

Worked out when the index is written, so that a hook only has to look whether what it shows is among them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from afterimage.hook import fingerprints
from afterimage.hook.fingerprints import Lines
from afterimage.recalling.transaction import transaction
from capsa import from_stored

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Record

#: Entries of a file that are compared, those written last.
_MOST_OF_FILE = 64
#: Files of one transaction.
_AT_ONCE = 20
#: What stands where a secret stood may have been anything.
_REDACTED = "[redacted:"


class Version:
    """One entry of a file: what hooks show of it, and what it did to the file."""

    def __init__(self, e: int, shown: str, record: Record) -> None:
        """Nothing is compared yet.

        Args:
            shown: its code as hooks show it.
        """
        old = record.metadata.get("old_code")
        change = record.metadata.get("change", "edit" if old else "write")
        self.e = e
        self.written = record.created_at
        self.lines = Lines(shown)
        self.there = frozenset(self.lines.texts)
        self._now = frozenset(Lines(record.text).texts)
        self._old = Lines(old) if isinstance(old, str) else None
        self._whole = change not in {"edit", "note"}

    def replaces(self, earlier: Version) -> frozenset[str]:
        """The lines of an earlier version that were not left as they were."""
        if self._whole:
            # A file that was written again as a whole has what it has, and nothing else.
            return earlier.there - self._now
        old = self._old
        if old is None or not old.worthwhile() or not earlier.there.issuperset(old.texts):
            return frozenset()
        return frozenset(old.texts) - self._now


def replaced_lines(versions: Iterable[Version]) -> dict[int, str]:
    """Number of an entry -> the stretches of its lines that later ones replaced; none of what is as it was."""
    ordered = sorted(versions, key=lambda version: (version.written, version.e))
    found = {}
    for place, version in enumerate(ordered):
        gone = frozenset[str]().union(*(later.replaces(version) for later in ordered[place + 1 :]))
        lines = version.lines
        numbers = [
            number
            for text, number in zip(lines.texts, lines.numbers, strict=True)
            if text in gone and _REDACTED not in text
        ]
        if numbers:
            found[version.e] = " ".join(f"{first}-{last}" for first, last in _stretches(numbers))
    return found


def _stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


#: A file: its path, the project it was written in, and its place there.
File = tuple[str, str, str]


def compare_new(sql: sqlite3.Connection, backend: StorageBackend, until: float) -> bool:
    """Compare the versions of the files that were written since the last time; whether that is done.

    Args:
        sql: the recall index.
        until: when to stop, by `time.monotonic`; the next call goes on.
    """
    waiting = sql.execute(
        "SELECT path, project, inside, max(e) FROM entry WHERE e > (SELECT compared FROM state) AND path <> '' "
        "GROUP BY path, project, inside ORDER BY max(e)"
    ).fetchall()
    for first in range(0, len(waiting), _AT_ONCE):
        if time.monotonic() >= until:
            return False
        some = waiting[first : first + _AT_ONCE]
        compare(sql, backend, [row[:3] for row in some], upto=some[-1][3])
    return True


def compare(sql: sqlite3.Connection, backend: StorageBackend, files: Iterable[File], upto: int = 0) -> None:
    """Compare the versions of some files; with these, all up to that arrival were."""
    compared: dict[int, str | None] = {}
    for file in files:
        versions = list(_versions(sql, backend, file))
        compared |= dict.fromkeys((version.e for version in versions), None)
        compared |= replaced_lines(versions)
    with transaction(sql):
        sql.executemany("DELETE FROM replaced WHERE e = ?", [(e,) for e in compared])
        sql.executemany("INSERT INTO replaced VALUES (?, ?)", [(e, lines) for e, lines in compared.items() if lines])
        sql.execute("UPDATE state SET compared = max(compared, ?)", (upto,))


def _versions(sql: sqlite3.Connection, backend: StorageBackend, file: File) -> Iterable[Version]:
    path, project, inside = file
    marks = fingerprints.path_mark(path), fingerprints.place_mark(project, inside) if inside else 0
    rows = sql.execute(
        "SELECT e, id, text FROM (SELECT DISTINCT at, e FROM about WHERE h IN (?, ?) ORDER BY at DESC, e DESC LIMIT ?) "
        "JOIN entry USING (e) JOIN code USING (e)",
        (*marks, _MOST_OF_FILE),
    ).fetchall()
    ids = {e: from_stored(id_) for e, id_, _ in rows}
    records = backend.collection.get_many(ids.values())
    return (Version(e, text, records[ids[e]]) for e, _, text in rows if ids[e] in records)
