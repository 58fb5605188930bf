"""What was erased in one place does not come back from another, whichever way a memory goes."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import capsa
from capsa import transfer
from stoic_emperor.cli import run
from stoic_emperor.config import load_configuration
from stoic_emperor.errors import ErasedElsewhere
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.command import migrate_command
from stoic_emperor.legacy.earlier import written_since
from stoic_emperor.legacy.migrate import Request
from stoic_emperor.legacy.migrate import migrate as bring
from stoic_emperor.memory.erased import mark_of
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.receipts import Receipt
from stoic_emperor.models import Message
from stoic_emperor.testing.chroma import ChromaWriter
from stoic_emperor.testing.legacy import OldDatabase, Version, write_past
from stoic_emperor.testing.terminal import sit_at

#: Twelve messages, six insights, two portraits, and one record of Chroma's.
ALL = 21


@pytest.fixture
def older(home: Path) -> Path:
    """A past of two people, one row of it nobody's, with what each of them said in Chroma beside it."""
    path = home / "past" / "stoic_emperor.db"
    with OldDatabase(path, Version.V1) as old:
        write_past(old)
        old.connection.execute("INSERT INTO messages (id, session_id, role, content) VALUES ('o', '?', 'user', 'lost')")
        sessions = dict(old.connection.execute("SELECT user_id, min(id) FROM sessions GROUP BY user_id").fetchall())
    with ChromaWriter(path.parent / "vector_db") as writer:
        episodic = writer.collection("episodic")
        for name, session_id in sessions.items():
            about = {"user_id": name, "session_id": session_id}
            episodic.add(f"turn of {name}", bytes(12), f"{name} in Chroma", about)
    return path


@pytest.fixture
def other(older: Path, store_url: str, tmp_path: Path) -> str:
    """A second memory; it and the first have all of the past."""
    url = f"sqlite:///{tmp_path}/other.db"
    for one in (store_url, url):
        migrate("--from", older, "--to", one)
    return url


def migrate(*arguments: object, status: int | None = None) -> dict[str, Any]:
    """What the command says, whose status is 1 where a row of the past is nobody's."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        found = run(migrate_command, ["--json", *map(str, arguments)], "stoic")
    assert status is None or found == status
    said = json.loads(out.getvalue())
    assert isinstance(said, dict)
    return said


def forgetting(database: Database, name: str) -> Forgetting:
    return Forgetting(database.person(name), Recall(database.store, name))


def texts_of(url: str, name: str) -> list[str]:
    """Everything that is kept of a person."""
    with Database(url) as database:
        person, recall = database.person(name), Recall(database.store, name)
        return [
            *(message.content for message in person.recent_messages(1_000)),
            *(insight.assertion for insight in person.insights()),
            *(profile.content for profile in person.profiles(100)),
            *(record.text for found in (recall.episodes, recall.insights) for record in found.iterate()),
        ]


def forget_one_of_each(database: Database) -> None:
    """A turn, an insight, a portrait and a whole conversation of Anna's."""
    person, forget = database.person("anna"), forgetting(database, "anna")
    kept, gone = sorted(person.sessions(), key=lambda listed: listed.session.created_at)
    forget.message(person.messages(kept.session.id)[0].id)
    forget.insight(person.insights()[0].id)
    forget.session(gone.session.id)
    forget.portraits()


def test_a_past_that_is_brought_again_does_not_bring_back_what_was_forgotten(older: Path, store_url: str) -> None:
    migrate("--from", older, "--to", store_url)
    with Database(store_url) as database:
        forget_one_of_each(database)
    left = texts_of(store_url, "anna")
    again = migrate("--from", older, "--to", store_url)
    assert texts_of(store_url, "anna") == left
    assert again["migrated"] == 0
    assert any("rows of messages: erased here before, and stays so" in line for line in again["not_carried"])
    # Nor from a newer database that had all of it.
    migrate("--from", older, "--to", older.parent / "copy.db")
    migrate("--from", older.parent / "copy.db", "--to", store_url)
    assert texts_of(store_url, "anna") == left
    assert len(texts_of(store_url, "ben")) == ALL


