"""Forgetting feels instant: the receipt does not wait until a large file is written anew, leaving does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from capsa import DatabaseUnavailable
from stoic_emperor.cli import scrubbing
from stoic_emperor.cli.scrubbing import Scrubbing
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.receipts import Receipt
from stoic_emperor.models import Message, Role


def forget(database: Database, secret: str) -> Receipt:
    person = database.person("anna")
    session = person.begin_session()
    person.add_message(Message(id=secret, session_id=session.id, role=Role.USER, content=secret * 40))
    return Forgetting(person, Recall(database.store, "anna")).message(secret)


def traces(folder: Path, secret: str) -> bool:
    return any(secret.encode() in path.read_bytes() for path in folder.iterdir() if path.is_file())


def test_a_large_file_is_written_anew_after_the_receipt_and_before_leaving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "_SMALL", 0)
    folder = tmp_path / "data"
    folder.mkdir()
    with Database(f"sqlite:///{folder}/memory.db") as database:
        may_begin, begun = threading.Event(), []
        scrub = database.engine.scrub

        def slow() -> tuple[str, ...]:
            begun.append(may_begin.wait(10))
            return scrub()

        monkeypatch.setattr(database.engine, "scrub", slow)
        with Scrubbing(database):
            receipt = forget(database, "xylophone")
            assert receipt.erased["messages"] == 1
            assert "leaving waits" in receipt.notes[0]
            assert forget(database, "glockenspiel").erased["messages"] == 1, "a second one does not wait for the first"
            may_begin.set()
        assert not traces(folder, "xylophone")
        assert not traces(folder, "glockenspiel")
        assert begun == [True, True]


def test_of_a_small_one_the_receipt_tells_what_was_done(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with Database(f"sqlite:///{folder}/memory.db") as database, Scrubbing(database):
        assert forget(database, "xylophone").notes == ()
        assert not traces(folder, "xylophone")


def test_what_could_not_be_done_is_said_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scrubbing, "_SMALL", 0)
    with Database(f"sqlite:///{tmp_path}/memory.db") as database:

        def fails() -> tuple[str, ...]:
            raise DatabaseUnavailable("no space left")

        monkeypatch.setattr(database.engine, "scrub", fails)
        with Scrubbing(database):
            forget(database, "xylophone")
    assert "no space left. Unused space may hold traces" in capsys.readouterr().err
