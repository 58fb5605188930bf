"""What the commands share: the application, and writing for a person or a program."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from stoic_emperor.application import Application

F = TypeVar("F", bound=Callable[..., Any])

#: As `application.DEFAULT_USER`, without loading the application for ``--help``.
DEFAULT_USER = "default_user"


def user_option(function: F) -> F:
    """``--user``: whose memory."""
    return click.option(
        "--user", "user_id", default=DEFAULT_USER, show_default=True, metavar="NAME", help="Whose memory."
    )(function)


def json_option(function: F) -> F:
    """``--json``: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for a program.")(function)


@contextmanager
def application() -> Iterator[Application]:
    """The configured application; at the end its database is closed."""
    from stoic_emperor.application import Application

    opened = Application.load()
    try:
        yield opened
    finally:
        opened.close()


def note(line: str) -> None:
    """Tell something that is not the answer."""
    click.echo(f"stoic: {line}", err=True)


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
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 160
    Console(width=width, highlight=False).print(drawn)


class Bar:
    """A progress bar on stderr; lines at steps where stderr is no terminal."""

    def __init__(self, what: str) -> None:
        """Nothing is drawn until the first call."""
        self._what = what
        self._shown = -1.0

    def __call__(self, done: int, total: int) -> None:
        """Show ``done`` of ``total``."""
        share = done / total if total else 1.0
        live = sys.stderr.isatty()
        if share < 1 and self._shown >= 0 and share - self._shown < (0.01 if live else 0.1):
            return
        if share == self._shown:
            return
        self._shown = share
        filled = round(share * 24)
        bar = f"{self._what} [{'█' * filled}{'·' * (24 - filled)}] {share:4.0%}"
        click.echo(f"\r{bar}" if live else bar, err=True, nl=not live or share >= 1)
