"""The command `trust`: a person says whose memory a checkout is given, where its commits do not."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from afterimage.hook.project import Project
    from afterimage.hook.recall import Recall

#: Seconds to wait for an index that is just being written.
_PATIENCE = 5.0
#: Files whose folders are shown.
_SHOWN = 200


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--as", "former", metavar="OLD", help="The remote or the folder that the project had before.")
def trust(folder: Path, former: str | None) -> int:
    """Have the memory of a project recalled in FOLDER, where its remote and its commits do not settle it.

    That is so in a shallow clone, which has none of the commits at which the memory was written (anybody can write the
    name of a remote into a folder); in a fork, and in a folder that was moved and has no remote, or another one: these
    are found by a commit in common, or named by --as. You are shown where the memory was written, and asked, so a
    program cannot say it for you.

    \b
    Example:
      afterimage trust ~/work/clock
      afterimage trust ~/work/clock --as git@example.org:old-team/clock.git
    """
    from afterimage.config import load_config
    from afterimage.hook import belonging
    from afterimage.hook.answers import one_line
    from afterimage.hook.project import project_of
    from afterimage.hook.recall import open_index

    directory = str(load_config().directory)
    index = open_index(directory, lambda: False, _PATIENCE)
    if index is None:
        raise click.ClickException(f"there is no recall index in {one_line(directory)} yet: `afterimage sync` makes it")
    with closing(index):
        project = project_of(str(folder.resolve()))
        belonging.settle(project, index, directory)
        root = one_line(project.root)
        projects = _meant(project, former, index)
        if not projects:
            click.echo(f"Nothing is withheld in {root}.")
            return 0
        click.echo(f"Code that is not recalled in {root} was written in:")
        for line in _places(projects, index):
            click.echo(f"  {one_line(line)}")
    if not sys.stdin.isatty():
        raise click.ClickException("only a person can say so, and none is at the other end: type it in a terminal")
    if not click.confirm(f"Is {root} the same project, and do you trust it with that memory?"):
        click.echo("Nothing was changed.")
        return 1
    belonging.trust(directory, project.checkout, projects)
    click.echo("It is recalled there from now on.")
    return 0


def _meant(project: Project, former: str | None, index: Recall) -> list[str]:
    """The ids of the projects that a checkout may be, and is not known to be."""
    from afterimage.hook.belonging import kept_elsewhere
    from afterimage.hook.project import id_of, normal_remote, project_of

    if former is None:
        if project.withheld:
            return [project.withheld]
        entry = kept_elsewhere(project, index)
        return [entry.project] if entry else []
    # The folder may be gone: what a project there was called is known from its name alone, with git and without.
    place = str(Path(former).expanduser().absolute())
    known = {id_of(normal_remote(former)), project_of(place).id}
    for checkout in (place, f"{place}/.git"):
        known |= index.projects_in(id_of(checkout))
    known = {id_ for id_ in known if index.projects_beside(id_)}
    if not known:
        raise click.BadParameter(f"nothing in the memory was written in {former}", param_hint="--as")
    return sorted(known - set(project.ids))


def _places(projects: list[str], index: Recall) -> list[str]:
    """The folders that projects were written in, newest first, each with the day of its last entry."""
    from afterimage.hook.answers import day

    places: dict[str, str] = {}
    for entry, _ in index.recent(projects, lambda _: True, _SHOWN):
        place = entry.path.removesuffix(entry.inside).rstrip("/") if entry.inside else entry.path
        places.setdefault(f"{place} ({entry.project_name or 'no name'}", day(entry.at))
    return [f"{place}, last {last})" for place, last in places.items()]


COMMANDS = (trust,)
