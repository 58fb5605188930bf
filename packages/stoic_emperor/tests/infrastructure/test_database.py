"""The database under the names of the guide and of the predecessor's time."""

from __future__ import annotations

import datetime as dt
import re
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stoic_emperor.errors import ConfigurationError, NotFound
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.of_person import Source
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import CondensedSummary, Message, PsychUpdate, SemanticInsight, Status, now


def test_without_an_argument_it_is_the_embedded_file_which_only_its_owner_may_read(home: Path) -> None:
    with Database() as database:
        assert database.url.path == home / "data" / "stoic_emperor.db"
    assert stat.S_IMODE((home / "data" / "stoic_emperor.db").stat().st_mode) == 0o600


def test_without_an_argument_it_is_what_database_url_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/other.db")
    with Database() as database:
        assert database.url.path == tmp_path / "other.db"


def test_a_path_as_the_predecessor_took_it_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Database("./data/stoic_emperor.db") as database:
        assert database.url.path == tmp_path / "data" / "stoic_emperor.db"


def test_the_predecessors_variables_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_DB_PATH", "./data/stoic_emperor.db")
    with pytest.raises(ConfigurationError, match="SQLITE_DB_PATH.*DATABASE_URL"):
        Database()


def test_everything_of_a_person_comes_back_as_it_went_in(database: Database) -> None:
    user = database.get_or_create_user("anna", "Anna")
    assert database.get_user("anna") == user
    session = database.create_session("anna", {"mood": "ruhig", "n": 1})
    said = database.save_message(Message(session_id=session.id, role="user", content="Guten Tag"), "anna")
    update = PsychUpdate(detected_patterns=["works late"], confidence=0.7)
    replied = database.save_message(
        Message(session_id=session.id, role="emperor", content="…", psych_update=update), "anna"
    )
    insight = database.save_semantic_insight(
        SemanticInsight(user_id="anna", source_message_id=said.id, assertion="They work late.", confidence=0.8)
    )
    summary = database.save_condensed_summary(
        CondensedSummary(
            user_id="anna",
            content="They worked.",
            period_start=said.created_at,
            period_end=replied.created_at,
            source_summary_ids=["x"],
            consensus_log={"rounds": []},
        )
    )
    assert database.get_session(session.id, "anna") == session
    assert database.get_latest_session("anna") == session
    assert database.get_user_sessions("anna") == [session]
    assert database.get_session_messages(session.id, "anna") == [said, replied]
    assert database.get_recent_messages("anna", 1) == [replied]
    assert database.get_unprocessed_messages("anna") == [replied]
    assert database.get_semantic_insights("anna") == [insight]
    assert database.get_condensed_summaries("anna", level=1) == [summary]
    assert database.save_profile("anna", "first").version == 1
    assert database.save_profile("anna", "second", {"consensus": True}).version == 2
    latest = database.get_latest_profile("anna")
    assert latest is not None
    assert (latest.content, latest.consensus_log) == ("second", {"consensus": True})
    database.mark_messages_processed([replied.id], "anna")
    assert database.get_unprocessed_messages("anna") == []
    assert database.update_user_name("anna", "Anna K.").name == "Anna K."


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(st.characters(exclude_categories=())), name=st.text(st.characters(exclude_categories=())))
def test_any_text_is_kept_and_half_a_character_is_shown_as_one_that_is_missing(
    anna: Person, text: str, name: str
) -> None:
    session = anna.begin_session(title=name, metadata={"a": name})
    message = anna.add_message(Message(session_id=session.id, role="user", content=text))
    assert message.content == re.sub("[\ud800-\udfff]", "\ufffd", text)
    assert anna.messages(session.id) == [message]
    assert anna.session(session.id) == session
    assert anna.change(name=name).name == name


