"""Everything of one person's that can be erased by itself, without what it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stoic_emperor.infrastructure._rows import text
from stoic_emperor.memory.recall import EPISODIC, SEMANTIC

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person
    from stoic_emperor.memory.recall import Recall


@dataclass(frozen=True, slots=True)
class Thing:
    """One of them."""

    #: The table or collection that it is in.
    kind: str
    id: str
    #: The conversation of a message or a turn in the search, the message of an insight; otherwise None.
    of: str | None
    #: When it was said or made, of a summary the beginning of what it tells of; None: nobody knows.
    at: dt.datetime | None


def things_of(person: Person, recall: Recall) -> Iterator[Thing]:
    """All of a person's: messages come before anything else."""
    for kind, id_, of, at in person.read("things"):
        yield Thing(kind, text(id_), None if of is None else text(of), person.database.rows.time(at))
    for kind, collection in ((EPISODIC, recall.episodes), (SEMANTIC, recall.insights)):
        for record in collection.iterate():
            yield Thing(kind, record.id, record.session_id, record.created_at)
