import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from afterimage import first_use, rollback
from afterimage.config import load_config
from afterimage.rollback import left_behind
from afterimage.state import read_state, remember_postgresql, rollback_was_tried
from afterimage.storage import SQLiteBackend, get_storage_backend
from capsa import DatabaseUrl


@pytest.fixture
def url(guide_postgres_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> DatabaseUrl:
    """A server that was used, with two entries, and the configuration set back to SQLite afterwards."""
    parsed = DatabaseUrl.parse(guide_postgres_url)
    for part in ("host", "port", "database", "user", "password"):
        monkeypatch.setenv(f"AFTERIMAGE_PG_{part.upper()}", str(getattr(parsed, part)))
    monkeypatch.setenv("AFTERIMAGE_BACKEND", "postgresql")
    with get_storage_backend() as backend:
        backend.store("/a", "one")
        backend.store("/b", "two")
    monkeypatch.delenv("AFTERIMAGE_BACKEND")
    return parsed


def told() -> str | None:
    config = load_config()
    with get_storage_backend(config) as backend:
        assert isinstance(backend, SQLiteBackend)
        return left_behind(config, backend)


def test_the_first_command_says_how_many_are_there_only_and_how_to_bring_them_back(url: DatabaseUrl) -> None:
    message = told()
    assert message is not None
    assert message.startswith("2 entries exist only in postgresql://")
    assert "afterimage migrate --to-sqlite" in message
    assert str(url.password) not in message
    assert "--pg-host" not in message
    assert told() is None


def test_only_what_is_missing_is_counted(url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_BACKEND", "postgresql")
    with get_storage_backend() as backend:
        entries = list(backend.iterate())
    monkeypatch.delenv("AFTERIMAGE_BACKEND")
    with get_storage_backend() as backend:
        backend.store_many(entries[:1])
    assert (told() or "").startswith("1 entry exists only in")


def test_nothing_is_said_when_nothing_is_missing(url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_BACKEND", "postgresql")
    with get_storage_backend() as backend:
        backend.clear()
    monkeypatch.delenv("AFTERIMAGE_BACKEND")
    assert told() is None
    assert read_state(load_config().directory).rollback_told


def test_it_is_said_again_after_postgresql_was_used_again(url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told()
    monkeypatch.setenv("AFTERIMAGE_BACKEND", "postgresql")
    with get_storage_backend() as backend:
        backend.initialize()
    monkeypatch.delenv("AFTERIMAGE_BACKEND")
    assert told()


def test_another_server_is_named_and_gets_no_password(url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_PG_DATABASE", "something_else")
    message = told()
    assert message is not None
    # Without the password the server cannot be asked, and that is said.
    assert "cannot be read" in message
    assert f"--pg-database {url.database}" in message
    assert f"--pg-user {url.user}" in message


def test_a_server_that_could_not_be_read_is_asked_again_on_another_day(
    url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = load_config().directory
    with monkeypatch.context() as wrong:
        wrong.setenv("AFTERIMAGE_PG_PASSWORD", "wrong")
        assert "cannot be read" in (told() or "")
    assert told() is None
    rollback_was_tried(directory, "2026-01-06")
    assert "exist only in" in (told() or "")
    assert told() is None


def test_a_server_that_is_gone_is_said_once_and_quickly(home: Path) -> None:
    remember_postgresql(load_config().directory, DatabaseUrl.parse("postgresql://x@127.0.0.1:1/y"))
    start = time.monotonic()
    message = told()
    assert time.monotonic() - start < 10
    assert message is not None
    assert "refused" in message
    assert told() is None


def test_counting_ends_when_it_takes_too_long(url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback, "COUNT_SECONDS", -1.0)
    assert (told() or "").startswith("at least 1 entries exist only in")


def test_when_nothing_could_be_counted_no_number_is_said(url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_BACKEND", "postgresql")
    with get_storage_backend() as backend:
        entries = list(backend.iterate())
    monkeypatch.delenv("AFTERIMAGE_BACKEND")
    with get_storage_backend() as backend:
        backend.store_many(entries[:1])
    monkeypatch.setattr(rollback, "COUNT_SECONDS", -1.0)
    assert (told() or "").startswith("there may be entries that exist only in")


def test_carrying_an_older_memory_over_first_takes_no_time_from_counting(
    older: Path, url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(rollback, "time", SimpleNamespace(monotonic=lambda: now[0]))
    carry_over_once = first_use.carry_over_once

    def slowly(*places: Any) -> None:
        now[0] += 3600.0
        carry_over_once(*places)

    monkeypatch.setattr(first_use, "carry_over_once", slowly)
    assert (told() or "").startswith("2 entries exist only in")


def test_who_never_left_sqlite_hears_nothing(home: Path) -> None:
    assert told() is None
    assert not (home / ".afterimage" / "state.json").exists()
