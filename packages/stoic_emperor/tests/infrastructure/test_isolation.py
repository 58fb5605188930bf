"""Nobody sees or changes what belongs to somebody else: by the queries, and where they forget, by the database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import capsa
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.errors import NotFound
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.opening import OWNERS
from stoic_emperor.infrastructure.owned_rows import OwnedRows
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.erased import note_erased
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import CondensedSummary, Message, PsychUpdate, SemanticInsight, Session, Status, now


@pytest.fixture
def said(anna: Person) -> Message:
    """Something of everything that belongs to Anna."""
    anna.change(country="GB")
    session = anna.begin_session(session_id="annas", title="secret")
    said = anna.add_message(Message(id="said", session_id=session.id, role="user", content="secret"))
    anna.add_message(Message(id="reply", session_id=session.id, role="emperor", content="secret"))
    anna.add_insight(SemanticInsight(id="insight", user_id="anna", source_message_id="said", assertion="secret"))
    anna.add_summary(
        CondensedSummary(id="summary", user_id="anna", content="secret", period_start=now(), period_end=now())
    )
    anna.add_profile("secret")
    recall = Recall(capsa.Store(anna.database.engine, embedder=HashingEmbedder()), "anna")
    with anna.writing() as tx:
        recall.add_turn(said, tx)
    return said


def _run_for(person: Person) -> list[Any]:
    with person.reading() as tx:
        wanted = {"message_times": "said", "insight_times": "insight"}
        return [row for statement, id_ in wanted.items() for row in person.run_for(tx, statement, [id_, "nobody's"])]


READS: dict[str, Callable[[Person], Any]] = {
    "get": lambda p: [] if (user := p.get()) is None or user.id == p.user_id else user,
    "country": lambda p: p.country(),
    "session": lambda p: p.session("annas"),
    "sessions": lambda p: p.sessions(),
    "latest_session": lambda p: p.latest_session(),
    "latest_spoken_session": lambda p: p.latest_spoken_session(),
    "sessions_since": lambda p: p.sessions_since(None),
    "totals": lambda p: (totals := p.totals()).sessions + totals.messages + totals.waiting,
    "message": lambda p: p.message("said"),
    "messages": lambda p: p.messages("annas"),
    "last_messages": lambda p: p.last_messages("annas", 9),
    "recent_messages": lambda p: p.recent_messages(),
    "walk_uncondensed": lambda p: list(p.walk_uncondensed(newest_first=True)),
    "message_before": lambda p: p.message_before("reply"),
    "unprocessed_replies": lambda p: p.unprocessed_replies(),
    "has_unprocessed_journals": lambda p: p.has_unprocessed_journals(),
    "insights": lambda p: p.insights(),
    "insight_sources": lambda p: p.insight_sources(),
    "insight": lambda p: p.insight("insight"),
    "summaries": lambda p: p.summaries(),
    "active_summaries": lambda p: p.active_summaries(),
    "newest_summaries": lambda p: p.newest_summaries(9),
    "profiles": lambda p: p.profiles(),
    "run_for": _run_for,
}


def _reply_under_way(person: Person) -> Message | None:
    with person.writing() as tx:
        return person.reply_under_way("annas", tx=tx)


def _set_processed(person: Person) -> bool:
    with person.writing() as tx:
        return person.set_processed("reply", PsychUpdate(), tx=tx)


CHANGES: dict[str, Callable[[Person], Any]] = {
    "rename_session": lambda p: p.rename_session("annas", "mine"),
    "add_message": lambda p: p.add_message(Message(session_id="annas", role="user", content="intruding")),
    "finish_message": lambda p: p.finish_message("reply", "changed", Status.COMPLETE, now()),
    "mark_processed": lambda p: p.mark_processed(["reply"]),
    "set_processed": _set_processed,
    "reply_under_way": _reply_under_way,
    "stop_replies": lambda p: p.stop_replies("annas"),
    "settle_interrupted": lambda p: p.settle_interrupted(now()),
    "replace_replies": lambda p: p.replace_replies(
        [Message(id="reply", session_id="annas", role="emperor", content="")],
        Message(session_id="annas", role="emperor", content="mine"),
    ),
    "forget session": lambda p: _forgetting(p).session("annas"),
    "forget message": lambda p: _forgetting(p).message("said"),
    "forget insight": lambda p: _forgetting(p).insight("insight"),
    "forget summary": lambda p: _forgetting(p).summary("summary"),
    "forget portraits": lambda p: _forgetting(p).portraits(),
    "forget named": lambda p: _forgetting(p).named("said"),
    "forget everything": lambda p: _forgetting(p).everything(),
}

#: Of one's own alone: they name no id.
OWN_ONLY = {
    "add_insight",
    "add_profile",
    "add_summary",
    "agree",
    "begin_session",
    "change",
    "ensure",
    "read",
    "reading",
    "rebind",
    "run",
    "walk",
    "writing",
}


def _forgetting(person: Person) -> Forgetting:
    return Forgetting(person, Recall(person.database.store, person.user_id))


def _everything(person: Person) -> list[Any]:
    return [person.get(), *[read(person) for name, read in READS.items() if name != "get"]]


@pytest.mark.parametrize("name", READS)
def test_reading_with_somebody_elses_ids_finds_nothing(boris: Person, said: Message, name: str) -> None:
    assert said.id == "said"
    assert not READS[name](boris)


@pytest.mark.parametrize("name", CHANGES)
def test_changing_with_somebody_elses_ids_changes_nothing(
    anna: Person, boris: Person, said: Message, name: str
) -> None:
    assert said.id == "said"
    before = _everything(anna)
    with suppress(NotFound):
        CHANGES[name](boris)
    assert _everything(anna) == before
    assert Recall(anna.database.store, "anna").episodes.count() == 1


def test_every_method_of_a_person_is_among_those_tried() -> None:
    methods = {name for kind in (Person, OwnedRows) for name in vars(kind) if not name.startswith("_")}
    assert methods - {"database"} == READS.keys() | {n for n in CHANGES if " " not in n} | OWN_ONLY


def test_the_search_finds_nothing_of_somebody_else(database: Database, boris: Person, said: Message) -> None:
    recall = Recall(capsa.Store(database.engine, embedder=HashingEmbedder()), boris.user_id)
    assert said.content == "secret"
    assert recall.turns("secret", 10) == []
    assert recall.known("secret", 10) == []


@pytest.mark.parametrize("table", OWNERS)
def test_a_query_that_forgets_the_owner_sees_and_changes_only_its_own(postgres_url: str, table: str) -> None:
    _the_wall_stands(postgres_url, table)


@pytest.mark.parametrize("table", OWNERS)
def test_the_wall_stands_for_the_guides_own_user_too(guide_postgres_url: str, table: str) -> None:
    _the_wall_stands(guide_postgres_url, table)


def _the_wall_stands(url: str, table: str) -> None:
    column = OWNERS[table]
    other = {"erased": "mark", "origins": "location"}.get(table, "original")
    with Database(url) as database:
        for name in ("anna", "boris"):
            person = database.person(name)
            session = person.begin_session()
            person.add_message(Message(session_id=session.id, role="user", content="x"))
            person.add_insight(SemanticInsight(user_id=name, assertion="x"))
            person.add_summary(CondensedSummary(user_id=name, content="x", period_start=now(), period_end=now()))
            person.add_profile("x")
            with person.writing() as tx:
                note_erased(person, tx, "messages", ["x"])
                values = {"keeper": name, "id": "x", "location": "x", "zone": None, "left_out": 0}
                tx.execute(database.statement("add_origin"), database.rows.parameters({**values, "brought_at": now()}))
        with database.engine.read("boris") as tx:
            assert {owner for (owner,) in tx.execute(f"SELECT {column} FROM {table}")} == {"boris"}
        with database.engine.read("nobody") as tx:
            assert tx.execute(f"SELECT 1 FROM {table}") == []
        with database.engine.write("boris") as tx:
            assert tx.execute(f"UPDATE {table} SET {other} = 'seen' WHERE {column} = 'anna' RETURNING 1") == []
            assert tx.execute(f"UPDATE {table} SET {other} = 'seen' RETURNING {column}") == [("boris",)]
        with pytest.raises(Exception, match="row-level security"), database.engine.write("boris") as tx:
            tx.execute(f"UPDATE {table} SET {column} = 'anna'")
        with database.engine.maintain() as tx:
            owners = sorted(owner for (owner,) in tx.execute(f"SELECT {column} FROM {table}"))
        assert owners == ["anna", "boris"]


def test_a_session_is_of_one_person_though_another_has_one_of_the_same_id(database: Database) -> None:
    for name in ("anna", "boris"):
        database.create_session(name, session_id="same")
        database.save_message(Message(id="same", session_id="same", role="user", content=name), name)
    assert [m.content for m in database.get_session_messages("same", "anna")] == ["anna"]
    assert isinstance(database.get_session("same", "boris"), Session)
    assert capsa.DEFAULT_OWNER not in {user.id for user in database.users()}
