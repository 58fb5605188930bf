"""What the commands share: the application, whose memory it is, and telling a person how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
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
