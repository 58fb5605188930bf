"""A running web application, on SQLite and on PostgreSQL, with a model that always answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from capsa.testing.databases import fresh_database
from stoic_emperor.testing.house import House, running_house
from stoic_emperor.testing.talker import Talker


@pytest.fixture(scope="module", autouse=True)
def _no_starter_library() -> Iterator[None]:
    """Each test brings the texts it needs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("stoic_emperor.library.starter.starter_library", lambda: None)
        yield


# What a database does is tested below the pages on both, always; the pages on PostgreSQL are among the slow tests.
@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests of a module, once on each database; each test has people of its own."""
    home = tmp_path_factory.mktemp("house")
    if request.param == "sqlite":
        with running_house(home, f"sqlite:///{home / 'memory.db'}", Talker()) as made:
            yield made
    else:
        with (
            fresh_database(request.getfixturevalue("postgres_server")) as url,
            running_house(home, url, Talker()) as made,
        ):
            yield made


@pytest.fixture(autouse=True)
def _as_at_first(request: pytest.FixtureRequest) -> None:
    """The model forgets what the last test told it."""
    if "house" in request.fixturenames:
        request.getfixturevalue("house").talker.__init__()
