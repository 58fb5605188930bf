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
        self._person = person
        self._pieces: list[str] = []
        self._kept_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Also when the reader is gone: then nothing may be awaited, and this takes a millisecond.
        self.rest = self.guard.finish()
        self._pieces.append(self.rest)
        content = "".join(self._pieces)
        if kind is None and self.guard.stopped is None:
            status = Status.COMPLETE
        else:
            failed = isinstance(error, ModelUnavailable) and not content
            status = Status.FAILED if failed else Status.STOPPED
        self._keep(content, status)
        self.reply = self.reply.model_copy(update={"content": content, "status": status})

    async def add(self, piece: str) -> None:
        """Another piece, which is about to be shown."""
        self._pieces.append(piece)
        if time.monotonic() - self._kept_at >= _EVERY:
            await asyncio.to_thread(self._keep, "".join(self._pieces), Status.STREAMING)
            self._kept_at = time.monotonic()

    def _keep(self, content: str, status: Status) -> None:
        self._person.finish_message(self.reply.id, content, status)
