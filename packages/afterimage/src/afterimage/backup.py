"""A complete copy of the memory in one file, and the way back from it."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.config import OWN_MARK
from afterimage.entries import COLLECTION, OWNER
from afterimage.errors import BackupError, MemoryDamaged, NotAMemory
from afterimage.own_files import is_own
from capsa import PrivateFolder

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import Collection, Transaction

#: From so many records on, what a server makes after them takes long.
_MANY = 20_000


def write_backup(backend: StorageBackend, file: Path, *, force: bool = False) -> int:
    """Copy the memory into the SQLite file ``file`` (mode 0600) as it is at this moment; how many entries.

    ``file`` appears when the copy is complete and was read back.

    Raises:
        BackupError: ``file`` exists and ``force`` is not given, or it is the memory, or its folder does not exist.
        MemoryDamaged: the copy is not sound, as the memory is not.
        OSError: ``file`` cannot be written.
    """
    refuse_to_overwrite(backend, file, force=force)
    if not file.parent.is_dir():
        raise BackupError(f"there is no folder {file.parent}: make it first")
    with PrivateFolder(file.parent) as folder:
        copy = folder.path / "memory.db"
        if backend.database.dialect == "sqlite":
            _copy_file(backend, copy)
        else:
            _copy_server(backend, copy)
        try:
            with closing(sqlite3.connect(copy)) as connection:
                # One plain file, without a journal beside it.
                connection.execute("PRAGMA journal_mode = DELETE")
            count = _sound(copy)
        except (BackupError, sqlite3.DatabaseError) as error:
            # A true copy, so what is wrong with it is wrong with the memory; and its own name is gone in a moment.
            why = error.__cause__ or error
            raise MemoryDamaged(
                f"{backend.url.path or backend.url} is damaged ({why}), and no backup was written: "
                f"restore an earlier one with `afterimage restore FILE --force`"
            ) from error
        copy.replace(file)
    return count


def refuse_to_overwrite(backend: StorageBackend, file: Path, *, force: bool) -> None:
    """Let nothing be written over the memory or the older one beside it, nor over any file unless it is forced.

    Raises:
        BackupError: it would be.
    """
    if not file.exists():
        return
    path = backend.url.path
    beside = () if path is None else (path, path.with_name(path.name.replace(f"{OWN_MARK}.", ".")))
    if any(memory.exists() and file.samefile(memory) for memory in beside):
        raise BackupError(f"{file} is the memory itself, or the older one that it came from: name another file")
    if not force:
        raise BackupError(f"{file} exists: name another file, or overwrite it with --force")


def _copy_file(backend: StorageBackend, copy: Path) -> None:
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(copy)) as target, backend.database.read(backend.owner) as tx:
        tx.connection.backup(target)


def _copy_server(backend: StorageBackend, copy: Path) -> None:
    from capsa import DatabaseUrl, open_database, transfer

    # A server may hold the memories of others, too.
    everything = transfer.one_owner(transfer.open_source(backend.url), backend.owner, OWNER)
    with closing(everything) as source, open_database(DatabaseUrl.for_path(copy)) as target:
        report = transfer.transfer(source, target)
    if not report.complete:
        raise BackupError(f"{report.failed} of {report.source_rows} rows of {backend.url} did not arrive in the backup")


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)


def _sound(copy: Path) -> int:
    """How many entries a copy holds; it is read whole."""
    try:
        with closing(_read_only(copy)) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
            sql = "SELECT count(*) FROM capsa_records WHERE owner = ? AND collection = ?"
            count = connection.execute(sql, (OWNER, COLLECTION)).fetchone()[0]
    except sqlite3.Error as error:
        raise BackupError(f"{copy} cannot be read: {error}") from error
    if verdict != "ok":
        raise BackupError(f"{copy} is damaged: {verdict}")
    return int(count)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    entries: int
    #: The backup of what the memory held before, if it held anything.
    kept: Path | None


def restore_backup(
    backend: StorageBackend,
    file: Path,
    keep_in: Path,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Make the memory what the backup ``file`` holds, in one transaction. ``file`` is only read.

    Args:
        keep_in: the folder for a backup of what the memory holds now.
        force: replace what it holds; without it a memory that is not empty is left alone. A file that cannot be
            read is moved aside.
        progress: called with the number of records restored and their total; beside the entries there are those
            of what is derived from them, and of what an earlier program noted of them.
        say: gets a line about what was moved aside, before anything is restored, and one where there is more to wait
            for after it.

    Raises:
        NotAMemory: ``file`` is no backup of ours.
        BackupError: the memory is not empty and ``force`` is not given, or the backup is damaged.
        capsa.SchemaTooNew: a newer version wrote the backup.
        capsa.TransferError: others write to the memory at the same time.
    """
    from afterimage.forgotten import noted, want_again
    from capsa import DatabaseDamaged, DatabaseUrl, open_database, transfer

    if not is_own(file):
        raise NotAMemory(
            f"{file} is not a backup of AfterImage: an export goes in with `afterimage import`, an older memory "
            f"by naming it as storage.sqlite.path"
        )
    _sound(file)
    keep_in.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = None
    try:
        kept = _keep(backend, keep_in, force=force)
    except (DatabaseDamaged, MemoryDamaged) as error:
        if not force:
            raise BackupError(f"{error}; --force moves the damaged file aside") from error
        _move_aside(backend, say)
    with PrivateFolder(keep_in) as folder:
        # Opening a memory may migrate it, and a backup is not ours to change.
        copy = folder.path / "memory.db"
        with closing(_read_only(file)) as original, closing(sqlite3.connect(copy)) as target:
            original.backup(target)
        open_database(DatabaseUrl.for_path(copy)).close()
        everything = transfer.open_source(DatabaseUrl.for_path(copy))
        before = noted(backend.database, backend.owner)
        forgotten = [id_ for id_, word in before.items() if word.is_forgotten]
        with (
            closing(transfer.one_owner(everything, OWNER, backend.owner)) as source,
            backend.database.maintain() as tx,
        ):
            for collection in _held(backend, tx):
                collection.clear(tx=tx)
            loaded = transfer.load(source, backend.database, tx, progress)
    if backend.database.dialect == "postgresql" and loaded >= _MANY:
        say("all of it is there; the server now makes its index of the vectors, and searches go on meanwhile")
    backend.database.maintain_vectors()
    # Who restores it wants it again, wherever it was forgotten.
    want_again(backend.database, backend.owner, backend.collection.get_many(forgotten))
    return Restored(backend.collection.count(), kept)


