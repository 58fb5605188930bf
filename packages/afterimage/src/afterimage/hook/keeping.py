"""Which parts of a call are remembered: each file is judged by itself, by the rules of the project that it is in."""

from . import files
from .ignore import Ignore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .payloads import Event
    from .project import Project
    from .settings import Settings


class Keeping:
    """The rules of the projects that were met so far."""

    def __init__(self, directory: str, settings: "Settings", late: "Callable[[], bool]" = bool) -> None:
        """Nothing is read yet.

        Args:
            late: whether the time is up: what is not judged by then is not remembered.
        """
        self._directory = directory
        self._settings = settings
        self._late = late
        self._ignores: dict[str, Ignore] = {}

    def parts(self, event: "Event", project_of: "Callable[[str], Project]") -> "list[tuple[Project, dict[str, Any]]]":
        """What is remembered of ``event``: each project, and what the call was given without the files left out there.

        Args:
            project_of: the project of the file at an absolute path.
        """
        projects: dict[str, Project] = {}
        kept: dict[str, tuple[Project, set[str]]] = {}

        def project_at(path: str) -> "Project":
            folder = files.parent(path)
            if folder not in projects:
                projects[folder] = project_of(path)
            return projects[folder]

        def left_out(path: str) -> bool:
            return self._ignore(project_at(path).root)(path)

        for path in event.paths:
            # What a file that is moved has in it was in the file that is left out.
            if not left_out(path) and not left_out(event.moved.get(path, path)):
                project = project_at(path)
                kept.setdefault(project.root, (project, set()))[1].add(path)
        if len(kept) == 1 and sum(len(paths) for _, paths in kept.values()) == len(event.paths):
            ((project, _),) = kept.values()
            return [(project, event.tool_input)]
        return [(project, _only(event, paths)) for project, paths in kept.values()]

    def _ignore(self, root: str) -> Ignore:
        if root not in self._ignores:
            settings = self._settings
            self._ignores[root] = Ignore(
                root,
                self._directory,
                skip_paths=settings.skip_paths,
                skip_endings=settings.skip_endings,
                code_endings=settings.code_endings,
                late=self._late,
            )
        return self._ignores[root]


def _only(event: "Event", paths: set[str]) -> "dict[str, Any]":
    from . import patches

    folder = patches.folder_of(event.tool_input, event.cwd)
    return patches.rewritten(
        event.tool_input, lambda section: section.lines if files.absolute(section.target, folder) in paths else []
    )
