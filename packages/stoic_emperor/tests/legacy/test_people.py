"""Who has talked once before their past arrived is one person, and the migration is complete."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.cli import run
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.command import migrate_command
from stoic_emperor.legacy.people import MERGED
from stoic_emperor.library import Library
from stoic_emperor.models import Message, User
from stoic_emperor.testing.legacy import OldDatabase, Version, write_past

WHEN = dt.datetime(2026, 5, 1, 12, 0, 0, 250, tzinfo=dt.UTC)


@pytest.fixture
def older(home: Path) -> Path:
    path = home / "data" / "stoic_emperor.db"
    with OldDatabase(path, Version.V1) as old:
        write_past(old)
    return path


def migrate(*arguments: object) -> int:
    return run(migrate_command, ["--json", *map(str, arguments)], "stoic")


def person(url: str, name: str) -> User:
    with Database(url) as database:
        return next(user for user in database.users() if user.id == name)


def test_who_talked_before_their_past_came_is_one_person(
    older: Path, home: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate("--from", older, "--to", home / "alone.db") == 0
    alone = person(f"sqlite:///{home}/alone.db", "anna")
    with Database(store_url) as database:
        anna = database.person("anna")
        anna.ensure()
        anna.change(asked_at=WHEN, consent_at=WHEN, country="IT")
        anna.add_message(Message(session_id=anna.begin_session().id, role="user", content="before my past came"))
    capsys.readouterr()
    for _ in range(2):
        # Again, as after an interruption, it is the same.
        assert migrate("--from", older, "--to", store_url) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["complete"], found["verified"], found["remarks"][MERGED]) == (True, True, 1)
        assert person(store_url, "anna") == alone.model_copy(
            update={"asked_at": WHEN, "consent_at": WHEN, "country": "IT"}
        )
    with Database(store_url) as database:
        assert "before my past came" in [m.content for m in database.person("anna").recent_messages(100)]
    # What was answered after the migration does not undo it either.
    with Database(store_url) as database:
        database.person("ben").change(asked_at=WHEN)
    assert migrate("--from", older, "--to", store_url) == 0
    assert person(store_url, "ben").asked_at == WHEN


def test_a_person_of_another_name_or_of_longer_ago_is_not_taken_for_them(
    older: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Database(store_url) as database:
        database.person("anna").ensure("Anna herself")
        database.person("ben").ensure()
        with database.engine.maintain() as tx:
            long_ago = database.engine.time(dt.datetime(1999, 1, 1, tzinfo=dt.UTC))
            tx.execute("UPDATE users SET created_at = :then WHERE id = 'ben'", {"then": long_ago})
    assert migrate("--from", older, "--to", store_url) == 1
    assert sorted(json.loads(capsys.readouterr().out)["conflicts"]) == ["users anna", "users ben"]
    assert person(store_url, "anna").name == "Anna herself"


def test_two_memories_of_one_person_become_one(
    home: Path, store_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    laptop = f"sqlite:///{tmp_path}/laptop.db"
    shelf = home / "shelf"
    shelf.mkdir()
    (shelf / "a.txt").write_text("The river bends and does not break. It has time.", encoding="utf-8")
    for number, (url, consent) in enumerate(((laptop, True), (store_url, False))):
        with Database(url) as database:
            Library(database.engine, HashingEmbedder()).import_path(shelf)
            anna = database.person("anna")
            anna.ensure()
            answered = WHEN + dt.timedelta(days=1 - number)
            anna.change(asked_at=answered, consent_at=answered if consent else None)
            anna.add_message(Message(session_id=anna.begin_session().id, role="user", content=url))
    known = person(store_url, "anna")
    assert migrate("--from", laptop, "--to", store_url, "--dry-run") == 0
    capsys.readouterr()
    for _ in range(2):
        assert migrate("--from", laptop, "--to", store_url) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["complete"], found["verified"], found["conflicts"]) == (True, True, [])
    # The laptop's answer is the later one.
    later = {"asked_at": WHEN + dt.timedelta(days=1), "consent_at": WHEN + dt.timedelta(days=1)}
    assert person(store_url, "anna") == known.model_copy(update=later)
    with Database(store_url) as database:
        assert {m.content for m in database.person("anna").recent_messages(100)} == {laptop, store_url}


def test_a_no_and_a_pause_come_along_whatever_the_names_are(
    store_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    laptop = f"sqlite:///{tmp_path}/laptop.db"
    for url, name in ((laptop, "Anna"), (store_url, "Annabel")):
        with Database(url) as database:
            anna = database.person("anna")
            anna.ensure(name)
            anna.change(asked_at=WHEN, consent_at=WHEN)
    paused = WHEN + dt.timedelta(days=2)
    with Database(laptop) as database:
        database.person("anna").change(asked_at=WHEN + dt.timedelta(days=1), consent_at=None, paused_at=paused)
    assert migrate("--from", laptop, "--to", store_url) == 0
    found = person(store_url, "anna")
    assert (found.name, found.consent_at, found.paused_at) == ("Annabel", None, paused)
    assert json.loads(capsys.readouterr().out)["remarks"] == {MERGED: 1}
    assert migrate("--from", laptop, "--to", store_url, "--on-conflict", "replace") == 0
    assert person(store_url, "anna").name == "Anna"
