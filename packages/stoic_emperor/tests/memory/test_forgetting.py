"""Forgetting erases all that came of a thing, says so, and leaves no trace in the file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import capsa
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.config import CondensationSettings
from stoic_emperor.errors import NotFound
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.condensing import Condensation
from stoic_emperor.memory.exporting import conversation_json, write_export
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.receipts import Receipt
from stoic_emperor.memory.reflecting import Reflection
from stoic_emperor.models import Message, SemanticInsight, now
from stoic_emperor.testing.models import FakeModel

SHORT = CondensationSettings(hot_buffer_tokens=200, chunk_threshold_tokens=200, summary_budget_tokens=200)


class Memory:
    """A person's memory, and what a test does with it."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.recall = Recall(capsa.Store(person.database.engine, embedder=HashingEmbedder()), person.user_id)
        self.forgetting = Forgetting(person, Recall(person.database.store, person.user_id))
        self.session = person.begin_session(title="A talk")

    def turn(self, said: str, assertion: str | None = None) -> tuple[Message, Message]:
        message = self.person.add_message(Message(session_id=self.session.id, role="user", content=said))
        reply = self.person.add_message(
            Message(session_id=self.session.id, role="emperor", content=f"You said: {said}")
        )
        with self.person.writing() as tx:
            self.recall.add_turn(message, tx)
        answers = [{"semantic_assertions": [{"text": assertion, "confidence": 0.9}] if assertion else []}]
        asyncio.run(Reflection(self.person, self.recall, FakeModel(answers=answers)).work_off())
        return message, reply

    def condense(self, *summaries: str) -> None:
        asyncio.run(Condensation(self.person, FakeModel(list(summaries)), SHORT).work_off(len(summaries)))


@pytest.fixture
def memory(anna: Person) -> Memory:
    return Memory(anna)


def erased(receipt: Receipt) -> dict[str, int]:
    return {name: count for name, count in receipt.erased.items() if count}


def test_a_turn_can_go_with_all_that_was_said_after_it(memory: Memory) -> None:
    kept, answer = memory.turn("I plant tulips")
    memory.turn("I am angry with my brother", "They are angry.")
    memory.turn("He took my spade")
    angry = memory.person.messages(memory.session.id)[2]
    receipt = memory.forgetting.message(angry.id, and_after=True)
    assert erased(receipt) == {"messages": 4, "episodic": 2, "semantic_insights": 1, "semantic": 1}
    assert [message.id for message in memory.person.messages(memory.session.id)] == [kept.id, answer.id]


def test_scrubbing_can_be_left_to_somebody_else(memory: Memory) -> None:
    asked: list[str] = []

    def later() -> tuple[str, ...]:
        asked.append("scrub")
        return ("soon",)

    memory.person.database.scrub_later(later)
    memory.turn("I plant tulips")
    assert memory.forgetting.session(memory.session.id).notes == ("soon",)
    assert asked == ["scrub"]


def test_a_turn_goes_with_its_reply_its_insights_and_its_place_in_the_search(memory: Memory) -> None:
    kept, _ = memory.turn("I plant tulips", "They garden.")
    gone, reply = memory.turn("I hate Gregor", "They are angry at Gregor.")

    receipt = memory.forgetting.message(gone.id)

    assert erased(receipt) == {"messages": 2, "episodic": 1, "semantic_insights": 1, "semantic": 1}
    assert memory.person.message(gone.id) is None
    assert memory.person.message(reply.id) is None
    assert [insight.assertion for insight in memory.person.insights()] == ["They garden."]
    assert [found.record.id for found in memory.recall.turns("Gregor", 9)] == [kept.id]
    assert memory.recall.known("angry Gregor", 9)[0].record.text == "They garden."


def test_naming_the_reply_forgets_the_same_turn(memory: Memory) -> None:
    gone, reply = memory.turn("I hate Gregor")
    memory.forgetting.message(reply.id)
    assert memory.person.message(gone.id) is None


def test_a_title_made_of_what_was_said_goes_too(memory: Memory) -> None:
    gone, _ = memory.turn("I hate Gregor")
    memory.person.rename_session(memory.session.id, "Hating Gregor")
    memory.forgetting.message(gone.id)
    session = memory.person.session(memory.session.id)
    assert session is not None
    assert session.title is None


