"""What a migration could not carry is no less somebody's: it is in their export, and goes when they do."""

from __future__ import annotations

import json

import pytest

from capsa import transfer
from stoic_emperor.hosting import HOUSE
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.exporting import export_json
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.put_aside import PutAside, put_aside
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message, now

PUT = """
INSERT INTO capsa_quarantine (owner, transfer, part, source_key, reason, content, created_at)
VALUES (:owner, 't', :part, :key, 'it has no id', :content, :now)
"""


def put(database: Database, part: str, key: str, **row: transfer.SqliteValue) -> None:
    """Put a row aside, as a migration does."""
    values = {"owner": HOUSE, "part": part, "key": key, "content": transfer.describe_row(row)}
    with database.engine.write(HOUSE) as tx:
        tx.execute(PUT, {**values, "now": database.engine.time(now())})


@pytest.fixture
def session_id(anna: Person, boris: Person) -> str:
    """Anna's conversation; of what was put aside something is hers, something Boris's, and something nobody's."""
    session = anna.begin_session(session_id="anna's talk")
    anna.add_message(Message(id="m1", session_id=session.id, role="user", content="said"))
    boris.ensure()
    database = anna.database
    put(database, "semantic_insights", "1", id=None, user_id="anna", assertion="of Anna")
    put(database, "messages", "2", id=None, session_id=session.id, content="in Anna's talk")
    put(database, "semantic_insights", "3", id=None, source_message_id="m1", assertion="of what Anna said")
    put(database, "chroma episodic", "4", id="e", document="in Chroma", metadata=json.dumps({"user_id": "anna"}))
    put(database, "semantic_insights", "5", id=None, user_id="boris", source_message_id="m1", assertion="of Boris")
    put(database, "messages", "6", id=None, session_id=None, content="of nobody")
    return session.id


def keys(person: Person) -> tuple[list[str], list[str]]:
    with person.reading() as tx:
        theirs, nobodys = put_aside(person, tx)
    return sorted(row.source_key for row in theirs), sorted(row.source_key for row in nobodys)


def forgetting(person: Person) -> Forgetting:
    return Forgetting(person, Recall(person.database.store, person.user_id))


@pytest.mark.usefixtures("session_id")
def test_a_row_is_whose_name_it_has_or_else_whose_conversation_or_message(anna: Person, boris: Person) -> None:
    assert keys(anna) == (["1", "2", "3", "4"], ["6"])
    assert keys(boris) == (["5"], ["2", "3", "6"])


@pytest.mark.usefixtures("session_id")
def test_a_person_who_is_erased_takes_theirs_along_and_is_told_of_what_is_nobodys(anna: Person, boris: Person) -> None:
    receipt = forgetting(anna).everything()
    assert receipt.erased["put_aside"] == 4
    assert "4 rows of an older memory that were put aside" in receipt.lines[0]
    assert any("1 name no person: they stay put aside" in note for note in receipt.notes)
    assert keys(boris) == (["5"], ["6"])
    # The last one leaves nothing.
    last = forgetting(boris).everything()
    assert last.erased["put_aside"] == 2
    assert "put aside" not in "".join(last.notes)
    assert keys(boris) == ([], [])


def test_a_conversation_and_a_turn_take_theirs_along(anna: Person, session_id: str) -> None:
    assert forgetting(anna).message("m1").erased["put_aside"] == 1
    assert keys(anna)[0] == ["1", "2", "4"]
    assert forgetting(anna).session(session_id).erased["put_aside"] == 1
    assert keys(anna)[0] == ["1", "4"]


@pytest.mark.usefixtures("session_id")
def test_it_is_in_the_export(anna: Person) -> None:
    exported = json.loads("".join(export_json(anna, Recall(anna.database.store, "anna"))))
    found = {(row["part"], str(row["row"].get("assertion", {}).get("value"))) for row in exported["put_aside"]}
    assert ("semantic_insights", "of Anna") in found
    assert len(exported["put_aside"]) == 4
    assert "of Boris" not in str(exported)


@pytest.mark.parametrize("content", [b"[]", b'{"metadata": {"type": "text", "value": "{"}}', b'{"id": 3}'])
def test_what_cannot_be_read_names_nobody(content: bytes) -> None:
    assert PutAside.of("messages", content).named == frozenset()
