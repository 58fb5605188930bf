"""Replies that nobody gives any more: a process was killed in their middle, or the database was away at their end."""

from __future__ import annotations

from collections.abc import Sequence

from stoic_emperor.infrastructure.person import SILENT, Person
from stoic_emperor.models import Message, Status, now
from stoic_emperor.web.state import Hosted


def settled(here: Hosted, person: Person, kept: Sequence[Message]) -> list[Message]:
    """What is kept of a conversation, or the end of it; a reply that nobody gives any more is stopped, and says so."""
    unfinished = {message.id: message for message in kept if message.status is Status.STREAMING}
    if not unfinished:
        return list(kept)
    session_id = next(iter(unfinished.values())).session_id
    turn = here.talking.turns.of(person.user_id, session_id)
    before = now() - SILENT
    if turn is not None and turn.over and turn.reply is not None and turn.reply.id in unfinished:
        # Its end could not be kept.
        person.stop_replies(session_id)
    elif any(reply.created_at < before for reply in unfinished.values()):
        person.stop_replies(session_id, before=before)
    else:
        return list(kept)
    # It may have come to its end at this very moment.
    return [(person.message(each.id) or each) if each.id in unfinished else each for each in kept]
