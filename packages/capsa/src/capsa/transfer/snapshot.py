"""A private, consistent copy of a SQLite file that others may be writing.

Why a copy: a read transaction as long as a transfer would keep a writer of a rollback-journal file
from committing until its busy timeout ends, and an agent's hook must not fail because its memory
is being moved. SQLite's backup takes 0.1 s for 200 MB, and then nothing holds the source. It needs
the size of the file once more in the temporary folder while the transfer runs.

The source is opened with ``mode=ro``: nothing is created, rolled back, checkpointed or changed.
Where that cannot be read (an interrupted writer left a journal, or a WAL without its index in a
folder that may not be written), the files are copied as they are and SQLite recovers the copy.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from capsa.errors import DatabaseBusy, SourceMissing, SourceUnreadable, TransferError
from capsa.private import PrivateFolder

#: One uninterrupted copy up to this size; above it, in steps, so that writers get their turn.
_STEP_ABOVE_BYTES = 256 * 1024 * 1024
_STEP_PAGES = 16_384
_RESTARTS = 3
_WAIT_SECONDS = 30.0


class Snapshot:
    """The copy, and a connection to the source that tells whether it has changed since."""

    def __init__(self, path: Path | str) -> None:
        """Copy the file at ``path``.

        Raises:
            SourceMissing: there is no such file.
            SourceUnreadable: it is not a SQLite database, or damaged, or may not be read.
            TransferError: no room for the copy.
        """
        self.path = Path(path).expanduser().absolute()
        _check_file(self.path)
        self._folder = PrivateFolder()
        self._origin: sqlite3.Connection | None = None
        try:
            _check_space(self.path, self._folder.path)
            self.connection = self._copy()
        except BaseException:
            self.close()
            raise

    def _copy(self) -> sqlite3.Connection:
        copy = self._folder.path / "snapshot.db"
        # Before SQLite would, so that the mode is ours.
        os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with _readable(self.path):
            try:
                self._origin = sqlite3.connect(
                    f"{self.path.as_uri()}?mode=ro",
                    uri=True,
                    timeout=_WAIT_SECONDS,
                    isolation_level=None,
                    check_same_thread=False,
                )
                self._version = self._data_version()
                _backup(self._origin, copy, self.path.stat().st_size)
            except sqlite3.OperationalError as error:
                if "unable to open" not in str(error) and "readonly" not in str(error):
                    raise
                self._close_origin()
                self._copy_files(copy)
            connection = sqlite3.connect(copy, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA temp_store = MEMORY")
            # Who adds tables or indexes to the copy does not wait until all of it is on the disk.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _copy_files(self, copy: Path) -> None:
        for suffix in ("", "-journal", "-wal"):
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                target = copy.with_name(copy.name + suffix)
                shutil.copyfile(source, target)
                target.chmod(0o600)

    def _data_version(self) -> int:
        origin = self._origin
        return 0 if origin is None else int(origin.execute("PRAGMA data_version").fetchone()[0])

    def changed(self) -> bool:
        """Whether anybody has committed to the source since the copy was begun."""
        if self._origin is None:
            return False
        with _readable(self.path):
            return self._data_version() != self._version

    def _close_origin(self) -> None:
        if self._origin is not None:
            self._origin.close()
            self._origin = None

    def close(self) -> None:
        """Remove the copy; a second call does nothing."""
        self._close_origin()
        if (connection := getattr(self, "connection", None)) is not None:
            connection.close()
        self._folder.close()


def is_locked(path: Path) -> bool:
    """Whether another program keeps the file from being read just now, so that a `Snapshot` of it would wait."""
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        # What else is the matter with it, reading it will say.
        return "locked" in str(error)
    return False


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: sqlite3.Error) -> TransferError | DatabaseBusy:
    """What an error of SQLite while reading the source means."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return DatabaseBusy(f"{path} has been locked by another program for {_WAIT_SECONDS:.0f} s: try again")
    if "full" in text:
        return TransferError(
            f"no space left in {tempfile.gettempdir()} for a private copy of {path}: "
            f"free some, or set TMPDIR to another folder"
        )
    if "not a database" in text:
        return SourceUnreadable(f"{path} is not a SQLite database; nothing was changed")
    return SourceUnreadable(f"{path} is damaged ({text}): restore a copy of it, and run this again; it was only read")


def _check_file(path: Path) -> None:
    if not path.exists():
        raise SourceMissing(f"there is no file {path}: check the path; nothing was created")
    if not path.is_file():
        raise SourceUnreadable(f"{path} is not a file")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise SourceUnreadable(f"cannot read {path}: {error.strerror}") from error
    if head and head != b"SQLite format 3\0":
        raise SourceUnreadable(f"{path} is not a SQLite database; nothing was changed")
    if not head:
        raise SourceUnreadable(f"{path} is an empty file: there is nothing to read in it")


def _check_space(path: Path, folder: Path) -> None:
    need, free = path.stat().st_size, shutil.disk_usage(folder).free
    if free < need * 1.05:
        raise TransferError(
            f"a private copy of {path} needs {need / 1e6:.0f} MB in {folder.parent}, which has {free / 1e6:.0f} MB: "
            f"free some, or set TMPDIR to another folder"
        )


def _backup(origin: sqlite3.Connection, copy: Path, size: int) -> None:
    whole = size <= _STEP_ABOVE_BYTES
    target = sqlite3.connect(copy, isolation_level=None)
    try:
        # The copy is private and made again after a crash: it needs no journal and no sync.
        target.execute("PRAGMA synchronous = OFF")
        watch = _Restarts()
        try:
            origin.backup(target, pages=-1 if whole else _STEP_PAGES, progress=watch, sleep=0.001)
        except _TooManyRestarts:
            origin.backup(target, pages=-1)
    finally:
        target.close()


class _TooManyRestarts(Exception):
    """Writers are quicker than the copy in steps."""


class _Restarts:
    """Counts how often SQLite began the copy anew because another process wrote."""

    def __init__(self) -> None:
        self._remaining: int | None = None
        self._restarts = 0

    def __call__(self, _status: int, remaining: int, _total: int) -> None:
        if self._remaining is not None and remaining > self._remaining:
            self._restarts += 1
            if self._restarts > _RESTARTS:
                raise _TooManyRestarts
        self._remaining = remaining
