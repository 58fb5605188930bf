"""What people mistype, or what lies in the way: one line says it at once, no secret is shown, nothing is made."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from stoic_emperor.testing.models import FakeServer

from .conftest import Stoic, start


@pytest.mark.parametrize(
    "url", ["postgres//stoic:hunter2@127.0.0.1:1/x", "stoic:hunter2@h/x", "sqlite:///${HUNTER2}.db"]
)
def test_a_mistyped_url_makes_no_file_and_shows_no_password(
    stoic: Stoic, home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    before = sorted(home.rglob("*"))
    for arguments in (["doctor"], ["memory"]):
        ran = stoic(*arguments)
        assert ran.status == 1
        assert "nor a database URL" in ran.out + ran.err
        assert "hunter2" not in (ran.out + ran.err).lower()
    assert sorted(home.rglob("*")) == before


def test_a_pipe_in_the_place_of_the_database_is_no_reason_to_wait(tmp_path: Path) -> None:
    pipe = tmp_path / "memory.db"
    os.mkfifo(pipe)
    with start("memory", DATABASE_URL=f"sqlite:///{pipe}") as running:
        _, told = running.communicate(timeout=30)
    assert running.returncode == 1
    assert f"{pipe} is a pipe" in told


def test_what_was_said_last_can_be_forgotten_without_its_id(stoic: Stoic) -> None:
    assert "nothing has been said yet" in stoic("forget", "last").err
    stoic("chat", said="I build boats\nI plant tulips\n")
    ran = stoic("forget", "last")
    assert ran.status == 0, ran.err
    assert "2 messages" in ran.out
    assert f"what was said on {dt.datetime.now(dt.UTC):%Y-}" in ran.err
    left = stoic("export", "-").out
    assert "boats" in left
    assert "tulips" not in left


def test_a_search_for_nothing_is_asked_what_for(stoic: Stoic) -> None:
    ran = stoic("search", " ")
    assert ran.status == 2
    assert "what shall be looked for" in ran.err


def test_a_conversation_that_has_just_begun_has_nothing_to_forget(stoic: Stoic) -> None:
    stoic("chat", said="I build boats\n")
    ran = stoic("chat", said="/forget last\nI plant tulips\n/forget last\n")
    assert "nothing has been said in this conversation yet" in ran.out + ran.err
    left = stoic("export", "-").out
    assert "boats" in left, "it was said in another"
    assert "tulips" not in left


def test_a_portrait_can_be_written_and_shown_at_once(stoic: Stoic, model: FakeServer) -> None:
    stoic("consent", "yes")
    stoic("chat", said="I build boats\n")
    for version in (1, 2):
        ran = stoic("analyze", "--force", "--show")
        assert ran.status == 0, ran.err
        assert f"Portrait, version {version}" in ran.out
    asked = len(model.requests)
    assert "version 2" in stoic("analyze", "--show").out
    assert len(model.requests) == asked
