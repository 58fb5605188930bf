"""The command ``afterimage``.

Exit status: 0 done; 1 nothing found, or it could not be done and one line on stderr says why;
2 the command itself was not understood; 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import click

from afterimage.cli import data, find, move, set_up

_EPILOG = """\b
Example:
  afterimage search "parse the configuration" --path src/
\b
Exit status: 0 done; 1 nothing found, or it could not be done (one line says why);
2 the command was not understood."""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ai-afterimage", prog_name="afterimage")
def group() -> None:
    """Memory for coding agents of the code they wrote."""


for _module in (find, data, move, set_up):
    for _command in _module.COMMANDS:
        group.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Every mistake of a user is one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal cannot show is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        result = group.main(args=arguments, prog_name="afterimage", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        name = error.ctx.command_path if error.ctx else "afterimage"
        return _fail(f"{error.format_message().rstrip('.')} (see `{name} --help`)", 2)
    except click.ClickException as error:
        return _fail(error.format_message(), 1)
    except click.Abort:
        return _fail("stopped", 130)
    except BrokenPipeError:
        # The reader has seen enough; nothing may be written to the pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from afterimage.errors import explain

        line = explain(error)
        if line is None:
            raise
        return _fail(line, 1)
    return result if isinstance(result, int) else 0


def _fail(line: str, status: int) -> int:
    click.echo(f"afterimage: {line}", err=True)
    return status
