"""Under which project an event is stored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from afterimage.hook import recall
from afterimage.hook.belonging import is_withheld
from afterimage.hook.project import id_of

#: Seconds to wait for an index that is just being written.
_PATIENCE = 1.0


class Placing:
    """Stores what a checkout is not entitled to say of its remote as that checkout's own (`hook.belonging`).

    The hook that notes an event has no time for the question.
    """

    def __init__(self, directory: Path) -> None:
        """Open the recall index in AfterImage's folder; without one, every checkout is what it says it is."""
        self._directory = str(directory)
        self._index = recall.open_index(self._directory, lambda: False, _PATIENCE)
        self._known: dict[tuple[str, str], bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._index is not None:
            self._index.close()

    def __call__(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """``event``, of the spool's form, with the project that it is stored under."""
        project, common, root = event.get("project"), event.get("common"), event.get("root")
        if not (isinstance(project, str) and isinstance(common, str) and isinstance(root, str)):
            return event
        if not common:
            # Without a checkout only a transcript names a remote: anybody can write one.
            claimed = project != id_of(root) and self._is_foreign(project, str(event.get("commit", "")))
            return {**event, "project": id_of(root), "checkout": id_of(root)} if claimed else event
        key = project, common
        if key not in self._known:
            self._known[key] = self._is_withheld(*key)
        return {**event, "project": id_of(common)} if self._known[key] else event

    def _is_foreign(self, project: str, commit: str) -> bool:
        """Whether a project is known, and not by this commit."""
        try:
            return (
                self._index is not None
                and bool(self._index.projects_beside(project))
                and project not in self._index.projects_at([commit])
            )
        except recall.Unreadable:
            return False

    def _is_withheld(self, project: str, common: str) -> bool:
        if self._index is None:
            return False
        try:
            return is_withheld(self._index, self._directory, project, id_of(common), common)
        except recall.Unreadable:
            return False
