"""Keeps the memory in step while a client has the server running anyway: no daemon, and gone with the client."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from afterimage.errors import explain

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from afterimage.sync import Synced

#: Seconds after which the first run begins, so that the client's first questions are not held up; and between runs.
_FIRST = 1.0
_EVERY = 30.0
#: Seconds between two turns of one run, so that a command that waits for its turn gets it.
_PAUSE = 0.2
#: Seconds of one turn: as long as a client that goes may have to wait.
_TURN = 3.0
_GOODBYE = 5.0


class Keeper:
    """Runs `synchronise` beside the server until it is closed."""

    def __init__(
        self, backend: StorageBackend, directory: Path, *, first: float = _FIRST, every: float = _EVERY
    ) -> None:
        """Nothing runs yet.

        Args:
            first, every: seconds before the first run, and between two.
        """
        self._backend = backend
        self._directory = directory
        self._waits = (first, every)
        self._stop = False
        self._awake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afterimage-sync", daemon=True)
        self._said = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop = True
        self._awake.set()
        self._thread.join(_GOODBYE)

    def hurry(self) -> None:
        """Run now: something was stored that is to be found by its meaning."""
        self._awake.set()

    def _run(self) -> None:
        wait, every = self._waits
        while True:
            self._awake.wait(wait)
            self._awake.clear()
            if self._stop:
                return
            wait = every
            try:
                done = self._turn()
            except Exception as error:  # noqa: BLE001  # said; the next turn may go well, and nobody else would begin one
                self._say(explain(error) or f"{type(error).__name__}: to see why, run `afterimage sync`")
                continue
            if done is not None and not done.complete and _got_on(done):
                wait = _PAUSE

    def _turn(self) -> Synced | None:
        from afterimage.sync import configured_memory, synchronise

        told = configured_memory(self._directory)
        if told is not None and told != str(self._backend.url):
            self._say(
                "the memory configured here is not the one of `afterimage setup`: what hooks note is left to that"
            )
            return None
        return synchronise(self._backend, self._directory, seconds=_TURN)

    def _say(self, line: str) -> None:
        """On standard error, which clients keep: each trouble once."""
        if line != self._said:
            self._said = line
            sys.stderr.write(f"afterimage: {line}\n")
            sys.stderr.flush()


def _got_on(done: Synced) -> bool:
    return bool(done.events or done.stored or done.embedded or done.indexed or done.forgotten)
