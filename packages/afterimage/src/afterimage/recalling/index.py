"""The recall index, open for writing. Who writes holds the lock of `afterimage.sync`."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage.entries import AUTHOR, CHECKOUT, COLLECTION, IN_PROJECT
from afterimage.errors import RecallIndexUnwritable
from afterimage.hook import fingerprints, recall
from afterimage.hook.redaction import Redactor
from afterimage.recalling.marks import Marks
from afterimage.recalling.replaced import compare, compare_new
from afterimage.recalling.transaction import transaction
from capsa import from_stored, named_statements, to_stored

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Record, Transaction

#: Entries of one transaction: short, as a hook that finds the file locked recalls nothing.
_BATCH = 200
#: Entries of a file that are looked at to see how often it changes.
_MOST_OF_FILE = 1_000
#: Characters of an entry's code that can be shown.
_MOST_CODE = 16_000
#: Characters beyond them that are looked at for secrets: more than any key has.
_BEYOND = 8_000
#: What is no fault of the file.
_NOT_NOW = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM),
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN),
}
_HARMLESS = "What was stored is intact; once that is mended, `afterimage sync` goes on, and hooks recall again"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What bringing the index up to date did."""

    added: int = 0
    removed: int = 0
    #: Whether everything of the memory is in it now.
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Note:
    """What a hook says before a file is written."""

    line: str
    #: When that is no longer of interest, in microseconds since 1970-01-01 UTC.
    until: int


@dataclass(frozen=True, slots=True)
class Written:
    """A file, the arrival of its last entry, and how many it has since the one moment and the other."""

    path: str
    last: int
    month: int
    day: int


