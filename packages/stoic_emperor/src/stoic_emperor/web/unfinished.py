"""Replies that nobody gives any more: a process was killed in their middle, or the database was away at their end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import Message, Status, now
from stoic_emperor.web.state import Hosted

#: So long a reply is let be in any case: the terminal gives some too, and no row says that it lives.
_LET_BE = dt.timedelta(minutes=1)


def settled(here: Hosted, person: Person, kept: Sequence[Message]) -> list[Message]:
    """What is kept of a conversation, or the end of it; a reply that nobody gives any more is stopped, and says so."""
    unfinished = [message for message in kept if message.status is Status.STREAMING]
    if not any(_is_nobodys(here, person, reply) for reply in unfinished):
        return list(kept)
    person.stop_replies(unfinished[0].session_id)
    # It may have come to its end at this very moment.
    return [(person.message(each.id) or each) if each in unfinished else each for each in kept]


def _is_nobodys(here: Hosted, person: Person, reply: Message) -> bool:
    turn = here.talking.turns.of(person.user_id, reply.session_id)
    if turn is not None:
        # One that is over could not keep its end.
        return turn.over and (turn.reply is None or turn.reply.id == reply.id)
    at = now()
    if reply.created_at < at - 2 * dt.timedelta(seconds=here.configuration.settings.models.timeout):
        return True
    others = here.worker.processes.others_since()
    return reply.created_at < min(at - _LET_BE, others or at)
