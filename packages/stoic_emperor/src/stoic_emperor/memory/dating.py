"""When something that was found again was really said or noted.

A record's own time may be that of its row in a store of an earlier program, made anew on some later day; the tables
know when the message was written that it stands for, and when the insight was noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import capsa
from stoic_emperor.memory.recall import Recalled

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person


def dated_turns(person: Person, found: Sequence[Recalled], tx: capsa.Transaction | None = None) -> tuple[Recalled, ...]:
    """What the person said, each dated by its message; of what is in no conversation that is kept, as it is."""
    if not found:
        return ()
    with person.reading(tx) as own:
        times = _times(person, own, "message_times", found)
        # Earlier programs counted the turns of a conversation, so that an id of theirs names no message.
        for recalled in found:
            record = recalled.record
            if record.id not in times and record.session_id:
                said = {"session_id": record.session_id, "content": recalled.words}
                times.update((record.id, time) for (time,) in person.run(own, "message_time_by_words", **said))
    return _dated(person, found, times)


def dated_insights(
    person: Person, found: Sequence[Recalled], tx: capsa.Transaction | None = None
) -> tuple[Recalled, ...]:
    """Insights, each dated by when it was noted."""
    if not found:
        return ()
    with person.reading(tx) as own:
        return _dated(person, found, _times(person, own, "insight_times", found))


def _times(person: Person, tx: capsa.Transaction, statement: str, found: Sequence[Recalled]) -> dict[str, Any]:
    """The times of those of them that the table has, by id."""
    rows = person.run_for(tx, statement, [recalled.record.id for recalled in found])
    return {capsa.from_stored(id_): time for id_, time in rows}


def _dated(person: Person, found: Sequence[Recalled], times: dict[str, Any]) -> tuple[Recalled, ...]:
    read = person.database.engine.datetime
    return tuple(
        replace(recalled, record=replace(recalled.record, created_at=read(times[recalled.record.id])))
        if recalled.record.id in times
        else recalled
        for recalled in found
    )
