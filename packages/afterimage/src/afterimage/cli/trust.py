"""The command `trust`: a person says whose memory a checkout is given, where its commits do not."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
def trust(folder: Path) -> int:
    """Have the memory of a project recalled in FOLDER, a checkout that names the project as its remote.

    Needed only where the checkout has none of the commits at which that memory was written, as a shallow clone has:
    anybody can write the name of a remote into a folder. You are asked, so a program cannot say it for you.

    \b
    Example:
      afterimage trust ~/work/clock
    """
    from afterimage.config import load_config
    from afterimage.hook import belonging
    from afterimage.hook.answers import one_line
    from afterimage.retrieval.where import Where

    directory = load_config().directory
    (project,) = Where.at([str(folder.resolve())], directory).projects
    if not project.withheld:
        click.echo(f"Nothing is withheld in {one_line(project.root)}.")
        return 0
    question = f"Is {one_line(project.root)} a checkout of {one_line(project.remote)} that you trust with its memory?"
    if not sys.stdin.isatty():
        raise click.ClickException("only a person can say so, and none is at the other end: type it in a terminal")
    if not click.confirm(question):
        click.echo("Nothing was changed.")
        return 1
    belonging.trust(str(directory), project)
    click.echo(f"The memory of {one_line(project.remote)} is recalled there from now on.")
    return 0


COMMANDS = (trust,)
