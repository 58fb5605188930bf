"""What the commands share: opening the memory, and writing for a person or a program."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig
    from afterimage.entries import StorageEntry
    from afterimage.storage import StorageBackend

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """``--json``: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for a program.")(function)


@contextmanager
def memory() -> Iterator[tuple[AfterImageConfig, StorageBackend]]:
    """The configured memory, opened and at the end closed; tells first what a rollback left behind."""
    from afterimage.config import load_config
    from afterimage.rollback import left_behind
    from afterimage.storage import SQLiteBackend, get_storage_backend

    config = load_config()
    with get_storage_backend(config) as backend:
        if isinstance(backend, SQLiteBackend) and (line := left_behind(config, backend)):
            note(line)
        yield config, backend


def note(line: str) -> None:
    """Tell something that is not the answer."""
    click.echo(f"afterimage: {line}", err=True)


def write_json(value: Any) -> None:
    """One JSON document; ASCII, so that any text survives any terminal and pipe."""
    click.echo(json.dumps(value, indent=2))


def clean(text: str) -> str:
    """``text`` without what would steer a terminal, and without what it cannot show."""
    return "".join(c if c in "\n\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str, room: int) -> str:
    """The first line of ``text`` that says something, at most ``room`` characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = clean(line).replace("\t", " ")
    return line if len(line) <= room else line[: room - 1] + "…"


def moment(timestamp: str) -> str:
    """A timestamp to the minute, in UTC as it is kept."""
    return timestamp[:16].replace("T", " ")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table for a person; where there is little room, the widest columns are wrapped, never the first."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        drawn.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        drawn.add_row(*(Text(clean(cell)) for cell in row))
    Console(width=width(), highlight=False).print(drawn)


def width() -> int:
    """Columns of the terminal; of a pipe, which has none, enough not to tear a table."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 160


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


def find_entry(backend: StorageBackend, given: str) -> StorageEntry:
    """The entry with the id ``given``, or the only one whose id begins with it.

    Raises:
        EntryNotFound: none has, or several have.
    """
    from afterimage.errors import EntryNotFound

    if entry := backend.get(given):
        return entry
    beginning_so = (id_ for id_ in backend.collection.ids() if id_.startswith(given))
    found = list(itertools.islice(beginning_so, 6))
    if len(found) == 1 and (entry := backend.get(found[0])):
        return entry
    if found:
        raise EntryNotFound(f"several ids begin with {given!r}: {', '.join(found[:5])}")
    raise EntryNotFound(f"no entry has the id {given!r}, or one that begins so: `afterimage recent` lists the latest")


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
