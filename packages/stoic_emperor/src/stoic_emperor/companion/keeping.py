"""A reply under way is kept as it comes: a crash, a closed window or a lost line costs a second of it.

Each time it is kept, its row's time is that moment, until it has ended and has the time again at which it began. So
whoever looks at it, in whatever process, can tell a reply that somebody gives from one that was cut off.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import capsa
from stoic_emperor.errors import ModelUnavailable
from stoic_emperor.models import Message, Status, now
from stoic_emperor.safety import ReplyGuard

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: Seconds between two writes; and after how many it is written though nothing came, as a sign of life:
#: after `infrastructure.person.SILENT` it counts as given by nobody.
_EVERY, _SIGN = 1.0, 5.0


class Keeper:
    """Keeps what has come of one reply and passed the guard; as a context, until whatever ends it."""

    def __init__(self, person: Person, reply: Message, guard: ReplyGuard) -> None:
        """The reply is stored already, empty."""
        self.guard = guard
        #: As it is stored, at last.
        self.reply = reply
        #: What the guard gave out at the end, which is kept and not shown yet.
        self.rest = ""
        #: False once it was stopped or erased from elsewhere.
        self.wanted = True
        self._person = person
        self._pieces: list[str] = []
        self._ending = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._failure: capsa.CapsaError | None = None

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.create_task(self._keep_on(), name="keeping")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A write under way would come after the last one, and undo it.
        self._ending.set()
        if self._keeping is not None:
            await asyncio.wait({self._keeping})
        self.rest = self.guard.finish()
        self._pieces.append(self.rest)
        content = "".join(self._pieces)
        if kind is None and self.wanted and self.guard.stopped is None:
            status = Status.COMPLETE
        else:
            failed = isinstance(error, ModelUnavailable) and not content
            status = Status.FAILED if failed else Status.STOPPED
        # The disk is waited for in a thread: others talk in this loop.
        kept = await asyncio.to_thread(self._keep, content, status)
        self.reply = self.reply.model_copy(update={"content": content, "status": kept or Status.STOPPED})

    def add(self, piece: str) -> None:
        """Another piece, which is about to be shown.

        Raises:
            capsa.CapsaError: those before it could not be kept.
        """
        if self._failure is not None:
            raise self._failure
        self._pieces.append(piece)

    async def _keep_on(self) -> None:
        kept, at = 0, time.monotonic()
        while self.wanted:
            try:
                async with asyncio.timeout(_EVERY):
                    await self._ending.wait()
                return
            except TimeoutError:
                if len(self._pieces) == kept and time.monotonic() - at < _SIGN:
                    continue
            kept, at = len(self._pieces), time.monotonic()
            try:
                status = await asyncio.to_thread(self._keep, "".join(self._pieces), Status.STREAMING)
            except capsa.CapsaError as error:
                self._failure = error
                return
            self.wanted = status is Status.STREAMING

    def _keep(self, content: str, status: Status) -> Status | None:
        at = now() if status is Status.STREAMING else self.reply.created_at
        return self._person.finish_message(self.reply.id, content, status, at)
