"""Files of which nothing is said, however often they change: tests, and what is only there for a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from afterimage.hook import files
from afterimage.hook.patterns import like
from afterimage.hook.project import project_of

#: Where systems keep temporary files. Another place is left out with all that is in it.
_TEMPORARY = frozenset({"/tmp/", "/var/tmp/", "/private/tmp/"})  # noqa: S108  # places, not files


@dataclass(slots=True)
class Exclusions:
    """Patterns by whole parts of a path: ``tests/`` a folder, ``test_*.py`` a file, ``/tmp/`` a place.

    Folders are looked at below the project only, so that who works in a folder named ``tests`` is told all the same. A
    project is no temporary file, wherever it is.
    """

    patterns: Iterable[str]
    #: Where somebody stands: what is in it is worked on, too.
    here: str = ""
    _roots: dict[str, str] = field(default_factory=dict)

    def __contains__(self, path: str) -> bool:
        return any(self._covers(pattern, path) for pattern in self.patterns)

    def _covers(self, pattern: str, path: str) -> bool:
        if pattern.startswith("/"):
            place = f"{pattern.rstrip('/')}/"
            return path.startswith(place) and not (place in _TEMPORARY and self._is_worked_on(path, place))
        *folders, name = path[len(self._root(path)) :].strip("/").split("/")
        *wanted, last = pattern.rstrip("/").split("/")
        if pattern.endswith("/"):
            return _stand_together([*wanted, last], folders)
        return like(name, last) and (not wanted or _stand_together(wanted, folders[-len(wanted) :]))

    def _is_worked_on(self, path: str, place: str) -> bool:
        """Whether a file is in a project that begins below ``place``."""
        here = f"{self.here}/"
        return self._root(path).startswith(place) or (
            path.startswith(here) and here.startswith(place) and here != place
        )

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
