"""What was erased stays erased: each thing's mark is kept, so that no older file or copy of it brings it back.

A mark is a hash of an id, and says nothing of what it was. Of a person who is gone it is kept with when they went: who
comes back under the same name begins anew, and what they write then can be told from what they had erased.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.hosting import HOUSE

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: The kind of what stands for a whole person; other kinds are the names of tables and collections.
PERSON = "users"


def mark_of(id_: str) -> str:
    """What is kept of an id: sha256 of it as it is stored, in hexadecimal digits."""
    return hashlib.sha256(capsa.to_stored(id_).encode()).hexdigest()


def event_of(user_id: str, at: dt.datetime) -> str:
    """One erasure of a person."""
    return f"{mark_of(user_id)} {at.isoformat()}"


def read_event(event: str) -> tuple[str, dt.datetime]:
    """The mark of the person, and when it was."""
    mark, _, at = event.partition(" ")
    return mark, dt.datetime.fromisoformat(at)


def note_erased(person: Person, tx: capsa.Transaction, kind: str, ids: Iterable[str]) -> None:
    """Note in ``tx`` that these of a person's things are erased."""
    for id_ in ids:
        person.run(tx, "add_erased", kind=kind, mark=mark_of(id_))


def note_gone(person: Person, tx: capsa.Transaction, event: str) -> None:
    """Note in ``tx`` that all of a person is erased, in place of what was noted of their single things."""
    person.run(tx, "clear_erased")
    note_event(person, tx, event)


def note_event(person: Person, tx: capsa.Transaction, event: str) -> None:
    """Note in ``tx`` that what is older than an erasure of the person is erased."""
    tx.rebind(HOUSE)
    tx.execute(person.database.statement("add_erased"), {"user_id": HOUSE, "kind": PERSON, "mark": event})
    person.rebind(tx)
