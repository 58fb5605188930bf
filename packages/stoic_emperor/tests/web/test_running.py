"""What a web process does beside its requests."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest

from capsa import Record
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
    assert not application.library.had_starter()
    application.fill_library()
    assert application.library.count() == 40
    application.close()


def test_the_starter_library_comes_beside_texts_of_a_past_once_and_what_is_taken_out_stays_out(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "texts"
    shelf.mkdir()
    (shelf / "rain.txt").write_text("Some things are up to us and some are not, and the rain is not.\n")
    monkeypatch.setattr("stoic_emperor.library.starter.starter_library", lambda: shelf)
    application = Application(configured(home, f"sqlite:///{tmp_path}/s.db"))
    migrated = Record(id="migrated", text="A passage of an imported library", metadata={"author": "Epictetus"})
    with application.database.engine.maintain() as tx:
        application.library.collection.put([migrated], tx=tx)
    for _ in range(2):
        application.fill_library()
        assert application.library.count() == 2
    application.library.remove(file=shelf / "rain.txt")
    application.fill_library()
    assert [passage.id for passage in application.library.browse()] == ["migrated"]
    application.close()


def test_what_is_loaded_at_the_start_is_not_looked_through_for_garbage_until_the_end(
    home: Path, sqlite_url: str
) -> None:
    with signed_in(web_app(configured(home, sqlite_url)), "anna"):
        deadline = time.monotonic() + 60
        while not gc.get_freeze_count() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0
