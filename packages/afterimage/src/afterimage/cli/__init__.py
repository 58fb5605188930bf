"""The command ``afterimage``.

Exit status: 0 done; 1 nothing found, or it could not be done and one line on stderr says why;
2 the command itself was not understood; 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from afterimage.cli import agents, background, churn, data, find, move, quality, serve, set_up, transcripts, trust, ui
from afterimage.errors import explain
from capsa.terminal import run

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


for _module in (find, churn, quality, ui, data, move, set_up, agents, background, serve, transcripts, trust):
    for _command in _module.COMMANDS:
        group.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Every mistake of a user is one line on stderr."""
    return run(group, arguments, "afterimage", explain)
