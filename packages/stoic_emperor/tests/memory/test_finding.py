"""A conversation is found again by its title and by what was said in it; nobody finds another person's."""

from __future__ import annotations

import pytest

import capsa
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.finding import excerpt, find_conversations
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message


def recall_of(person: Person) -> Recall:
    return Recall(capsa.Store(person.database.engine, embedder=HashingEmbedder()), person.user_id)


def talked(person: Person, title: str | None, said: str) -> Message:
    session = person.begin_session(title=title)
    message = person.add_message(Message(session_id=session.id, role="user", content=said))
    with person.writing() as tx:
        recall_of(person).add_turn(message, tx)
    return message


def test_titles_come_first_and_then_what_was_said(anna: Person) -> None:
    pears = talked(anna, "On pears", "I planted a tree")
    tree = talked(anna, None, "The pears are ripe at last, and I am glad of it")
    found = find_conversations(anna, recall_of(anna), "Pears")
    assert [(f.session_id, f.message_id) for f in found[:2]] == [(pears.session_id, None), (tree.session_id, tree.id)]
    assert found[0].title == found[0].excerpt == "On pears"
    assert "pears are ripe" in found[1].excerpt


def test_nobody_finds_what_another_said(anna: Person, boris: Person) -> None:
    talked(anna, "On pears", "The pears are ripe")
    assert find_conversations(boris, recall_of(boris), "pears") == []


def test_no_words_find_nothing(anna: Person) -> None:
    talked(anna, "On pears", "The pears are ripe")
    assert find_conversations(anna, recall_of(anna), " … ") == []


@pytest.mark.parametrize("at", [0, 300, 900])
def test_an_excerpt_shows_what_was_looked_for(at: int) -> None:
    said = "rain " * (at // 5) + "pears " + "snow " * 200
    shown = excerpt(said, ["pears"])
    assert "pears" in shown
    assert len(shown) <= 250
