"""Traces of what was erased are written over beside the person, not before their eyes.

What is erased is gone for every query, and overwritten, when the receipt is shown. Only what moving rows about has
left of it in unused space needs the whole SQLite file written anew, and that takes as long as the file is large.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from capsa import CapsaError
from stoic_emperor.cli.terminal import note

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

#: Bytes of a file that is written anew while nobody notices.
_SMALL = 32_000_000

_LATER = "The file is being written anew now, so that no trace is left in its unused space; leaving waits for that."


class Scrubbing:
    """While it lasts, a large file is scrubbed in a thread; at its end, that is waited for."""

    def __init__(self, database: Database) -> None:
        """Nothing runs yet."""
        self._database = database
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None
        self._notes: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._database.scrub_later(self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None:
            return
        self._thread.join()
        for line in self._notes:
            note(line)

    def _begin(self) -> tuple[str, ...]:
        path = self._database.url.path
        if path is None or path.stat().st_size <= _SMALL:
            return self._database.engine.scrub()
        self._wanted.set()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="scrubbing")
            self._thread.start()
        return (_LATER,)

    def _run(self) -> None:
        # Once more, if something was erased meanwhile.
        while self._wanted.is_set():
            self._wanted.clear()
            try:
                self._notes = self._database.engine.scrub()
            except CapsaError as error:
                self._notes = (f"{error}. Unused space may hold traces of what was erased until more is erased",)
