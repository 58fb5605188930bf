"""The command ``stoic``.

Exit status: 0 done; 1 it could not be done, or not all of it, and a line on stderr says why; 2 the command itself was
not understood; 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import click

from stoic_emperor.cli.analyze import command as analyze
from stoic_emperor.cli.chat import command as chat
from stoic_emperor.cli.data import COMMANDS as DATA
from stoic_emperor.cli.doctor import command as doctor
from stoic_emperor.cli.import_resources import command as import_resources
from stoic_emperor.cli.migrate import COMMANDS as MIGRATE

_EPILOG = """\b
Example:
  stoic chat --continue
\b
Exit status: 0 done; 1 it could not be done (one line says why); 2 the command was not understood."""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="stoic-emperor", prog_name="stoic")
def group() -> None:
    """A companion for reflection in the persona of Marcus Aurelius. It is a program, and says so."""


for _command in (chat, analyze, import_resources, *DATA, *MIGRATE, doctor):
    group.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``stoic``; its exit status."""
    return run(group, arguments, "stoic")


def run(command: click.Command, arguments: Sequence[str] | None, name: str) -> int:
    """Run one command; its exit status. Every mistake of a user is one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal cannot show is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        result = command.main(args=arguments, prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else name
        return _fail(f"{error.format_message().rstrip('.')} (see `{path} --help`)", 2)
    except click.ClickException as error:
        return _fail(error.format_message(), 1)
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped", 130)
    except BrokenPipeError:
        # The reader has seen enough; nothing may be written to the pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from stoic_emperor.errors import explain

        line = explain(error)
        if line is None:
            raise
        return _fail(line, 1)
    return result if isinstance(result, int) else 0


def _fail(line: str, status: int) -> int:
    click.echo(f"stoic: {line}", err=True)
    return status