def test_what_is_erased_while_a_migration_runs_is_not_brought_back_by_it(
    older: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transferred, left = transfer.transfer, list[str]()

    def erased_meanwhile(source: transfer.Source, target: capsa.Database, options: transfer.Options) -> transfer.Report:
        def progress(phase: str, done: int, total: int) -> None:
            if phase == "verify" and not left:
                with Database(store_url) as database:
                    forget_one_of_each(database)
                    forgetting(database, "ben").everything()
                left.extend(texts_of(store_url, "anna"))

        return transferred(source, target, replace(options, progress=progress))

    monkeypatch.setattr(transfer, "transfer", erased_meanwhile)
    migrate("--from", older, "--to", store_url)
    assert 0 < len(left) < ALL
    assert texts_of(store_url, "anna") == left
    assert texts_of(store_url, "ben") == []


def test_nor_who_was_erased(older: Path, store_url: str) -> None:
    migrate("--from", older, "--to", store_url)
    with Database(store_url) as database:
        forgetting(database, "anna").everything()
    for source in (older, older.parent / "copy.db"):
        if source != older:
            migrate("--from", older, "--to", source)
        migrate("--from", source, "--to", store_url)
        with Database(store_url) as database:
            assert [user.id for user in database.users()] == ["ben"]
        assert texts_of(store_url, "anna") == []
        assert len(texts_of(store_url, "ben")) == ALL


def test_who_comes_back_under_the_same_name_begins_anew(older: Path, store_url: str, tmp_path: Path) -> None:
    migrate("--from", older, "--to", store_url)
    with Database(store_url) as database:
        forgetting(database, "anna").everything()
        say(database, "anna", "here again")
    migrate("--from", older, "--to", store_url)
    assert texts_of(store_url, "anna") == ["here again"]
    # On to another database, which was there with all of the past, and back.
    other = f"sqlite:///{tmp_path}/other.db"
    migrate("--from", older, "--to", other)
    migrate("--from", store_url, "--to", other, "--on-erased", "erase")
    assert texts_of(other, "anna") == ["here again"]
    with Database(other) as database:
        say(database, "anna", "and there")
    migrate("--from", other, "--to", store_url)
    assert sorted(texts_of(store_url, "anna")) == ["and there", "here again"]
    # And erased once more, there alone.
    with Database(other) as database:
        forgetting(database, "anna").everything()
    migrate("--from", other, "--to", store_url, "--on-erased", "erase")
    assert texts_of(store_url, "anna") == []


def test_who_was_erased_on_both_sides_and_came_back_on_one_brings_what_they_wrote(
    older: Path, store_url: str, other: str
) -> None:
    for url in (store_url, other):
        with Database(url) as database:
            forgetting(database, "anna").everything()
    with Database(other) as database:
        say(database, "anna", "here again")
    for _ in range(2):
        migrate("--from", other, "--to", store_url)
        assert texts_of(store_url, "anna") == ["here again"]
    # The older file is no more hers than before.
    migrate("--from", older, "--to", store_url)
    assert texts_of(store_url, "anna") == ["here again"]
    migrate("--from", store_url, "--to", other)
    assert texts_of(other, "anna") == ["here again"]


def say(database: Database, name: str, words: str) -> None:
    person = database.person(name)
    person.add_message(Message(session_id=person.begin_session().id, role="user", content=words))


@pytest.fixture
def there_and_back(older: Path, postgres_url: str) -> Path:
    """Our file with all of the past, some of which was erased since where it moved on to."""
    own = older.with_name("stoic_emperor.capsa.db")
    migrate("--from", older, "--to", older)
    migrate("--from", own, "--to", postgres_url)
    with Database(postgres_url) as database:
        forget_one_of_each(database)
        forgetting(database, "ben").everything()
    return own


def test_the_way_back_into_what_still_has_it_asks_first(
    there_and_back: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = there_and_back.read_bytes()
    found = migrate("--from", postgres_url, "--to", there_and_back, "--dry-run")["erased_at_source"]
    assert [line.split(",")[0] for line in found["at_target"]] == ["of anna: 8 messages", "of ben: 12 messages"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        run(migrate_command, ["--from", postgres_url, "--to", str(there_and_back), "--dry-run"], "stoic")
    assert "if you say so when you are asked (--on-erased)" in out.getvalue()
    # Nobody sits here to be asked.
    capsys.readouterr()
    assert run(migrate_command, ["--from", postgres_url, "--to", str(there_and_back)], "stoic") == 1
    said = capsys.readouterr().err
    assert "of anna: 8 messages" in said
    assert "--on-erased erase" in said
    assert there_and_back.read_bytes() == before


def test_it_is_erased_there_if_somebody_says_so(there_and_back: Path, postgres_url: str) -> None:
    migrate("--from", postgres_url, "--to", there_and_back, "--on-erased", "erase")
    assert sorted(texts_of(f"sqlite:///{there_and_back}", "anna")) == sorted(texts_of(postgres_url, "anna"))
    assert texts_of(f"sqlite:///{there_and_back}", "ben") == []
    assert "ben: morning 1" not in there_and_back.read_bytes().decode(errors="replace")


def test_or_kept_and_then_it_can_move_on(there_and_back: Path, postgres_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        migrate("--from", postgres_url, "--to", there_and_back, "--on-erased", "keep")
        for name in ("anna", "ben"):
            assert len(texts_of(f"sqlite:///{there_and_back}", name)) == ALL
    other = f"sqlite:///{tmp_path}/other.db"
    migrate("--from", there_and_back, "--to", other)
    assert len(texts_of(other, "anna")) == ALL


def test_a_yes_is_enough(there_and_back: Path, postgres_url: str, home: Path) -> None:
    asked = list[str]()

    def answer(question: str, *, yes: bool) -> bool:
        asked.append(question)
        return yes

    request = Request(source=postgres_url, target=str(there_and_back))
    with pytest.raises(ErasedElsewhere):
        bring(request, load_configuration(home), ask=partial(answer, yes=False))
    assert len(texts_of(f"sqlite:///{there_and_back}", "ben")) == ALL
    bring(request, load_configuration(home), ask=partial(answer, yes=True))
    assert texts_of(f"sqlite:///{there_and_back}", "ben") == []
    assert asked[0].endswith("Erase it there too, with what was made of it?")


# From Python 3.12 on, forking warns where there are threads; the child does nothing before it becomes another program.
@pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")
def test_at_a_terminal_it_is_asked(there_and_back: Path, postgres_url: str, home: Path) -> None:
    arguments = ["migrate", "--from", postgres_url, "--to", str(there_and_back)]
    environment = {"HOME": str(home), "STOIC_HOME": str(home)}
    for typed, status in (("n\r", 1), ("y\r", 0)):
        sitting = sit_at(arguments, [("[y/N]: ", typed)], folder=home, environment=environment)
        assert (sitting.answered, sitting.status) == (1, status), sitting.shown
        assert bool(texts_of(f"sqlite:///{there_and_back}", "ben")) is (status == 1)


def test_what_was_written_elsewhere_after_a_person_was_erased_stays(
    older: Path, store_url: str, tmp_path: Path
) -> None:
    """Everybody who uses it alone has the same name in each place."""
    laptop = f"sqlite:///{tmp_path}/laptop.db"
    migrate("--from", older, "--to", store_url)
    with Database(laptop) as database:
        say(database, "anna", "on the laptop, gone")
        forgetting(database, "anna").everything()
        say(database, "anna", "on the laptop, since")
    with Database(store_url) as database:
        say(database, "anna", "on the server, since")
    since = ["on the laptop, since", "on the server, since"]
    migrate("--from", laptop, "--to", store_url, "--on-erased", "keep")
    assert len(texts_of(store_url, "anna")) == ALL + len(since)
    migrate("--from", laptop, "--to", store_url, "--on-erased", "erase")
    assert sorted(texts_of(store_url, "anna")) == since
    # Once is enough, and what is here since goes on to where it was erased.
    assert migrate("--from", laptop, "--to", store_url)["erased_at_source"]["at_target"] == []
    migrate("--from", store_url, "--to", laptop)
    assert sorted(texts_of(laptop, "anna")) == since


def test_what_was_written_there_after_the_person_was_erased_here_is_brought(store_url: str, other: str) -> None:
    with Database(store_url) as database:
        forgetting(database, "anna").everything()
    with Database(other) as database:
        say(database, "anna", "there, since")
    migrate("--from", other, "--to", store_url)
    assert texts_of(store_url, "anna") == ["there, since"]


def test_a_conversation_that_was_forgotten_and_continued_elsewhere_goes_on_there(store_url: str, other: str) -> None:
    with Database(other) as database:
        person = database.person("anna")
        session_id = person.sessions()[0].session.id
        said = {message.content for message in person.messages(session_id)}
        person.add_message(Message(session_id=session_id, role="user", content="and on"))
    with Database(store_url) as database:
        forgetting(database, "anna").session(session_id)
    left = set(texts_of(store_url, "anna"))
    # What was said in it since is brought, where the rest of it stays forgotten.
    migrate("--from", other, "--to", store_url)
    assert set(texts_of(store_url, "anna")) == {*left, "and on"}
    # And where it goes on, the rest is forgotten, if that is wanted.
    migrate("--from", store_url, "--to", other, "--on-erased", "erase")
    assert set(texts_of(other, "anna")) == {*left, "and on"}
    assert not said & set(texts_of(other, "anna"))


def test_it_comes_back_when_it_is_asked_for(older: Path, store_url: str) -> None:
    migrate("--from", older, "--to", store_url)
    before = sorted(texts_of(store_url, "anna"))
    with Database(store_url) as database:
        forget_one_of_each(database)
        forgetting(database, "ben").everything()
    migrate("--from", older, "--to", store_url, "--bring-back-erased")
    assert sorted(texts_of(store_url, "anna")) == before
    assert len(texts_of(store_url, "ben")) == ALL


def test_a_dry_run_counts_it_out_too(older: Path, store_url: str) -> None:
    migrate("--from", older, "--to", store_url)
    with Database(store_url) as database:
        forgetting(database, "anna").everything()
    found = migrate("--from", older, "--to", store_url, "--dry-run")
    assert any(line.startswith("1 row of users: erased here before") for line in found["not_carried"])
    assert found["source_rows"] == found["skipped"] + found["failed"]


def test_what_was_put_aside_of_who_is_gone_is_not_put_aside_again(older: Path, store_url: str) -> None:
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("INSERT INTO profiles (id, user_id, content) VALUES (NULL, 'anna', 'a secret portrait')")
        connection.commit()
    migrate("--from", older, "--to", store_url, status=1)
    copy = older.parent / "copy.db"
    migrate("--from", older, "--to", copy)
    with Database(store_url) as database:
        assert forgetting(database, "anna").everything().erased["put_aside"] == 1
    for source in (older, copy):
        migrate("--from", source, "--to", store_url)
        assert "secret portrait" not in put_aside(store_url)
    assert "lost" in put_aside(store_url), "which was nobody's"


def put_aside(url: str) -> str:
    with Database(url) as database, database.engine.maintain() as tx:
        return str([bytes(content) for (content,) in tx.execute("SELECT content FROM capsa_quarantine")])


def test_what_was_forgotten_is_not_taken_for_written_since(older: Path, store_url: str) -> None:
    migrate("--from", older, "--to", store_url)
    with Database(store_url) as database:
        assert written_since(database, older) == 1, "what was nobody's"
        forget_one_of_each(database)
        forgetting(database, "ben").everything()
        assert written_since(database, older) == 1
        with closing(sqlite3.connect(older)) as connection:
            connection.execute("INSERT INTO sessions (id, user_id) VALUES ('new', 'anna')")
            connection.execute("INSERT INTO messages (id, session_id, role, content) VALUES ('n', 'new', 'user', 'x')")
            connection.commit()
        assert written_since(database, older) == 3


def test_no_id_and_no_name_of_what_was_erased_is_kept(older: Path, home: Path) -> None:
    own = home / "data" / "own.db"
    migrate("--from", older, "--to", own)
    with Database(own) as database:
        person = database.person("anna")
        ids = [message.id for message in person.recent_messages(1_000)]
        forgetting(database, "anna").everything()
        with database.engine.maintain() as tx:
            ((user_id, kind, mark),) = tx.execute("SELECT user_id, kind, mark FROM erased")
    assert (user_id, kind) == ("@house", "users")
    assert mark.startswith(mark_of("anna") + " 20")
    held = own.read_bytes()
    assert not [id_ for id_ in [*ids, "anna"] if id_.encode() in held]


def test_a_receipt_names_what_the_past_came_from_after_it_has_moved_on(
    older: Path, new_postgres: Callable[[], str]
) -> None:
    first, second = older.parent / "first.db", new_postgres()
    migrate("--from", older, "--to", first)
    migrate("--from", first, "--to", second)
    with Database(second) as database:
        receipt: Receipt = forgetting(database, "anna").everything()
    assert {older, older.parent / "vector_db", first} <= set(receipt.elsewhere)