def test_messages_keep_the_order_in_which_they_came_whatever_their_times_say(anna: Person) -> None:
    session = anna.begin_session()
    same = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    ids = [
        anna.add_message(Message(session_id=session.id, role="user", content=str(n), created_at=same)).id
        for n in range(9)
    ]
    assert [message.id for message in anna.messages(session.id)] == ids
    assert [message.id for message in anna.last_messages(session.id, 4)] == ids[-4:]


def test_what_an_old_row_holds_that_is_no_analysis_does_not_keep_the_conversation_from_being_read(
    anna: Person,
) -> None:
    session = anna.begin_session()
    message = anna.add_message(Message(session_id=session.id, role="emperor", content="…"))
    for stored, expected in (
        ('{"confidence": null, "detected_patterns": []}', PsychUpdate(confidence=0.5)),
        ("null", None),
        ("[1]", None),
        ("{broken", None),
        ('{"confidence": "sure"}', None),
    ):
        with anna.writing() as tx:
            tx.execute(
                "UPDATE messages SET psych_update = :s WHERE user_id = 'anna' AND id = :id",
                {"s": stored, "id": message.id},
            )
        assert anna.messages(session.id)[0].psych_update == expected


def test_a_reply_that_a_crash_cut_off_counts_as_stopped(anna: Person) -> None:
    session = anna.begin_session()
    cut = anna.add_message(Message(session_id=session.id, role="emperor", content="It is", status=Status.STREAMING))
    anna.settle_interrupted(now())
    found = anna.message(cut.id)
    assert found is not None
    assert (found.content, found.status) == ("It is", Status.STOPPED)


def test_where_no_reply_was_cut_off_nothing_is_written(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    session = anna.begin_session()
    given = anna.add_message(Message(session_id=session.id, role="emperor", content="It", status=Status.STREAMING))
    monkeypatch.setattr(anna.database.engine, "write", None)
    anna.settle_interrupted(given.created_at)
    found = anna.message(given.id)
    assert found is not None
    assert found.status is Status.STREAMING


def test_twenty_processes_worth_of_threads_open_an_empty_database_at_once(store_url: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def open_and_write(number: int) -> int:
        with Database(store_url) as database:
            database.get_or_create_user(f"user{number}")
            return len(database.users())

    with ThreadPoolExecutor(20) as pool:
        assert max(pool.map(open_and_write, range(20))) == 20


def test_naming_a_conversation_that_is_not_there_is_an_error_and_writes_nothing(anna: Person) -> None:
    with pytest.raises(NotFound):
        anna.add_message(Message(session_id="nowhere", role="user", content="lost?"))
    assert anna.recent_messages() == []


def test_an_insight_leads_back_to_what_was_said_also_where_the_reply_to_it_is_named(anna: Person) -> None:
    session = anna.begin_session()
    said = anna.add_message(Message(session_id=session.id, role="user", content="I build boats"))
    reply = anna.add_message(Message(session_id=session.id, role="emperor", content="Good."))
    for id_, from_message in (("new", said.id), ("old", reply.id), ("gone", "nowhere"), ("none", None)):
        anna.add_insight(
            SemanticInsight(id=id_, user_id="anna", source_message_id=from_message, assertion="They build.")
        )
    source = Source(said.id, session.id, "I build boats")
    assert anna.insight_sources() == {"new": source, "old": source}


def test_a_mistyped_folder_is_an_error_and_makes_nothing(tmp_path: Path) -> None:
    for name in (tmp_path / "nowhere" / "x.db", f"sqlite:///{tmp_path}/nowhere/x.db"):
        with pytest.raises(ConfigurationError, match="there is no folder .*nowhere: make it"):
            Database(name)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("there", [False, True])
def test_the_name_of_the_folder_of_vectors_is_no_database(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "vector_db").mkdir()
    with pytest.raises(ConfigurationError, match="kept vectors, and no database: .*stoic_emperor.db"):
        Database(tmp_path / "vector_db")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_the_folder_of_a_fresh_checkout_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Database("./data/stoic_emperor.db") as database:
        assert database.url.path == tmp_path / "data" / "stoic_emperor.db"
