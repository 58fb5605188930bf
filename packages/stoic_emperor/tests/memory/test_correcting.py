"""An insight is put right in the person's own words."""

from __future__ import annotations

import pytest

import capsa
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.errors import NotFound
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.correcting import correct_insight
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import SemanticInsight


def test_the_new_words_take_the_place_of_the_old_in_the_search_too(anna: Person, embedder: HashingEmbedder) -> None:
    recall = Recall(capsa.Store(anna.database.engine, embedder=embedder), "anna")
    insight = SemanticInsight(user_id="anna", assertion="They dislike bees.", confidence=0.6)
    with anna.writing() as tx:
        anna.add_insight(insight, tx=tx)
        recall.add_insight(insight, tx)
    corrected = correct_insight(anna, recall, insight.id[:8], "They  love honey.")
    assert corrected.assertion == "They love honey."
    assert anna.insights() == [corrected]
    assert corrected.edited_at is not None
    assert recall.known("honey", 3)[0].record.id == insight.id
    assert recall.insights.search("bees", mode="lexical").hits == ()


def test_what_was_noted_several_times_is_put_right_once(anna: Person) -> None:
    recall = Recall(anna.database.store, "anna")
    for id_, words in (("one", "They dislike bees."), ("two", "they dislike bees"), ("three", "They dislike wasps.")):
        with anna.writing() as tx:
            recall.add_insight(anna.add_insight(SemanticInsight(id=id_, user_id="anna", assertion=words), tx=tx), tx)
    correct_insight(anna, recall, "one", "They love honey.")
    assert {insight.assertion for insight in anna.insights()} == {"They love honey.", "They dislike wasps."}
    assert sorted(recall.insights.ids()) == ["one", "three"]


@pytest.mark.parametrize(("given", "words"), [("zzz", "They sail."), ("", "They sail."), ("any", "")])
def test_what_cannot_be_put_right_is_said(anna: Person, given: str, words: str) -> None:
    anna.add_insight(SemanticInsight(id="any-1", user_id="anna", assertion="They row."))
    with pytest.raises(NotFound):
        correct_insight(anna, Recall(anna.database.store, "anna"), given, words)
    assert anna.insights()[0].assertion == "They row."
