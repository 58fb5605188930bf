"""The fixtures of capsa.testing give what they say."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from capsa.local_postgres import LocalPostgres
from capsa.testing.databases import ODD_PASSWORD, fresh_database
from capsa.url import DatabaseUrl

pytest_plugins = ["pytester"]


def scalar(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_fresh_database_has_pgvector_and_no_tables(postgres_url: str) -> None:
    assert scalar(postgres_url, "SELECT count(*) FROM pg_extension WHERE extname = 'vector'") == 1
    assert scalar(postgres_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    assert scalar(postgres_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True


def test_every_database_is_another_and_is_dropped_even_while_somebody_is_connected(
    postgres_server: LocalPostgres,
) -> None:
    with fresh_database(postgres_server) as first, fresh_database(postgres_server) as second:
        assert first != second
        left_open = psycopg.connect(first)
    left_open.close()
    for url in (first, second):
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(url)


def test_the_guides_user_owns_its_database_and_may_create_no_role(guide_postgres_url: str) -> None:
    address = DatabaseUrl.parse(guide_postgres_url)
    assert address.password == ODD_PASSWORD
    with psycopg.connect(guide_postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE mine (v vector(3))")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE another")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE EXTENSION file_fdw")


def test_the_servers_accept_no_wrong_password(postgres_server: LocalPostgres) -> None:
    address = DatabaseUrl.parse(postgres_server.url)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**{**address.conninfo(), "password": "guess"})  # type: ignore[arg-type]


def test_a_sqlite_url_names_a_file_that_is_not_there_yet(sqlite_url: str) -> None:
    path = DatabaseUrl.parse(sqlite_url).path
    assert path is not None
    assert not path.exists()
    assert path.parent.is_dir()


def test_store_url_is_one_of_each_dialect(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("pytest_plugins = ['capsa.testing.fixtures']")
    pytester.makepyfile("def test_it(store_url): pass\ndef test_all(any_store_url): pass")
    listed = pytester.runpytest("--collect-only", "-q").stdout.str()
    for name in ("it[sqlite]", "it[postgresql]", "all[sqlite]", "all[postgresql]", "all[postgresql16]"):
        assert f"test_{name}" in listed
    assert "postgresql16" not in pytester.runpytest("--collect-only", "-q", "-m", "not slow").stdout.str()


@pytest.mark.slow
@pytest.mark.postgres16
def test_the_older_server_is_postgresql_16_with_pgvector(postgres_16_url: str) -> None:
    assert str(scalar(postgres_16_url, "SHOW server_version")).startswith("16.")
    assert scalar(postgres_16_url, "SELECT '[1,2]'::vector <-> '[1,3]'") == 1.0


def test_the_pooler_shares_few_server_connections_among_many_clients(pooled_postgres_url: str) -> None:
    clients = [psycopg.connect(pooled_postgres_url, autocommit=True, prepare_threshold=None) for _ in range(6)]
    rows = [client.execute("SELECT pg_backend_pid()").fetchone() for client in clients]
    for client in clients:
        client.close()
    assert 1 <= len(set(rows)) <= 2


NEEDS_A_PACKAGE = """
import pytest
@pytest.mark.debian("no-such-package", program="no-such-program")
def test_with_it(): raise AssertionError("not reached")
@pytest.mark.debian("coreutils", program="ls")
def test_with_another(): pass
"""


def test_a_test_is_skipped_by_the_name_of_the_debian_package_it_lacks(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CAPSA_ALLOW_NO_SKIPS", raising=False)
    pytester.makeconftest("pytest_plugins = ['capsa.testing.fixtures']")
    pytester.makepyfile(NEEDS_A_PACKAGE)
    result = pytester.runpytest("-rs", "--strict-markers")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*the Debian package no-such-package is missing*"])


def test_where_no_skips_are_allowed_it_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPSA_ALLOW_NO_SKIPS", "1")
    pytester.makeconftest("pytest_plugins = ['capsa.testing.fixtures']")
    pytester.makepyfile(NEEDS_A_PACKAGE)
    pytester.runpytest().assert_outcomes(passed=1, errors=1)


def test_sqlite_needs_no_server(sqlite_url: str, tmp_path: Path) -> None:
    assert sqlite_url == f"sqlite:///{tmp_path}/memory.db"