def _held(backend: StorageBackend, tx: Transaction) -> list[Collection]:
    """The collections of the memory, those of a newer version, too."""
    rows = tx.execute("SELECT DISTINCT collection FROM capsa_records WHERE owner = :owner", {"owner": backend.owner})
    known = backend.collections()
    others = [backend.capsa_store.collection(name, owner=backend.owner) for (name,) in rows if name not in known]
    return [*known.values(), *others]


def _keep(backend: StorageBackend, folder: Path, *, force: bool) -> Path | None:
    """Back up what the memory holds, if it holds anything."""
    held = backend.collection.count()
    if not held:
        return None
    if not force:
        raise BackupError(
            f"the memory holds {held:,} entr{'y' if held == 1 else 'ies'}: --force replaces what it holds, and keeps "
            f"a backup of it"
        )
    kept = folder / f"before-restore-{_now()}.db"
    write_backup(backend, kept)
    return kept


def _move_aside(backend: StorageBackend, say: Callable[[str], None]) -> None:
    """Put an empty file in the place of one that cannot be read; that one is kept, for whoever can rescue from it."""
    path = backend.url.path
    if path is None:
        raise BackupError(f"{backend.url} is damaged: its server's administrator has to repair it; nothing was changed")
    backend.close()
    aside = path.with_name(f"{path.name}.damaged-{_now()}")
    path.rename(aside)
    for suffix in ("-wal", "-shm", "-journal"):
        # Under a name by which SQLite finds it still.
        if (beside := path.with_name(path.name + suffix)).exists():
            beside.rename(aside.with_name(aside.name + suffix))
    # Where no file is, an older memory would be carried over first.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    say(f"{path} cannot be read: moved aside to {aside}")


def _now() -> str:
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%fZ}"
