"""What a web process does beside its requests."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stoic_emperor.application import Application
from stoic_emperor.testing.web import configured, signed_in, web_app


def test_the_first_start_fills_the_library_and_the_second_leaves_it_as_it_is(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "texts"
    shelf.mkdir()
    (shelf / "one.txt").write_text("Some things are up to us and some are not.\n")
    monkeypatch.setattr("stoic_emperor.library.starter.starter_library", lambda: shelf)
    configuration = configured(home, f"sqlite:///{tmp_path}/s.db")
    for _ in range(2):
        app = web_app(configuration)
        with signed_in(app, "anna") as client:
            deadline = time.monotonic() + 60
            while not (works := client.get("/api/library/works").json()) and time.monotonic() < deadline:
                time.sleep(0.05)
        assert [work["passages"] for work in works] == [1]


def test_a_process_that_ends_while_the_library_is_filled_leaves_that_to_the_next(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "texts"
    shelf.mkdir()
    for number in range(40):
        (shelf / f"{number}.txt").write_text(f"Some things are up to us and some are not, says number {number}.\n")
    monkeypatch.setattr("stoic_emperor.library.starter.starter_library", lambda: shelf)
    application = Application(configured(home, f"sqlite:///{tmp_path}/s.db"))

    def stopping(done: int, total: int) -> None:
        if 0 < done < total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        application.fill_library(lambda: stopping)
    assert application.library.works() == []
    application.fill_library()
    assert application.library.count() == 40
    application.close()
