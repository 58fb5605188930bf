"""How long, and how often, one call may try: one allowance for all that happens inside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stoic_emperor.errors import ModelUnavailable
from stoic_emperor.llm.chat_model import Timeouts

R = TypeVar("R")

#: Pauses before the second and the third attempt, where the server does not name one. There is no fourth.
_PAUSES = (0.5, 2.0)

#: A server that asks to wait longer than this is not waited for: the person is told instead.
_LONGEST_PAUSE = 20.0


class Failed(Exception):
    """An attempt that failed, and whether another could do better; never leaves this package."""

    def __init__(self, error: ModelUnavailable, *, retryable: bool = False, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retryable = retryable
        #: Seconds that the server asked to wait.
        self.after = after


class FormatRefused(Failed):
    """The server does not take the form that the answer should have had."""


class Effort:
    """What is left of the time and the retries of one call.

    The SDKs' own retries are switched off: two kinds of retries multiply, and a hanging server would hold a person up
    for many minutes.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self._left = timeouts.total
        self._pauses = list(_PAUSES)

    async def wait(self, work: Callable[[], Awaitable[R]], limit: float) -> R:
        """The outcome of ``work``, which gets ``limit`` seconds or what is left of the whole.

        Raises:
            TimeoutError: it took longer, and was cancelled.
        """
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(limit, self._left))):
                return await work()
        finally:
            self._left -= time.monotonic() - started

    async def try_again(self, failed: Failed) -> bool:
        """Whether another attempt is worth it and allowed; if so, the pause before it is over."""
        if not (failed.retryable and self._pauses):
            return False
        pause = self._pauses.pop(0)
        if failed.after is not None:
            pause = failed.after
        if pause > min(_LONGEST_PAUSE, self._left):
            return False
        self._left -= pause
        await asyncio.sleep(pause)
        return True