def test_summaries_that_tell_of_it_go_up_to_the_highest_level_and_the_rest_is_free_to_be_condensed_anew(
    memory: Memory,
) -> None:
    long = "about the garden and the weather " * 40
    first, _ = memory.turn(long + "ONE")
    memory.turn(long + "TWO")
    memory.turn(long + "THREE")
    memory.turn(long + "FOUR")
    memory.condense(*[f"summary {n} " + "of many words " * 60 for n in range(4)])
    levels = {summary.level for summary in memory.person.summaries()}
    assert levels >= {1, 2}, "the case needs a summary of summaries"
    before = {summary.id: summary for summary in memory.person.summaries()}
    with memory.person.database.engine.read("anna") as tx:
        ((of_first,),) = memory.person.run(tx, "summary_of_message", id=first.id)
    above = before[of_first].condensed_into

    memory.forgetting.message(first.id)

    left = {summary.id for summary in memory.person.summaries()}
    assert of_first not in left
    assert above not in left
    # What the summary of summaries stood for beside it stands for itself again.
    assert all(summary.condensed_into in {None, *left} for summary in memory.person.summaries())
    assert left, "a summary of other talk stays"


def test_portraits_written_since_go_and_older_ones_stay(memory: Memory) -> None:
    memory.person.add_profile("older")
    gone, _ = memory.turn("I hate Gregor")
    memory.person.add_profile("knows of Gregor")
    assert erased(memory.forgetting.message(gone.id))["profiles"] == 1
    assert [profile.content for profile in memory.person.profiles()] == ["older"]


def test_forgetting_an_insight_keeps_what_was_said_and_blanks_its_analysis(memory: Memory) -> None:
    said, reply = memory.turn("I hate Gregor", "They are angry at Gregor.")
    (insight,) = memory.person.insights()
    assert erased(memory.forgetting.insight(insight.id)) == {"semantic_insights": 1, "semantic": 1}
    assert memory.person.message(said.id) == said
    analysed = memory.person.message(reply.id)
    assert analysed is not None
    assert analysed.psych_update is None
    assert analysed.semantic_processed_at is not None, "or it would come back with the next analysis"


def test_an_insight_that_was_noted_several_times_goes_as_a_whole_when_that_is_asked_for(memory: Memory) -> None:
    _, reply = memory.turn("I hate Gregor", "They are angry at Gregor.")
    again = ("they are angry  at Gregor", "They are angry at GREGOR.", "They are fond of Gregor.")
    for number, words in enumerate(again):
        with memory.person.writing() as tx:
            insight = SemanticInsight(id=f"again-{number}", user_id="anna", assertion=words)
            memory.recall.add_insight(memory.person.add_insight(insight, tx=tx), tx)
    receipt = memory.forgetting.insight("again-0")
    assert erased(receipt) == {"semantic_insights": 1, "semantic": 1}
    assert "the same was noted 2 more times, and stays: forget " in receipt.notes[-1]
    receipt = memory.forgetting.named("again-1", and_same=True)
    assert erased(receipt) == {"semantic_insights": 2, "semantic": 2}
    assert not any("more times" in note for note in receipt.notes)
    assert [insight.assertion for insight in memory.person.insights()] == ["They are fond of Gregor."]
    assert [found.record.text for found in memory.recall.known("angry Gregor", 9)] == ["They are fond of Gregor."]
    analysed = memory.person.message(reply.id)
    assert analysed is not None
    assert analysed.psych_update is None, "of each what it was taken from is not analysed again"


def test_a_conversation_goes_whole_imported_turns_of_older_programs_included(memory: Memory) -> None:
    memory.turn("I hate Gregor", "They are angry at Gregor.")
    other = memory.person.begin_session()
    old = Message(id="old-id", session_id=memory.session.id, role="user", content="User: I hate Gregor\nMarcus: …")
    with memory.person.writing() as tx:
        memory.recall.add_turn(old, tx)
    receipt = memory.forgetting.session(memory.session.id)
    assert erased(receipt) == {"messages": 2, "episodic": 2, "semantic_insights": 1, "semantic": 1, "sessions": 1}
    assert [listed.session.id for listed in memory.person.sessions()] == [other.id]


