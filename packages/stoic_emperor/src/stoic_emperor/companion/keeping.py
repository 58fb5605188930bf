"""A reply under way is kept as it comes: a crash, a closed window or a lost line costs a second of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from stoic_emperor.models import Message, Status

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: Seconds between two writes.
_EVERY = 1.0


class Keeper:
    """Keeps what has come of one reply."""

    def __init__(self, person: Person, reply: Message) -> None:
        """The reply is stored already, empty."""
        self._person = person
        self._reply = reply
        self._pieces: list[str] = []
        self._kept_at = time.monotonic()

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self._pieces)

    async def add(self, piece: str) -> None:
        """Another piece, which is about to be shown."""
        self._pieces.append(piece)
        if time.monotonic() - self._kept_at >= _EVERY:
            await asyncio.to_thread(self._keep, Status.STREAMING)
            self._kept_at = time.monotonic()

    def take(self, piece: str) -> None:
        """A last piece, without a look at the clock."""
        self._pieces.append(piece)

    def finish(self, status: Status) -> Message:
        """The reply as it is kept for good. Waits for the disk, not for anybody else."""
        self._keep(status)
        return self._reply.model_copy(update={"content": self.text, "status": status})

    def _keep(self, status: Status) -> None:
        self._person.finish_message(self._reply.id, self.text, status)
