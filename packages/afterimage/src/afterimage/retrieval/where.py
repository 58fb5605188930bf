"""Whose entries are looked at: those of the project that is worked in, unless all are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from afterimage.entries import IN_PROJECT
from afterimage.hook import recall
from afterimage.hook.belonging import settle
from afterimage.hook.project import Project, project_of

if TYPE_CHECKING:
    from pathlib import Path

    from capsa import Record

#: Seconds to wait for an index that is just being written.
_PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Where:
    """The projects to look in."""

    projects: tuple[Project, ...] = ()
    #: Whether every other project is looked in, too.
    everywhere: bool = False

    @classmethod
    def at(cls, folders: Iterable[str], directory: Path, *, everywhere: bool = False) -> Where:
        """The projects that ``folders`` belong to, as far as git's files on this machine and the memory tell.

        Args:
            directory: AfterImage's folder, with the recall index; without one every checkout is what it says it is.
        """
        found = {project.root: project for project in map(project_of, folders)}
        index = recall.open_index(str(directory), lambda: False, patience=_PATIENCE)
        if index is not None:
            with closing(index), suppress(recall.Unreadable):
                for project in found.values():
                    settle(project, index, str(directory))
        return cls(tuple(found.values()), everywhere)

    @classmethod
    def of_project(cls, id_: str) -> Where:
        """One project, by the id that entries note; nothing is known of where it is."""
        project = Project("", "", "")
        project.id, project.ids = id_, (id_,)
        return cls((project,))

    def path_here(self, record: Record) -> str:
        """Where the file of ``record`` is on this machine, as far as that is known: others may have written it."""
        path = record.path or ""
        inside, project = (str(record.metadata.get(key, "")) for key in (IN_PROJECT, "project"))
        return next((here for one in self.projects if (here := one.path_here(path, inside, project)) != path), path)

    def holds(self, record: Record) -> bool:
        """Whether ``record`` is to be looked at."""
        project = record.metadata.get("project")
        return self.has(project if isinstance(project, str) else "", record.path or "")

    def has(self, project: str, path: str) -> bool:
        """Whether what was written at ``path`` in the project of this id is to be looked at."""
        return self.everywhere or any(known.has(project, path) for known in self.projects)
