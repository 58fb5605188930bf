"""Whose memory a checkout is given.

A project is known by its remote. Remotes are added and changed, and anybody can write the name of one into a git
folder: so an entry notes its checkout, too, and what was written elsewhere is given to a checkout that has one of the
commits at which it was written. Without git or a remote a project is its place.
"""

from . import files
from .project import Project, id_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .recall import Entry, Recall

#: The checkouts that a user vouched for: a line each, with the checkout and the project.
TRUSTED = "trusted"
#: Of a project's commits the first and the last are looked for, one of which is enough.
_COMMITS = 64
#: Commits before that of a checkout, by which a project of another name is found.
_BEFORE = 64
#: Of what was written without a commit, so many files are looked at.
_FILES = 8


def settle(project: Project, recall: "Recall", directory: str) -> None:
    """Have ``project`` know what its memory is found under, and what of it is withheld. Raises `recall.Unreadable`."""
    noted = recall.projects_in(project.checkout)
    # What it was before its remote was added or changed, which may have happened in another checkout; and what was
    # written here before there was git.
    former = {project.checkout, id_of(project.root), *noted}
    found = _vouched(directory, project.checkout) - {project.id}
    if is_withheld(recall, directory, project.id, project.checkout, project.common):
        project.withheld = project.id
    else:
        former |= recall.projects_beside(project.id)
    former -= {project.id, *found}
    found |= {id_ for id_ in former if _was_here(recall, id_, project)}
    project.ids = (*(() if project.withheld else (project.id,)), *sorted(found))


def kept_elsewhere(project: Project, recall: "Recall") -> "Entry | None":
    """An entry of a project by another name that was written in at a commit of this checkout.

    A fork has commits of what it is a fork of, but so have all that began with one template: only a person can say
    that they are the same. Raises `recall.Unreadable`.
    """
    if not project.commit:
        return None
    from . import objects

    commits = objects.ancestors(project.common, project.commit, _BEFORE)
    others = recall.projects_at(commits) - {*project.ids, project.withheld}
    return next((entry for entry, _ in recall.recent(sorted(others), lambda entry: bool(entry.inside), 1)), None)


def _was_here(recall: "Recall", former: str, project: Project) -> bool:
    """Whether what a checkout was before is what it is now: it has a commit of it, or code as it was written here.

    Folders are used again, for other projects.
    """
    commits = recall.commits(former, _COMMITS)
    if commits:
        return _has_any(project.common, commits)
    from .answers import holds
    from .fingerprints import Lines

    inside = f"{project.root.rstrip('/')}/"
    last = recall.recent([former], lambda entry: entry.path.startswith(inside), _FILES)
    # Not by the files' times, which an archive brings along.
    return any(Lines(code := recall.text(entry)).worthwhile() and holds(entry.path, code) for entry, _ in last)


def is_withheld(recall: "Recall", directory: str, project: str, checkout: str, common: str) -> bool:
    """Whether the memory of a project is not for a checkout, although the checkout's remote is the project's.

    Raises `recall.Unreadable`.

    Args:
        project, checkout: their ids.
        common: the git folder of the checkout.
    """
    return (
        project != checkout
        and bool(recall.projects_beside(project))
        and project not in recall.projects_in(checkout)
        and not _has_any(common, recall.commits(project, _COMMITS))
        and project not in _vouched(directory, checkout)
    )


def trust(directory: str, checkout: str, projects: "Iterable[str]") -> None:
    """Note that the user says that a checkout is what these projects are, all given by their ids. Raises OSError."""
    path = _path(directory)
    files.make_folder(files.parent(path))
    file = files.posix.open(path, files.posix.O_WRONLY | files.posix.O_CREAT | files.posix.O_APPEND, 0o600)
    try:
        files.posix.write(file, "".join(f"{checkout} {project}\n" for project in projects).encode())
    finally:
        files.posix.close(file)


def _vouched(directory: str, checkout: str) -> set[str]:
    """The projects that the user says a checkout is."""
    lines = files.read_text(_path(directory), 1 << 20).split("\n")
    return {project for known, _, project in (line.partition(" ") for line in lines) if known == checkout and project}


def _has_any(common: str, commits: "list[str]") -> bool:
    # Hardly ever needed, and a hook starts anew each time.
    from . import objects

    return objects.has_any(common, commits)


def _path(directory: str) -> str:
    return f"{directory}/hook-state/{TRUSTED}"
