"""A turn begins: what was said and an empty reply are stored together, if nobody else answers there just now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stoic_emperor.errors import NotFound
from stoic_emperor.models import Message, Role, Status, now

if TYPE_CHECKING:
    import capsa
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.safety import Verdict


@dataclass(frozen=True, slots=True)
class Beginning:
    """What somebody says was looked at, and is stored with an empty reply."""

    said: Message
    verdict: Verdict
    reply: Message


async def begun(
    person: Person, said: Message, verdict: Verdict, old: Sequence[Message], *, stored: bool, waited: Message | None
) -> tuple[Message, bool]:
    """As `_begin`; who is cancelled meanwhile leaves no reply behind that others would wait for."""
    beginning = asyncio.ensure_future(
        asyncio.to_thread(_begin, person, said, verdict, old, stored=stored, waited=waited)
    )
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        await asyncio.wait({beginning})
        if beginning.exception() is None and beginning.result()[1]:
            reply = beginning.result()[0]
            await asyncio.to_thread(person.finish_message, reply.id, "", Status.STOPPED, reply.created_at)
        raise


def _begin(
    person: Person, said: Message, verdict: Verdict, old: Sequence[Message], *, stored: bool, waited: Message | None
) -> tuple[Message, bool]:
    """Store what was said, unless it is, and an empty reply, which everything that comes of it goes into.

    Where somebody else answers, or has while we waited for ``waited``, it is their reply, and not ours.

    Raises:
        NotFound: the conversation, or what was said, was erased.
    """
    with person.writing() as tx:
        if not stored:
            person.add_message(said, tx=tx)
        if (other := person.reply_under_way(said.session_id, tx=tx)) is not None:
            return other, False
        if waited is not None:
            if not person.run(tx, "message_by_id", id=said.id):
                raise NotFound("what you said was forgotten before it was answered")
            if (other := _answered(person, said, old, waited, tx)) is not None:
                return other, False
        return begin_reply(person, said, verdict, old, tx), True


def begin_reply(
    person: Person, said: Message, verdict: Verdict, old: Sequence[Message], tx: capsa.Transaction
) -> Message:
    """Store an empty reply, in ``tx``, which everything that comes of it goes into; in place of ``old`` ones."""
    user = person.get(tx=tx)
    # While remembering is paused, or where somebody was in danger, a turn is not analysed, now or later, nor twice.
    # What is said without consent waits: whoever agrees later may ask for it.
    analysed = user is not None and user.paused_at is None and verdict.card is None
    analysed = analysed and all(reply.semantic_processed_at is None for reply in old)
    reply = Message(
        session_id=said.session_id,
        role=Role.EMPEROR,
        content="",
        status=Status.STREAMING,
        semantic_processed_at=None if analysed else now(),
    )
    person.replace_replies(old, reply, tx=tx)
    return reply


def _answered(
    person: Person, said: Message, old: Sequence[Message], waited: Message, tx: capsa.Transaction
) -> Message | None:
    """The reply that somebody else gave to ``said``: surely so where nobody said anything else that has none yet."""
    *before, last = person.last_messages(said.session_id, 3, tx=tx)
    if last.role == Role.USER or last.status is not Status.COMPLETE:
        return None
    if last.id == waited.id:
        return last if any(reply.id == last.id for reply in old) else None
    roles = [message.role for message in before]
    return last if before[-1].id == said.id and roles != [Role.USER, Role.USER] else None
