"""The second call, off the person's path: a thread that analyses and condenses while they read or type.

What it does not finish waits in the database for the next time.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

import capsa
from stoic_emperor.errors import StoicError

if TYPE_CHECKING:
    from stoic_emperor.application import Application

_LOG = logging.getLogger(__name__)

#: Seconds that leaving waits for a call under way: it is asked again next time.
_LEAVING = 1.0


class Background:
    """Works for one person while a conversation lasts."""

    def __init__(self, application: Application, user_id: str) -> None:
        """Nothing runs yet."""
        self._configuration = application.configuration
        self._user_id = user_id
        self._wanted = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reflection", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._asleep = application.model is None

    def __enter__(self) -> Self:
        if not self._asleep:
            self._thread.start()
            self.wake()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._asleep:
            return
        self._ending.set()
        self._wanted.set()
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(_LEAVING)

    def wake(self) -> None:
        """There may be something to do."""
        self._wanted.set()

    def _run(self) -> None:
        from stoic_emperor.application import Application

        # Connections to a model belong to the loop that made them, so this thread has its own.
        application = Application(self._configuration)
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            try:
                while self._wanted.wait() and not self._ending.is_set():
                    self._wanted.clear()
                    runner.run(self._work(application))
            finally:
                runner.run(application.aclose())

    async def _work(self, application: Application) -> None:
        self._task = asyncio.current_task()
        try:
            await application.reflect(application.database.person(self._user_id))
        except asyncio.CancelledError:
            # The person leaves; what is left is done another time.
            return
        except (StoicError, capsa.CapsaError) as error:
            # It waits in the queue. No word of the conversation is in these messages.
            _LOG.info("reflection waits: %s", type(error).__name__)
        finally:
            self._task = None
