"""Files of which nothing is said, however often they change: tests, and what is only there for a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from afterimage.hook import files
from afterimage.hook.ignore import like
from afterimage.hook.project import project_of


@dataclass(slots=True)
class Exclusions:
    """Patterns by whole parts of a path: ``tests/`` a folder, ``test_*.py`` a file, ``/tmp/`` a place.

    Folders are looked at below the project only, so that who works in a folder named ``tests`` is told all the same.
    """

    patterns: Iterable[str]
    _roots: dict[str, str] = field(default_factory=dict)

    def __contains__(self, path: str) -> bool:
        return any(self._covers(pattern, path) for pattern in self.patterns)

    def _covers(self, pattern: str, path: str) -> bool:
        if pattern.startswith("/"):
            return path.startswith(f"{pattern.rstrip('/')}/")
        *folders, name = path[len(self._root(path)) :].strip("/").split("/")
        *wanted, last = pattern.rstrip("/").split("/")
        if pattern.endswith("/"):
            return _stand_together([*wanted, last], folders)
        return like(name, last) and (not wanted or _stand_together(wanted, folders[-len(wanted) :]))

    def _root(self, path: str) -> str:
        """The folder of the project that ``path`` is in; empty without one."""
        folder = files.parent(path)
        if folder not in self._roots:
            root = project_of(folder).root
            self._roots[folder] = root if files.exists(f"{root}/.git") else ""
        return self._roots[folder]


def _stand_together(wanted: list[str], parts: list[str]) -> bool:
    """Whether ``wanted`` stand one after the other somewhere in ``parts``."""
    for start in range(len(parts) - len(wanted) + 1):
        if all(like(part, one) for part, one in zip(parts[start:], wanted, strict=False)):
            return True
    return False
