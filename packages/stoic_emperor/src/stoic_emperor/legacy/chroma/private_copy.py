"""A private, consistent copy of what is needed of a Chroma directory, which others may be writing.

SQLite copies its own file; see `capsa.transfer.Snapshot`. The files of the vector index know no locks,
so they are copied around it: if they were the same before and after, they and the snapshot belong
together, as whatever the queue holds beyond them is replayed. Chroma writes the id map last, so a file
that is newer than its id map tells of a save that is going on, or was cut short long ago. The directory
itself is only read.
"""

from __future__ import annotations

import shutil
import sqlite3
import stat
import time
from pathlib import Path

from capsa import DatabaseBusy, PrivateFolder, SourceMissing, SourceUnreadable, TransferError, transfer
from stoic_emperor.legacy.chroma.vector_index import FILES, ID_MAP_FILE

DATABASE_FILE = "chroma.sqlite3"
_ATTEMPTS = 5
#: File times are as fine as the kernel's clock ticks: a file written just now may be written again unseen.
_TICK_SECONDS = 0.02
#: A save that has not gone on for so long was cut short.
_ABANDONED_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0

#: Name -> inode, size and time of change of each file of the indexes.
_Look = dict[str, tuple[int, int, int]]


class PrivateCopy:
    """The copy; `close` removes it."""

    def __init__(self, path: Path) -> None:
        """Copy the directory at ``path``.

        Raises:
            SourceMissing: there is no such directory, or no Chroma database in it; nothing was created.
            SourceUnreadable: it may not be read, or is damaged.
            DatabaseBusy: another program writes it all the time, or holds its lock.
            TransferError: there is no room for the copy.
        """
        self.path = path
        _check(path)
        self._folder: PrivateFolder | None = None
        self._snapshot: transfer.Snapshot | None = None
        for _ in range(_ATTEMPTS):
            try:
                if self._copied():
                    return
            except BaseException:
                self.close()
                raise
            self.close()
        raise _busy(path)

    def _copied(self) -> bool:
        """Whether the copy is of one instant."""
        try:
            self._look = _settled(self.path)
            self._snapshot = transfer.Snapshot(self.path / DATABASE_FILE)
            self.connection: sqlite3.Connection = self._snapshot.connection
            self._folder = PrivateFolder()
            self.scratch = self._folder.path / "scratch.db"
            self._copy_indexes(self._folder.path)
            return _look(self.path) == self._look
        except FileNotFoundError:
            return False
        except OSError as error:
            name, reason = error.filename or self.path, error.strerror or error
            raise SourceUnreadable(f"cannot copy {name}: {reason}; nothing was changed") from error

    def _copy_indexes(self, folder: Path) -> None:
        need = sum(size for _, size, _ in self._look.values())
        free = shutil.disk_usage(folder).free
        if free < need * 1.05:
            raise TransferError(
                f"a private copy of the vectors of {self.path} needs {need / 1e6:.0f} MB in {folder.parent}, which has "
                f"{free / 1e6:.0f} MB: free some, or set TMPDIR to another folder"
            )
        for name in self._look:
            target = folder / name
            target.parent.mkdir(mode=0o700, exist_ok=True)
            if not stat.S_ISREG((self.path / name).stat().st_mode):
                raise SourceUnreadable(f"cannot copy {self.path / name}: it is no file; nothing was changed")
            shutil.copyfile(self.path / name, target)

    def index(self, segment: str) -> Path | None:
        """The folder with the copied files of a segment; None if nothing was ever saved for it."""
        if self._folder is None or f"{segment}/{ID_MAP_FILE}" not in self._look:
            return None
        return self._folder.path / segment

    def changed(self) -> bool:
        """Whether the directory has changed since."""
        return self._snapshot is None or self._snapshot.changed() or _look(self.path) != self._look

    def close(self) -> None:
        """Remove the copy; a second call does nothing."""
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None
        if self._folder is not None:
            self._folder.close()
            self._folder = None


def _busy(path: Path) -> DatabaseBusy:
    return DatabaseBusy(f"{path} is being written by another program: stop it (or wait until it is idle) and try again")


def _check(path: Path) -> None:
    if not path.exists():
        raise SourceMissing(f"there is no directory {path}: check the path; nothing was created")
    if not path.is_dir():
        raise SourceUnreadable(f"{path} is not a directory: name the one in which {DATABASE_FILE} lies")
    if not (path / DATABASE_FILE).exists():
        raise SourceMissing(f"{path} holds no {DATABASE_FILE}, so it is no directory of ChromaDB: check the path")


def _settled(path: Path) -> _Look:
    """The files of the indexes, once nobody is in the middle of writing them; or as they are after a while."""
    waited = 0.0
    while True:
        look = _look(path)
        age = time.time() - max((changed for _, _, changed in look.values()), default=0) / 1e9
        if age < 0 or age > _ABANDONED_SECONDS or (age > _TICK_SECONDS and _is_whole(look)):
            return look
        if waited > _PATIENCE_SECONDS:
            raise _busy(path)
        time.sleep(_TICK_SECONDS)
        waited += _TICK_SECONDS


def _is_whole(look: _Look) -> bool:
    """Whether no file is newer than the id map of its index."""
    saved = {name.partition("/")[0]: changed for name, (_, _, changed) in look.items() if name.endswith(ID_MAP_FILE)}
    return all(changed <= saved.get(name.partition("/")[0], 0) for name, (_, _, changed) in look.items())


def _look(path: Path) -> _Look:
    """The saved indexes; folders without an id map hold nothing that means anything."""
    look: _Look = {}
    for saved in sorted(path.glob(f"*/{ID_MAP_FILE}")):
        for name in FILES:
            file = saved.with_name(name)
            try:
                status = file.stat()
            except FileNotFoundError:
                continue
            look[f"{saved.parent.name}/{name}"] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return look
