"""When something that was found again was really said or noted.

A record's own time may be that of its row in a store of an earlier program, made anew on some later day; the tables
know when the message was written that it stands for, and when the insight was noted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import capsa
from stoic_emperor.memory.recall import Recalled

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

_Rows: TypeAlias = "list[tuple[Any, ...]]"


def dated_turns(person: Person, found: Sequence[Recalled], tx: capsa.Transaction | None = None) -> tuple[Recalled, ...]:
    """What the person said, each dated by its message; of what is in no conversation that is kept, as it is."""

    def times(tx: capsa.Transaction, recalled: Recalled) -> _Rows:
        record = recalled.record
        # Earlier programs counted the turns of a conversation, so that an id of theirs names no message.
        return person.run(tx, "message_time", id=record.id) or (
            person.run(tx, "message_time_by_words", session_id=record.session_id, content=recalled.words)
            if record.session_id
            else []
        )

    return _dated(person, found, times, tx)


def dated_insights(
    person: Person, found: Sequence[Recalled], tx: capsa.Transaction | None = None
) -> tuple[Recalled, ...]:
    """Insights, each dated by when it was noted."""
    return _dated(person, found, lambda own, recalled: person.run(own, "insight_time", id=recalled.record.id), tx)


def _dated(
    person: Person,
    found: Sequence[Recalled],
    times: Callable[[capsa.Transaction, Recalled], _Rows],
    tx: capsa.Transaction | None,
) -> tuple[Recalled, ...]:
    if not found:
        return ()
    time = person.database.engine.datetime
    with person.reading(tx) as own:
        return tuple(
            replace(recalled, record=replace(recalled.record, created_at=time(rows[0][0])))
            if (rows := times(own, recalled))
            else recalled
            for recalled in found
        )
