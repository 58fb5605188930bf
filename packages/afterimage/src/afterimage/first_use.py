"""The first use after an upgrade: the entries of an older memory come along, into a file of our own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from afterimage.errors import NotAMemory


def carry_over_once(configured: Path, own: Path, report: Callable[[str], None] | None = None) -> None:
    """Carry the older memory at ``configured`` over into ``own``, unless that was done or there is none.

    The older file is only read. ``own`` appears under its name when every entry is in it and compared.

    Args:
        report: gets each line of progress; default stderr.

    Raises:
        NotAMemory: ``configured`` is a file of another kind, or too damaged to tell.
        capsa.TransferError: the older memory cannot be read, or not all of it arrived.
    """
    if own == configured or own.exists() or not configured.exists():
        return
    from afterimage.legacy import damage, is_legacy

    if not is_legacy(configured):
        if configured.is_file() and configured.stat().st_size == 0:
            return
        if configured.is_file() and not os.access(configured, os.R_OK):
            raise NotAMemory(f"{configured} may not be read: see to its permissions, or correct storage.sqlite.path")
        if why := damage(configured):
            raise NotAMemory(
                f"{configured} is damaged ({why}): restore a copy of it, or correct storage.sqlite.path; "
                f"nothing was changed"
            )
        raise NotAMemory(
            f"{configured} is not a memory of AfterImage: correct storage.sqlite.path, or move that file away"
        )
    tell = report or _to_stderr
    if not os.access(own.parent, os.W_OK):
        raise NotAMemory(
            f"{configured} is an older memory, which is carried over into a file beside it, and {own.parent} may not "
            f"be written: copy it into a folder of your own, and name that in storage.sqlite.path"
        )
    with _alone_in(own.parent, tell):
        if not own.exists():
            _carry_over(configured, own, tell)


def _carry_over(configured: Path, own: Path, tell: Callable[[str], None]) -> None:
    from afterimage.legacy import carry_over

    # Under another name until it is whole: what was killed half-way is gone on with, never used.
    unfinished = own.with_name(own.name + ".unfinished")
    tell(f"afterimage: carrying the memory {configured} over into {own}; the file itself stays as it is")
    report = carry_over(configured, unfinished, progress=_lines(tell))
    _carry_churn_over(configured.parent, unfinished, tell)
    for beside in ("-wal", "-shm", "-lock", "-journal"):
        unfinished.with_name(unfinished.name + beside).unlink(missing_ok=True)
    unfinished.rename(own)
    arrived = next(part for part in report.parts if part.name == "code_memory")
    tell(f"afterimage: {arrived.migrated + arrived.skipped} of {arrived.source} entries carried over, each compared")
    if report.quarantined_rows:
        tell(
            f"afterimage: {report.quarantined_rows} rows cannot be held here and are kept aside with their reasons: "
            f"{', '.join(report.quarantined[:3])}"
        )


def _carry_churn_over(folder: Path, own: Path, tell: Callable[[str], None]) -> None:
    """What an older memory's neighbour knows of edits; whatever is wrong with that, the memory is carried over."""
    from afterimage.legacy_churn import NAME, carry_over_once, there
    from capsa import DatabaseUrl, open_database

    if there(folder / NAME):
        with open_database(DatabaseUrl.for_path(own)) as database:
            carry_over_once(folder / NAME, database, tell)


def _lines(tell: Callable[[str], None]) -> Callable[[str, int, int], None]:
    """Progress as a line at every tenth."""
    shown: set[tuple[str, int]] = set()

    def progress(message: str, current: int, total: int) -> None:
        tenth = (message, 10 * current // total if total else 10)
        if tenth not in shown:
            shown.add(tenth)
            tell(f"afterimage: {message}: {current}/{total}")

    return progress


@contextmanager
def _alone_in(folder: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Only one process at a time; the others wait. Leaves no file behind."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("afterimage: waiting for another process that carries the memory over")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
