"""The command ``stoic``.

Exit status: 0 done; 1 it could not be done, or not all of it, and a line on stderr says why; 2 the command itself was
not understood; 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from capsa.terminal import run as run_command
from stoic_emperor.cli.analyze import command as analyze
from stoic_emperor.cli.chat import command as chat
from stoic_emperor.cli.data import COMMANDS as DATA
from stoic_emperor.cli.doctor import command as doctor
from stoic_emperor.cli.import_resources import command as import_resources
from stoic_emperor.cli.migrate import COMMANDS as MIGRATE
from stoic_emperor.cli.serve import command as serve
from stoic_emperor.cli.users import command as users
from stoic_emperor.errors import explain

_EPILOG = """\b
Example:
  stoic chat --continue
\b
Exit status: 0 done; 1 it could not be done (one line says why); 2 the command was not understood."""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="stoic-emperor", prog_name="stoic")
def group() -> None:
    """A companion for reflection in the persona of Marcus Aurelius. It is a program, and says so."""


for _command in (chat, analyze, import_resources, *DATA, users, *MIGRATE, serve, doctor):
    group.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``stoic``; its exit status."""
    return run(group, arguments, "stoic")


def run(command: click.Command, arguments: Sequence[str] | None, name: str) -> int:
    """Run one command, which was called as ``name``; its exit status."""
    return run_command(command, arguments, "stoic", explain, name=name)
