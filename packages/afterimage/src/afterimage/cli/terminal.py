"""What the commands share: opening the memory, and telling a person of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afterimage.hook import files

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig
    from afterimage.entries import StorageEntry
    from afterimage.storage import StorageBackend


@contextmanager
def memory(*, writing: bool = False) -> Iterator[tuple[AfterImageConfig, StorageBackend]]:
    """The configured memory, opened and at the end closed; tells first what a rollback left behind.

    Args:
        writing: whether it is made where there is none yet.

    Raises:
        NoMemoryYet: there is none, and nothing is to be written.
    """
    from afterimage.config import load_config
    from afterimage.errors import NoMemoryYet
    from afterimage.rollback import left_behind
    from afterimage.storage import SQLiteBackend, get_storage_backend

    config = load_config()
    with get_storage_backend(config) as backend:
        if isinstance(backend, SQLiteBackend):
            if line := left_behind(config, backend):
                note(line)
            if not writing and not backend.exists():
                raise NoMemoryYet(f"no memory at {backend.configured_path} yet: the first entry stored makes it")
        yield config, backend


def redactor(config: AfterImageConfig) -> Callable[[str], str]:
    """Takes secrets and what is private out of what is shown: agents run these commands, too."""
    from afterimage.retrieval.showing import redactor_of

    return redactor_of(config.directory)


def note(line: str) -> None:
    """Tell something that is not the answer."""
    click.echo(f"afterimage: {line}", err=True)


def moment(timestamp: str) -> str:
    """A timestamp to the minute, in UTC as it is kept."""
    return timestamp[:16].replace("T", " ")


def size(count: int) -> str:
    """Bytes, for a person."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def counted(number: int, one: str = "entry", several: str = "entries") -> str:
    """A number of things, for a person."""
    return f"{number:,} {one if number == 1 else several}"


def seen_from_here(_context: click.Context, _option: click.Parameter, path: str | None) -> str | None:
    """A part of a path, or a pattern: one with ``.`` or ``..`` among its parts as it is in the memory."""
    parts = (path or "").split("/")
    if path is None or {".", ".."}.isdisjoint(parts):
        return path
    found = files.absolute(path, str(Path.cwd()))
    return f"{found.rstrip('/')}/" if parts[-1] in {"", ".", ".."} else found


def find_entry(backend: StorageBackend, given: str) -> StorageEntry:
    """The entry with the id ``given``, or the only one whose id begins with it.

    Raises:
        EntryNotFound: none has, or several have.
    """
    from afterimage.entries import StorageEntry
    from afterimage.retrieval.lookup import find_record

    found = find_record(backend, given)
    return backend.get(found.id) or StorageEntry.from_record(found)


class Progress:
    """``what: 120/5000`` on stderr, rewritten in place on a terminal, at steps elsewhere."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._live = sys.stderr.isatty()
        self._shown = -1

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show ``done`` of ``total``."""
        step = max(1, (total or 0) // 20, 0 if self._live else 500)
        if done != total and self._shown >= 0 and done - self._shown < step:
            return
        self._shown = done
        of = f"/{total} ({done / total:.0%})" if total else ""
        end = "\n" if not self._live or done == total else ""
        click.echo(f"{chr(13) if self._live else ''}{self._what}: {done}{of}{end}", err=True, nl=False)
