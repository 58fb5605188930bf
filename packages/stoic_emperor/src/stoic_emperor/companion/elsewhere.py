"""One conversation has one reply at a time, whoever gives it: another terminal, a page, another process.

Who gives it shows so in its row (`companion.keeping`). Whoever else wants to answer there follows it to its end first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from stoic_emperor.companion.events import Elsewhere
from stoic_emperor.infrastructure.person import SILENT
from stoic_emperor.models import Message, Status, now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: Seconds between two looks.
_LOOK = 0.5


async def followed(person: Person, reply: Message) -> AsyncGenerator[Elsewhere, None]:
    """A reply that somebody else gives, each time that more of it is kept, to its end; erased, it counts as stopped."""
    told = None
    while True:
        if told is None or (told.content, told.status) != (reply.content, reply.status):
            yield Elsewhere(reply)
            told = reply
        if reply.status is not Status.STREAMING:
            return
        await asyncio.sleep(_LOOK)
        kept = await asyncio.to_thread(_kept, person, reply)
        reply = kept or reply.model_copy(update={"status": Status.STOPPED})


def _kept(person: Person, reply: Message) -> Message | None:
    before = now() - SILENT
    kept = person.message(reply.id)
    if kept is None or kept.status is not Status.STREAMING or kept.created_at >= before:
        return kept
    person.stop_replies(reply.session_id, before=before)
    return person.message(reply.id)
