"""What commands share: ending in one line, and writing for a person or for a program.

Public, for every command on this engine. Until it is used it loads click alone, which a command has anyway:
``--help`` must stay quick.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

import click

__all__ = [
    "Check",
    "Verdict",
    "check_sqlite",
    "clean",
    "clean_line",
    "explain",
    "json_option",
    "one_line",
    "run",
    "table",
    "width",
    "write_json",
]

#: Control characters but for the ends of lines and tabs, ends of lines that few know, embeddings and overrides of
#: direction, and halves of characters.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

F = TypeVar("F", bound=Callable[..., Any])

Verdict = Literal["ok", "note", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a ``doctor`` has looked at."""

    name: str
    verdict: Verdict
    found: str
    #: What to do, unless all is well.
    remedy: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


#: The version that the bug was first mended in; see docs/storage.md.
_WAL_RESET_FIXED = (3, 51, 3)


def check_sqlite() -> Check:
    """Which SQLite this Python has, and what that means for a memory."""
    import sqlite3

    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _WAL_RESET_FIXED:
        return Check("SQLite", "ok", f"{version}, has the WAL-reset bug; our writers take turns, so it cannot strike")
    return Check("SQLite", "ok", version)


def run(
    command: click.Command,
    arguments: Sequence[str] | None,
    program: str,
    explain: Callable[[Exception], str | None],
    *,
    name: str | None = None,
) -> int:
    """Run one command; its exit status. Every mistake of a user is one line on stderr.

    Args:
        arguments: default those of this process.
        program: begins each of those lines.
        explain: gives the line for an error, or None for a defect of ours, which is raised; see the
            function of this name.
        name: what the user typed to call the command, if not ``program``.
    """
    name = name or program

    def fail(line: str, status: int) -> int:
        click.echo(f"{program}: {line}", err=True)
        return status

    _show_what_can_be_shown()
    try:
        result = command.main(args=arguments, prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else name
        return fail(f"{error.format_message().rstrip('.')} (see `{path} --help`)", 2)
    except click.ClickException as error:
        return fail(error.format_message(), 1)
    except (click.Abort, KeyboardInterrupt):
        return fail("stopped", 130)
    except BrokenPipeError:
        # The reader has seen enough; nothing may be written to the pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        return fail(line, 1)
    return result if isinstance(result, int) else 0


def _show_what_can_be_shown() -> None:
    # What a terminal cannot show is no reason to fail.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def explain(error: Exception) -> str | None:
    """The line that tells a user what happened and what to do, or None for a defect of ours."""
    from capsa.errors import CapsaError

    if isinstance(error, CapsaError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return None


def json_option(function: F) -> F:
    """``--json``: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for a program.")(function)


def write_json(value: Any) -> None:
    """One JSON document; ASCII, so that any text survives any terminal and pipe."""
    import json

    click.echo(json.dumps(value, indent=2))


def clean(text: str) -> str:
    """``text`` without what would steer a terminal or turn its lines round; joiners and all kinds of spaces stay."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def clean_line(text: str) -> str:
    """The same of what must stay one line."""
    return clean(text).translate({ord(c): "\N{REPLACEMENT CHARACTER}" for c in "\n\t"})


def one_line(text: str, room: int) -> str:
    """The first line of ``text`` that says something, at most ``room`` characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = clean(line).replace("\t", " ")
    return line if len(line) <= room else line[: room - 1] + "…"


def width() -> int:
    """Columns of the terminal; of a pipe, which has none, enough not to tear a table."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 160


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
