"""A reply under way is kept as it comes: a crash, a closed window or a lost line costs a second of it."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from stoic_emperor.errors import ModelUnavailable
from stoic_emperor.models import Message, Status
from stoic_emperor.safety import ReplyGuard

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: Seconds between two writes.
_EVERY = 1.0


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
        self._kept_at = time.monotonic()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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

    async def add(self, piece: str) -> None:
        """Another piece, which is about to be shown."""
        self._pieces.append(piece)
        if time.monotonic() - self._kept_at >= _EVERY:
            kept = await asyncio.to_thread(self._keep, "".join(self._pieces), Status.STREAMING)
            self.wanted = kept is Status.STREAMING
            self._kept_at = time.monotonic()

    def _keep(self, content: str, status: Status) -> Status | None:
        return self._person.finish_message(self.reply.id, content, status)