class RecallIndex:
    """The recall index of one memory, in AfterImage's folder."""

    def __init__(self, directory: Path) -> None:
        """Nothing is opened yet."""
        self.path = directory / recall.NAME
        self._redact = Redactor()

    def refresh(
        self,
        backend: StorageBackend,
        *,
        rebuild: bool = False,
        seconds: float = float("inf"),
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Refreshed:
        """Bring the index in step with ``backend``; made anew if it is missing, damaged, old or of another memory.

        Args:
            rebuild: make it anew in any case, as after entries were changed in place.
            seconds: stop after so many; the next call goes on.
            progress: told how many entries are done, of how many.

        Raises:
            capsa.DatabaseUnavailable: the memory cannot be read.
            OSError, RecallIndexUnwritable: the index cannot be written.
        """
        until = time.monotonic() + seconds
        memory = f"{backend.owner} in {backend.url}"
        if rebuild or not self._is_of(memory):
            return self._build(backend, memory, until, progress)
        try:
            with self._open(self.path) as sql:
                ((cursor,),) = sql.execute("SELECT cursor FROM state").fetchall()
                removed = self._remove_forgotten(sql, backend, cursor)
                if removed is not None:
                    added, complete = self._add_arrived(sql, backend, cursor, until, progress)
                    return Refreshed(added, removed, complete and compare_new(sql, backend, until))
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise
        return self._build(backend, memory, until, progress)

    def discard(self) -> None:
        """Delete it: hooks recall nothing until it is made anew, by the next `refresh`."""
        for name in (self.path.name, f"{self.path.name}-journal"):
            self.path.with_name(name).unlink(missing_ok=True)

    # What is to be said before a file is written

    def written(self, month: int, day: int) -> list[Written]:
        """The files that were written since they were looked at, in the order of their last entries.

        Args:
            month, day: the microseconds from which on their entries are counted.
        """
        with self._open(self.path) as sql:
            rows = sql.execute(
                "SELECT path, max(e), count(*), sum(at >= ?) FROM entry WHERE at >= ? GROUP BY path "
                "HAVING max(e) > (SELECT noted FROM state) ORDER BY max(e)",
                (day, month),
            ).fetchall()
        return [Written(*row) for row in rows]

    def noted(self) -> frozenset[int]:
        """The marks of the files of which something is to be said."""
        with self._open(self.path) as sql:
            return frozenset(mark for (mark,) in sql.execute("SELECT h FROM note"))

    def ids_of(self, path: str) -> list[str]:
        """The entries of a file that are in the index, by their time, the last `_MOST_OF_FILE` of them."""
        with self._open(self.path) as sql:
            rows = sql.execute(
                "SELECT id FROM about JOIN entry USING (e) WHERE h = ? AND path = ? "
                "ORDER BY about.at DESC, e DESC LIMIT ?",
                (fingerprints.path_mark(path), path, _MOST_OF_FILE),
            ).fetchall()
        return [from_stored(id_) for (id_,) in reversed(rows)]

    def note(self, notes: Mapping[str, Note | None], upto: int) -> None:
        """What hooks are to say of files; None for nothing. With these, all up to that arrival were looked at."""
        with self._open(self.path) as sql, transaction(sql):
            for path, note in notes.items():
                mark = fingerprints.path_mark(path)
                sql.execute("DELETE FROM note WHERE h = ?", (mark,))
                if note is not None:
                    sql.execute("INSERT INTO note VALUES (?, ?, ?)", (mark, note.line, note.until))
            sql.execute("UPDATE state SET noted = max(noted, ?)", (upto,))

    def _is_of(self, memory: str) -> bool:
        if not self.path.exists():
            return False
        try:
            with self._open(self.path) as sql:
                ((version,),) = sql.execute("PRAGMA user_version").fetchall()
                found = sql.execute("SELECT memory FROM state").fetchall()
        except (sqlite3.Error, RecallIndexUnwritable):
            return False
        return bool(version == recall.VERSION and found == [(memory,)])

    def _build(
        self,
        backend: StorageBackend,
        memory: str,
        until: float,
        progress: Callable[[int, int | None], None] | None,
    ) -> Refreshed:
        """A new file in place of the old one, when it is done: hooks read the old one meanwhile."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.path.with_name(f"{self.path.name}.new")
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with self._open(unfinished) as sql:
            # If the power fails now, there is no new file.
            sql.execute("PRAGMA synchronous = OFF")
            sql.execute("PRAGMA journal_mode = OFF")
            sql.execute("PRAGMA cache_size = -200000")
            sql.executescript(resources.files(__package__).joinpath("sql", "schema.sql").read_text("utf-8"))
            sql.execute("INSERT INTO state VALUES (1, ?, 0, 0, 0)", (memory,))
            sql.execute(f"PRAGMA user_version = {recall.VERSION}")
            added, complete = self._add_arrived(sql, backend, 0, until, progress)
            complete = complete and compare_new(sql, backend, until)
        # A journal of the old file would be taken for one of the new.
        with suppress(FileNotFoundError):
            self.path.with_name(f"{self.path.name}-journal").unlink()
        unfinished.replace(self.path)
        return Refreshed(added, 0, complete)

    def _add_arrived(
        self,
        sql: sqlite3.Connection,
        backend: StorageBackend,
        cursor: int,
        until: float,
        progress: Callable[[int, int | None], None] | None,
    ) -> tuple[int, bool]:
        added = 0
        ((there,),) = sql.execute("SELECT count(*) FROM entry").fetchall()
        total = backend.collection.count() if progress else None
        while arrived := _ask(backend, "arrivals", after=cursor, limit=_BATCH):
            if time.monotonic() >= until:
                return added, False
            numbers = {from_stored(id_): seq for seq, id_ in arrived}
            found = backend.collection.get_many(numbers)
            cursor = arrived[-1][0]
            with transaction(sql):
                self._insert(sql, [(numbers[id_], record) for id_, record in found.items()])
                sql.execute("UPDATE state SET cursor = ?", (cursor,))
            added += len(found)
            if progress:
                progress(there + added, total)
        return added, True

    def _insert(self, sql: sqlite3.Connection, arrived: Sequence[tuple[int, Record]]) -> None:
        rare: list[tuple[int, int]] = []
        about: list[tuple[int, int, int]] = []
        for seq, record in arrived:
            marks = Marks.of(record)
            at = int(record.created_at.timestamp() * 1_000_000)
            rare += ((mark, seq) for mark in marks.rare)
            about += ((mark, at, seq) for mark in marks.about)
            project, checkout, commit, change = _facts(record, "project", CHECKOUT, "commit", "change")
            if project:
                sql.execute("INSERT OR IGNORE INTO checkout VALUES (?, ?)", (checkout or project, project))
            # A note is written by whoever asks the server, and proves nothing.
            if project and commit and change != "note":
                sql.execute(
                    "INSERT INTO base VALUES (?, ?, ?) "
                    "ON CONFLICT (project, commit_) DO UPDATE SET at = max(at, excluded.at)",
                    (project, commit, at),
                )
            sql.execute(
                f"INSERT OR REPLACE INTO entry VALUES ({', '.join('?' * 14)})",
                (
                    *(seq, to_stored(record.id), _whole(record.path), *_facts(record, "project", "project_name")),
                    *(_whole(record.session_id), *_facts(record, "branch"), at),
                    *(len(marks.grams), marks.whole, _title(marks), *_facts(record, AUTHOR, IN_PROJECT, "change")),
                ),
            )
            # Cut only then, lest half a key be left at the end.
            code = self._redact(record.text[: _MOST_CODE + _BEYOND])[:_MOST_CODE]
            sql.execute("INSERT OR REPLACE INTO code VALUES (?, ?)", (seq, _whole(code)))
        sql.executemany("INSERT OR IGNORE INTO about VALUES (?, ?, ?)", sorted(about))
        sql.executemany(
            "INSERT OR IGNORE INTO mark SELECT ?1, ?2 WHERE (SELECT count(*) FROM mark WHERE h = ?1) <= ?3",
            [(mark, seq, recall.COMMON) for mark, seq in sorted(rare)],
        )

    def _remove_forgotten(self, sql: sqlite3.Connection, backend: StorageBackend, cursor: int) -> int | None:
        """Take out what the memory no longer has; None if it is another memory than this index was made from.

        Compared by how many there are and by the newest, and one by one only if those differ.
        """
        ((there,),) = _ask(backend, "arrived", upto=cursor)
        ((here, newest),) = sql.execute("SELECT count(*), max(e) FROM entry").fetchall()
        last = _indexed(sql, "SELECT e, id FROM entry WHERE e = ?", (newest,))
        if there == here and (not last or _ids(backend, "arrival", seq=newest) == last):
            return 0
        alive = _ids(backend, "all_arrivals", upto=cursor)
        known = _indexed(sql, "SELECT e, id FROM entry")
        # A number is given once: where another has it, somebody put another file in the place of the memory's.
        if any(alive.get(e, id_) != id_ for e, id_ in known.items()):
            return None
        gone = sorted(known.keys() - alive.keys())
        missing = sorted(alive.keys() - known.keys())
        sql.execute("CREATE TEMP TABLE IF NOT EXISTS gone (e INTEGER PRIMARY KEY)")
        with transaction(sql):
            sql.execute("DELETE FROM gone")
            sql.executemany("INSERT INTO gone VALUES (?)", [(e,) for e in gone])
            files = sql.execute("SELECT DISTINCT path, project, inside FROM entry JOIN gone USING (e)").fetchall()
            for table in ("entry", "code", "mark", "about", "replaced"):
                sql.execute(f"DELETE FROM {table} WHERE e IN (SELECT e FROM gone)")
            # What was said of how often files change may have counted them.
            sql.execute("DELETE FROM note")
            sql.execute("UPDATE state SET noted = 0")
            for first in range(0, len(missing), _BATCH):
                # Numbers are given out when a transaction begins: one that took long comes in behind the cursor.
                self._insert(sql, list(_by_number(backend, missing[first : first + _BATCH])))
            if missing:
                sql.execute("UPDATE state SET compared = min(compared, ?)", (missing[0] - 1,))
        # What is forgotten supersedes nothing.
        compare(sql, backend, files)
        return len(gone)

    @contextmanager
    def _open(self, path: Path) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as sql:
                # What was forgotten must not stay in the file.
                sql.execute("PRAGMA secure_delete = ON")
                yield sql
        except sqlite3.OperationalError as error:
            if _code(error) in _NOT_NOW:
                raise RecallIndexUnwritable(f"{path} cannot be written: {error}. {_HARMLESS}") from error
            raise


def is_damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is at fault (pages or tables), not the moment, as when it is locked or the disk is full."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


def _code(error: sqlite3.DatabaseError) -> int:
    """Of the family of errors; -1 of one that SQLite does not know of."""
    code = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else code & 0xFF


def _ask(backend: StorageBackend, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    sql = named_statements(__package__)[statement]
    with backend.database.read(backend.owner) as tx:
        return _of(tx, sql, parameters)


def _of(tx: Transaction, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return tx.execute(sql, {"owner": tx.owner, "collection": COLLECTION, **parameters})


def _ids(backend: StorageBackend, statement: str, **parameters: Any) -> dict[int, str]:
    """Number of arrival -> id."""
    return {seq: from_stored(id_) for seq, id_ in _ask(backend, statement, **parameters)}


def _indexed(sql: sqlite3.Connection, statement: str, parameters: tuple[int, ...] = ()) -> dict[int, str]:
    """Number of arrival -> id, as the index has it."""
    return {seq: from_stored(id_) for seq, id_ in sql.execute(statement, parameters)}


def _by_number(backend: StorageBackend, numbers: Sequence[int]) -> Iterator[tuple[int, Record]]:
    found: dict[str, int] = {}
    for seq in numbers:
        found |= dict.fromkeys(_ids(backend, "arrival", seq=seq).values(), seq)
    for id_, record in backend.collection.get_many(found).items():
        yield found[id_], record


def _facts(record: Record, *names: str) -> tuple[str, ...]:
    """What is noted of an entry; empty what is not."""
    return tuple(_whole(record.metadata.get(name)) for name in names)


def _whole(text: object) -> str:
    """``text`` as it can be shown, a mark of its own for each half of a character; empty if it is none."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _title(marks: Marks) -> str:
    title = ", ".join(marks.definitions[:6])
    return title if len(title) <= 100 else f"{title[:97]}…"
