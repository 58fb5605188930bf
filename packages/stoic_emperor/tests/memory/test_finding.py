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


def test_a_conversation_is_found_once_however_many_places_fit(anna: Person) -> None:
    first = talked(anna, "On pears", "The pears are ripe")
    more = anna.add_message(Message(session_id=first.session_id, role="user", content="Pears, pears and more pears"))
    with anna.writing() as tx:
        recall_of(anna).add_turn(more, tx)
    other = talked(anna, None, "No pears this year")
    found = find_conversations(anna, recall_of(anna), "pears")
    assert [f.session_id for f in found] == [first.session_id, other.session_id]
    assert "pears" in found[0].excerpt.casefold()
    assert found[0].message_id in {first.id, more.id}, "it leads to the place"


def test_one_long_conversation_does_not_push_out_the_others(anna: Person) -> None:
    long = talked(anna, None, "pears pears pears")
    for number in range(8):
        said = anna.add_message(Message(session_id=long.session_id, role="user", content=f"pears pears {number}"))
        with anna.writing() as tx:
            recall_of(anna).add_turn(said, tx)
    others = {talked(anna, None, f"about {word} and pears and rain and snow").session_id for word in ("plums", "figs")}
    assert {f.session_id for f in find_conversations(anna, recall_of(anna), "pears", 3)} == {long.session_id, *others}


def test_what_has_neither_the_words_nor_a_like_meaning_is_not_shown(anna: Person) -> None:
    talked(anna, None, "The ferry was late again")
    assert find_conversations(anna, recall_of(anna), "pears") == []


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
