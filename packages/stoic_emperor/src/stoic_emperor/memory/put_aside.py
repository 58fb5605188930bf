"""Rows of an older memory that a migration could not carry: put aside as they were, and no less somebody's words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import capsa
from stoic_emperor.hosting import HOUSE

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.person import Person

#: Kind of thing -> the columns, or the names in a record's metadata, that say which one a row belongs to.
_NAMED = {
    "users": ("user_id", "owner"),
    "sessions": ("session_id",),
    "messages": ("source_message_id", "message_id"),
}


@dataclass(frozen=True, kw_only=True)
class PutAside:
    """One such row."""

    #: The migration it was met in, the part of the source, and its key there.
    transfer: str
    part: str
    source_key: str
    reason: str
    #: The row, as `capsa.transfer.describe_row` writes it.
    content: bytes

    @classmethod
    def of(cls, part: str, content: bytes) -> PutAside:
        """One that is about to be put aside."""
        return cls(transfer="", part=part, source_key="", reason="", content=content)

    @cached_property
    def columns(self) -> Mapping[str, Any]:
        """Column -> its type and value."""
        read = json.loads(self.content)
        return read if isinstance(read, dict) else {}

    @cached_property
    def named(self) -> frozenset[tuple[str, str]]:
        """The people, conversations and messages that it names, as kind and id; its own id is one of them."""
        values = {name: cell.get("value") for name, cell in self.columns.items() if isinstance(cell, dict)}
        about = [values, _metadata(values.get("metadata"))]
        found = {(kind, row.get(name)) for row in about for kind, names in _NAMED.items() for name in names}
        found.add((self.part, values.get("id")))
        return frozenset((kind, id_) for kind, id_ in found if isinstance(id_, str) and id_)


def _metadata(text: object) -> Mapping[str, Any]:
    try:
        read = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        # Which may be why it was put aside.
        return {}
    return read if isinstance(read, dict) else {}


def put_aside(person: Person, tx: capsa.Transaction) -> tuple[list[PutAside], list[PutAside]]:
    """In ``tx``, what of it is a person's, and what says of nobody whose it is.

    A row is theirs if it names them; if it names no person, then if it names a conversation or a message of theirs.
    """
    tx.rebind(HOUSE)
    rows = tx.execute(person.database.statement("put_aside"), {"owner": HOUSE})
    person.rebind(tx)
    found = [
        PutAside(transfer=transfer, part=part, source_key=key, reason=reason, content=bytes(content))
        for transfer, part, key, reason, content in rows
    ]
    theirs, nobodys = [], []
    for row in found:
        people = {id_ for kind, id_ in row.named if kind == "users"}
        if person.user_id in people or (not people and _names_something_of(person, tx, row)):
            theirs.append(row)
        elif not people:
            nobodys.append(row)
    return theirs, nobodys


def _names_something_of(person: Person, tx: capsa.Transaction, row: PutAside) -> bool:
    statements = {"sessions": "session_by_id", "messages": "message_by_id"}
    named = ((statements[kind], id_) for kind, id_ in row.named if kind in statements)
    return any(person.run(tx, statement, id=id_) for statement, id_ in named)


def erase_put_aside(person: Person, tx: capsa.Transaction, rows: Iterable[PutAside]) -> int:
    """Erase some of it, in ``tx``; how many."""
    tx.rebind(HOUSE)
    done = 0
    for row in rows:
        values = {"owner": HOUSE, "transfer": row.transfer, "part": row.part, "source_key": row.source_key}
        tx.execute(person.database.statement("delete_put_aside"), values)
        done += 1
    person.rebind(tx)
    return done
