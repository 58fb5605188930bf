"""What a model is given: within its budget, in turns, quoted."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import capsa
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.context import ContextBuilder
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.tokens import count_tokens, cut
from stoic_emperor.models import Message, SemanticInsight, now

Builder = Callable[[int], ContextBuilder]


@pytest.fixture
def recall(anna: Person, embedder: HashingEmbedder) -> Recall:
    return Recall(capsa.Store(anna.database.engine, embedder=embedder), "anna")


@pytest.fixture
def builder(anna: Person, recall: Recall) -> Iterator[Builder]:
    """Makes one with a budget."""
    with ThreadPoolExecutor(1) as beside:
        yield lambda budget: ContextBuilder(anna, recall, (), budget, beside)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    budget=st.integers(500, 3000),
    talk=st.lists(st.tuples(st.sampled_from(["user", "emperor"]), st.integers(0, 400)), max_size=12),
    words=st.integers(1, 4000),
)
def test_the_budget_is_kept_and_turns_alternate(
    anna: Person, builder: Builder, budget: int, talk: list[tuple[str, int]], words: int
) -> None:
    session = anna.begin_session()
    for role, length in talk:
        anna.add_message(Message(session_id=session.id, role=role, content="word " * length))
    insight = SemanticInsight(user_id="anna", assertion="They like every word. " * 20)
    with anna.writing() as tx:
        anna.add_insight(insight, tx=tx)
        Recall(anna.database.store, "anna").add_insight(insight, tx)
    said = anna.add_message(Message(session_id=session.id, role="user", content="word " * words))

    context = builder(budget).build(said)

    assert context.tokens <= budget
    roles = [turn.role for turn in context.prompt.turns]
    assert roles[0] == roles[-1] == "user"
    assert all(one != other for one, other in itertools.pairwise(roles))


def test_a_note_that_does_not_fit_is_left_out_whole(anna: Person, recall: Recall, builder: Builder) -> None:
    for number in range(30):
        insight = SemanticInsight(user_id="anna", assertion=f"They planted tree number {number} " + "with care " * 60)
        with anna.writing() as tx:
            anna.add_insight(insight, tx=tx)
            recall.add_insight(insight, tx)
    session = anna.begin_session()
    said = anna.add_message(Message(session_id=session.id, role="user", content="Which tree did I plant with care?"))
    text = builder(700).build(said).prompt.turns[-1].text
    lines = [line for line in text.splitlines() if line.startswith("- They planted")]
    assert lines
    assert all(line.endswith(")") for line in lines)


def test_a_short_answer_is_looked_up_with_what_it_answers(anna: Person, recall: Recall, builder: Builder) -> None:
    session = anna.begin_session()
    old = anna.begin_session()
    bees = anna.add_message(Message(session_id=old.id, role="user", content="The bees of my grandfather died"))
    with anna.writing() as tx:
        recall.add_turn(bees, tx)
    anna.add_message(Message(session_id=session.id, role="user", content="I dreamt of grandfather and his bees"))
    anna.add_message(Message(session_id=session.id, role="emperor", content="Do you miss him?"))
    said = anna.add_message(Message(session_id=session.id, role="user", content="yes, him"))
    context = builder(2000).build(said)
    assert [found.record.id for found in context.episodes] == [bees.id]


@given(st.text(), st.integers(5, 200))
@example("\x80\x80\x80ࠀࠀࠀࠀ", 6)
def test_cutting_keeps_to_its_length(text: str, tokens: int) -> None:
    kept = cut(text, tokens)
    assert count_tokens(kept) <= max(tokens, 2)
    assert kept == text or kept.endswith("…")


def test_what_was_noted_several_times_is_told_once_with_the_date_of_the_last(
    anna: Person, recall: Recall, builder: Builder
) -> None:
    session = anna.begin_session()
    for day, text in ((3, "They keep bees."), (9, "they  keep bees"), (5, "They keep bees!"), (4, "They keep bees.")):
        at = dt.datetime(2025, 3, day, tzinfo=dt.UTC)
        insight = SemanticInsight(user_id="anna", assertion=text, created_at=at)
        with anna.writing() as tx:
            anna.add_insight(insight, tx=tx)
            # As an earlier program's store dated it.
            recall.add_insight(insight.model_copy(update={"created_at": now()}), tx)
    said = anna.add_message(Message(session_id=session.id, role="user", content="Shall I keep bees?"))
    context = builder(2000).build(said)
    assert [found.record.created_at.day for found in context.insights] == [9]
    assert "- they  keep bees (noted 2025-03-09)" in context.prompt.turns[-1].text
    assert len(anna.insights()) == 4, "no row is lost"


@pytest.mark.parametrize("own_id", [True, False])
def test_what_was_said_is_dated_by_its_message_and_not_by_its_record(
    anna: Person, recall: Recall, builder: Builder, *, own_id: bool
) -> None:
    old = anna.begin_session()
    at = dt.datetime(2025, 3, 9, tzinfo=dt.UTC)
    bees = anna.add_message(Message(session_id=old.id, role="user", content="My bees all died", created_at=at))
    kept: dict[str, object] = {"created_at": now()}
    if not own_id:
        kept |= {"id": f"{old.id}_2", "content": "User: My bees all died\nMarcus: And you?"}
    with anna.writing() as tx:
        recall.add_turn(bees.model_copy(update=kept), tx)
    session = anna.begin_session()
    said = anna.add_message(Message(session_id=session.id, role="user", content="Why did all my bees die?"))
    text = builder(2000).build(said).prompt.turns[-1].text
    assert "- On 2025-03-09: “My bees all died”" in text
