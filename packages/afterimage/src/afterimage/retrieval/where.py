"""Whose entries are looked at: those of the project that is worked in, unless all are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from afterimage.hook.project import Project, project_of

if TYPE_CHECKING:
    from capsa import Record


@dataclass(frozen=True, slots=True)
class Where:
    """The projects to look in."""

    projects: tuple[Project, ...]
    #: Whether every other project is looked in, too.
    everywhere: bool = False

    @classmethod
    def at(cls, folders: Iterable[str], *, everywhere: bool = False) -> Where:
        """The projects that ``folders`` belong to, as far as git's files on this machine tell."""
        found = {project.id: project for project in map(project_of, folders)}
        return cls(tuple(found.values()), everywhere)

    def holds(self, record: Record) -> bool:
        """Whether ``record`` is to be looked at."""
        project = record.metadata.get("project")
        return self.has(project if isinstance(project, str) else "", record.path or "")

    def has(self, project: str, path: str) -> bool:
        """Whether what was written at ``path`` in the project of this id is to be looked at.

        What older programs stored names no project; it belongs where its path is.
        """
        if self.everywhere:
            return True
        if project:
            return any(project == known.id for known in self.projects)
        return any(known.root.strip("/") and path.startswith(f"{known.root}/") for known in self.projects)
