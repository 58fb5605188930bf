"""What people mistype, or what lies in the way: one line says it at once, no secret is shown, nothing is made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