def test_a_turn_that_an_older_program_made_searchable_is_told_by_what_it_holds(memory: Memory) -> None:
    gone, _ = memory.turn("I hate Gregor")
    old = Message(id="session_2", session_id=memory.session.id, role="user", content="User: I hate Gregor\nMarcus: …")
    with memory.person.writing() as tx:
        memory.recall.add_turn(old, tx)
    memory.forgetting.message(gone.id)
    assert memory.recall.episodes.count() == 0


def test_everything_goes_and_the_receipt_counts_it_table_by_table(memory: Memory, boris: Person) -> None:
    memory.turn("I hate Gregor", "They are angry at Gregor.")
    memory.person.add_profile("a portrait")
    boris.begin_session()
    receipt = memory.forgetting.everything()
    assert erased(receipt) == {
        "messages": 2,
        "episodic": 1,
        "semantic_insights": 1,
        "semantic": 1,
        "profiles": 1,
        "sessions": 1,
        "users": 1,
    }
    assert memory.person.get() is None
    assert len(boris.sessions()) == 1


def test_nothing_of_it_stands_in_the_file_any_more(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/memory.db") as database:
        anna = database.person("anna")
        anna.ensure()
        anna.change(consent_at=now())
        memory = Memory(anna)
        memory.turn("I plant tulips", "They garden.")
        gone, _ = memory.turn("Xanthippe quarrelled with Zebulon", "They know Zebulon.")
        assert traces(tmp_path) == {"xanthippe", "zebulon"}
        memory.forgetting.message(gone.id)
        assert traces(tmp_path) == set()
        assert len(anna.messages(memory.session.id)) == 2


def traces(folder: Path) -> set[str]:
    held = b"".join(path.read_bytes() for path in folder.glob("memory.db*")).lower()
    return {word for word in ("xanthippe", "zebulon") if word.encode() in held}


def test_older_files_and_copies_that_may_still_hold_it_are_named(tmp_path: Path) -> None:
    for name in ("memory.db.backup", "memory.old", "unrelated.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "vector_db").mkdir()
    with Database(f"sqlite:///{tmp_path}/memory.db") as database:
        anna = database.person("anna")
        anna.ensure()
        receipt = Forgetting(anna, Recall(database.store, "anna")).everything()
    assert [path.name for path in receipt.elsewhere] == ["memory.db.backup", "memory.old", "vector_db"]
    assert "memory.db.backup" in receipt.lines[1]
    assert receipt.to_dict()["lines"] == receipt.lines, "a page shows it in the same words as a terminal"


def test_exports_that_may_still_hold_it_are_named(tmp_path: Path, home: Path) -> None:
    (tmp_path / "data").mkdir()
    with Database(f"sqlite:///{tmp_path}/data/memory.db") as database:
        anna, recall = database.person("anna"), Recall(database.store, "anna")
        anna.ensure("Anna")
        conversation = conversation_json(anna, anna.begin_session(title="Of Gregor"))
        files = {tmp_path / "data" / name for name in ("all.json", "all.md", "one.json")} | {home / "me.json"}
        write_export(anna, recall, tmp_path / "data" / "all.json")
        write_export(anna, recall, tmp_path / "data" / "all.md")
        write_export(anna, recall, home / "me.json")
        (tmp_path / "data" / "one.json").write_text(conversation)
        (tmp_path / "data" / "notes.md").write_text("# What I remember")
        receipt = Forgetting(anna, recall).everything()
    assert set(receipt.elsewhere) == files


def test_the_beginning_of_an_id_is_enough_if_only_one_thing_has_it(memory: Memory) -> None:
    said, _ = memory.turn("I hate Gregor")
    with pytest.raises(NotFound, match="nothing of yours"):
        memory.forgetting.named("zzz")
    with pytest.raises(NotFound):
        memory.forgetting.named("")
    memory.forgetting.named(said.id[:13])
    assert memory.person.message(said.id) is None


def test_the_servers_statistics_keep_no_words_of_what_was_forgotten(postgres_url: str) -> None:
    with Database(postgres_url) as database:
        memory = Memory(database.person("anna"))
        for number in range(20):
            memory.turn(f"xylophone {number}", f"They play the xylophone, {number}.")
        memory.person.rename_session(memory.session.id, "xylophones")
        with database.engine.maintain() as tx:
            # As the server does by itself.
            tx.script("ANALYZE")
        memory.forgetting.everything()
        with database.engine.maintain() as tx:
            held = tx.execute("SELECT tablename, attname FROM pg_stats s WHERE s::text LIKE '%xylophone%'")
    assert held == []
