"""Older talk becomes summaries: what is hot stays, nothing is condensed twice, what is consumed is retired."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from stoic_emperor.config import CondensationSettings
from stoic_emperor.errors import InvalidAnswer, ModelBusy, ReplyTooLong
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.condensing import Condensation
from stoic_emperor.models import CondensedSummary, Message, now
from stoic_emperor.testing.models import FakeModel, Reply

SETTINGS = CondensationSettings(hot_buffer_tokens=250, chunk_threshold_tokens=400, summary_budget_tokens=400)
WORDS = "so many words about one long day " * 10


def talk(person: Person, turns: int) -> list[Message]:
    session = person.latest_session() or person.begin_session()
    return [
        person.add_message(Message(session_id=session.id, role=role, content=f"{role} {number} {WORDS}"))
        for number in range(turns)
        for role in ("user", "emperor")
    ]


def condense(person: Person, model: FakeModel, most: int = 50) -> list[CondensedSummary]:
    return asyncio.run(Condensation(person, model, SETTINGS).work_off(most))


def summaries_without_end(words: str = "They had a long day. ") -> FakeModel:
    return FakeModel([f"{number} {words * 12}" for number in range(60)])


def test_short_talk_is_left_alone(anna: Person) -> None:
    talk(anna, 2)
    assert condense(anna, FakeModel()) == []


def test_the_newest_talk_is_never_condensed_and_the_rest_only_once(anna: Person) -> None:
    said = talk(anna, 12)
    made = condense(anna, summaries_without_end())
    assert made
    waiting = {message.id for message in anna.walk_uncondensed()}
    assert said[-1].id in waiting
    assert said[-2].id in waiting
    first = [summary for summary in made if summary.level == 1]
    assert sum(summary.source_message_count for summary in first) == len(said) - len(waiting)
    for one, other in itertools.pairwise(first):
        assert one.period_end < other.period_start, "no summary tells what another tells"
    assert condense(anna, FakeModel()) == []


def test_what_a_higher_summary_stands_for_is_retired_and_not_condensed_again(anna: Person) -> None:
    talk(anna, 40)
    condense(anna, summaries_without_end())
    summaries = anna.summaries()
    known = {summary.id: summary for summary in summaries}
    higher = [summary for summary in summaries if summary.level > 1]
    assert higher
    used = [source for summary in higher for source in summary.source_summary_ids]
    assert len(used) == len(set(used)), "each stands in one summary of the next level"
    for summary in higher:
        for source in summary.source_summary_ids:
            assert known[source].condensed_into == summary.id
            assert known[source].level == summary.level - 1


def test_a_message_longer_than_everything_else_does_not_empty_the_hot_buffer(anna: Person) -> None:
    talk(anna, 1)
    session = anna.latest_session()
    assert session is not None
    book = anna.add_message(Message(session_id=session.id, role="user", content=WORDS * 100))
    reply = anna.add_message(Message(session_id=session.id, role="emperor", content="That is long."))
    condense(anna, summaries_without_end())
    assert {book.id, reply.id} <= {message.id for message in anna.walk_uncondensed()}


def test_a_model_that_fails_costs_nothing(anna: Person) -> None:
    talk(anna, 12)
    with pytest.raises(ModelBusy):
        condense(anna, FakeModel([ModelBusy("later")]))
    assert anna.summaries() == []
    assert len(list(anna.walk_uncondensed())) == 24


def test_a_summary_that_came_to_the_end_of_its_length_is_kept_as_far_as_it_came(anna: Person) -> None:
    talk(anna, 40)
    error = ReplyTooLong("the reply came to the end of its length, 5 tokens")
    (summary,) = condense(anna, FakeModel([Reply("They build boats.", error=error)]), most=1)
    assert summary.content == "They build boats."


def test_a_summary_that_labels_is_not_kept(anna: Person) -> None:
    talk(anna, 12)
    with pytest.raises(InvalidAnswer):
        condense(anna, FakeModel(["They show symptoms of a disorder."]))
    assert anna.summaries() == []


def test_what_is_forgotten_while_the_model_writes_is_in_no_summary(anna: Person) -> None:
    said = talk(anna, 12)

    class Slow(FakeModel):
        def stream(self, prompt: object) -> object:  # type: ignore[override]
            with anna.writing() as tx:
                anna.run(tx, "delete_message", id=said[0].id)
            return super().stream(prompt)  # type: ignore[arg-type]

    condense(anna, Slow(["A summary of too much."]), most=1)
    assert anna.summaries() == []


def test_it_is_quoted_and_dated_material(anna: Person) -> None:
    talk(anna, 12)
    model = FakeModel(["A summary."])
    condense(anna, model, most=1)
    text = model.prompts[0].turns[0].text
    assert text.startswith("<conversation>\n[20")
    assert "Person: user 0" in text
    assert "Companion: emperor 0" in text


def test_talk_and_summaries_of_before_it_was_allowed_are_condensed_only_if_that_is_asked_for(anna: Person) -> None:
    talk(anna, 12)
    for number in range(4):
        at = now()
        anna.add_summary(
            CondensedSummary(user_id="anna", content=f"{number} {WORDS}", period_start=at, period_end=at, created_at=at)
        )
    anna.agree(False)
    anna.agree(True)
    assert condense(anna, FakeModel()) == []
    talk(anna, 12)
    said_since = {message.id for message in anna.recent_messages(24)}
    made = condense(anna, summaries_without_end(), most=1)
    assert made[0].source_message_count
    assert len([message for message in anna.walk_uncondensed() if message.id not in said_since]) == 24
    assert asyncio.run(Condensation(anna, summaries_without_end(), SETTINGS).work_off(50, past=True))
    assert len([message for message in anna.walk_uncondensed() if message.id not in said_since]) < 24
