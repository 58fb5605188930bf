"""What a transfer would meet at its target is seen before, and nothing is written there for that."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from capsa import (
    AuthenticationFailed,
    CapsaError,
    DatabaseDamaged,
    DatabaseUnavailable,
    DatabaseUrl,
    InvalidUrl,
    MissingRight,
    SchemaPackage,
    ServerAway,
    Store,
    TransferError,
    open_database,
)
from capsa.local_postgres import LocalPostgres
from capsa.transfer import Look, OnConflict, Options, examine, look, open_source

New = Callable[[str], str]


def look_at(url: str, owner: str = "local") -> Look:
    return look(DatabaseUrl.parse(url), owner)


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return [name for (name,) in rows]


def executed(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.mark.parametrize("fixture", ["postgres_url", "guide_postgres_url"])
def test_an_empty_database_stays_empty(fixture: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(fixture)
    seen = look_at(url)
    assert seen.software.startswith("PostgreSQL ")
    assert (seen.unseen, seen.schema, seen.records, seen.errors, seen.comparable) == (None, None, None, (), False)
    assert tables(url) == []
    password = DatabaseUrl.parse(url).password
    assert password
    assert password not in repr(seen)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "guide"])
def test_what_is_there_is_counted_and_compared(
    dialect: str, new_url: New, kit: SimpleNamespace, guide_postgres_url: str
) -> None:
    source, target = new_url("sqlite"), guide_postgres_url if dialect == "guide" else new_url(dialect)
    kit.fill(source, 60)
    kit.move(source, target)
    kit.fill(target, 5, owner="somebody else")
    with open_database(target) as database:
        code = Store(database, embedder=None).collection("code")
        assert code.delete(["r7", "r8", "r9"]) == 3
        assert code.update("r20", text="changed there")
        assert code.set_vector("r22", None, model=kit.model)
    before = kit.contents(target)
    seen = look_at(target)
    assert (seen.unseen, seen.records, seen.errors, seen.comparable) == (None, 57, (), True)
    with closing(open_source(source)) as opened, open_database(target) as database:
        report = examine(opened, Options(range_rows=7), database)
    (records, *_) = report.parts
    assert (records.source, records.skipped, records.conflicts, records.migrated) == (60, 55, 2, 0)
    assert [line.rpartition(" ")[2] for line in report.conflicts] == ["r20", "r22"]
    with closing(open_source(source)) as opened, open_database(target) as database:
        replacing = examine(opened, Options(on_conflict=OnConflict.REPLACE), database)
    assert (replacing.failed, replacing.parts[0].replaced, replacing.conflicts) == (0, 2, report.conflicts)
    assert replacing.as_json()["migrated"] == 0
    assert kit.contents(target) == before


def test_a_dry_run_claims_neither_success_nor_failure(new_url: New, kit: SimpleNamespace) -> None:
    source = new_url("sqlite")
    kit.fill(source, 10)
    with closing(open_source(source)) as opened:
        document = examine(opened).as_json()
    assert (document["complete"], document["success_rate"]) == (None, None)
    assert (document["can_be_carried"], document["cannot_be_carried"]) == (10, 0)


def test_a_server_that_is_away_is_no_error() -> None:
    seen = look_at("postgresql://me:secret@127.0.0.1:1/memory")
    assert "refused" in (seen.unseen or "")
    assert not seen.comparable
    assert "secret" not in repr(seen)


def test_a_host_that_is_not_known_is_not_looked_at() -> None:
    seen = look_at("postgresql://me@no-such-host.invalid/memory")
    assert "is not known" in (seen.unseen or "")
    assert seen.errors == ()


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"password": "wrong"}, AuthenticationFailed),
        ({"database": "not_there"}, DatabaseUnavailable),
        ({"port": 99999}, InvalidUrl),
        ({"options": (("sslmoed", "require"),)}, InvalidUrl),
        ({"options": (("sslmode", "maybe"),)}, InvalidUrl),
    ],
)
def test_what_certainly_fails_is_no_target_that_was_not_seen(
    guide_postgres_url: str, given: dict[str, Any], kind: type[CapsaError]
) -> None:
    seen = look(replace(DatabaseUrl.parse(guide_postgres_url), **given), "local")
    (error,) = seen.errors
    assert isinstance(error, kind)
    assert not isinstance(error, ServerAway)
    assert (seen.unseen, seen.comparable) == (None, False)
    assert seen.as_json()["problems"] == [str(error)]


def test_a_user_who_may_not_connect(postgres_server: LocalPostgres, guide_postgres_url: str) -> None:
    name = str(DatabaseUrl.parse(guide_postgres_url).database)
    owner = f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER'
    rights = f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC, "{name}"'
    executed(postgres_server.url_of("postgres"), owner, rights)
    (error,) = look_at(guide_postgres_url).errors
    assert isinstance(error, MissingRight)
    executed(postgres_server.url_of("postgres"), f'ALTER DATABASE "{name}" OWNER TO "{name}"')


def test_the_policies_are_lifted_by_the_owner_alone(postgres_server: LocalPostgres, guide_postgres_url: str) -> None:
    url = DatabaseUrl.parse(guide_postgres_url)
    open_database(guide_postgres_url).close()
    there = postgres_server.url_of(str(url.database))
    executed(there, "ALTER TABLE capsa_records OWNER TO CURRENT_USER", f'GRANT ALL ON capsa_records TO "{url.user}"')
    (error,) = look_at(guide_postgres_url).errors
    assert isinstance(error, TransferError)
    assert "only the owner of capsa_records" in str(error)


@pytest.mark.parametrize("table", ["capsa_records", "capsa_migrations", "capsa_lexical_blocks"])
def test_a_table_that_is_gone_from_a_file(table: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'memory.db'}"
    with open_database(url) as database, database.maintain() as tx:
        tx.execute(f"ALTER TABLE {table} RENAME TO taken_away")
    seen = look_at(url)
    (error,) = seen.errors
    assert isinstance(error, DatabaseDamaged)
    assert f"the table {table} is gone" in str(error)
    assert (seen.unseen, seen.comparable) == (None, False)


def test_pgvector_that_this_user_may_not_enable(postgres_server: LocalPostgres, guide_postgres_url: str) -> None:
    name = str(DatabaseUrl.parse(guide_postgres_url).database)
    executed(postgres_server.url_of(name), "DROP EXTENSION vector")
    seen = look_at(guide_postgres_url)
    assert "pgvector not enabled" in seen.software
    (problem,) = seen.errors
    assert "CREATE EXTENSION" in str(problem)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("REVOKE INSERT ON capsa_records FROM CURRENT_USER", "lacks rights on capsa_records (INSERT): grant"),
        (
            "REVOKE ALL ON capsa_migrations, capsa_models FROM CURRENT_USER",
            "capsa_migrations (SELECT), capsa_models (SELECT, INSERT)",
        ),
        ("REVOKE UPDATE ON capsa_transfers FROM CURRENT_USER", "capsa_transfers (UPDATE)"),
        ("REVOKE DELETE ON capsa_lexical_pending FROM CURRENT_USER", "capsa_lexical_pending (DELETE)"),
        ("REVOKE ALL ON SEQUENCE capsa_sequence FROM CURRENT_USER", "capsa_sequence (USAGE)"),
        ("ALTER TABLE capsa_quarantine RENAME TO gone", "the table capsa_quarantine is gone"),
        ("ALTER TABLE capsa_records RENAME TO gone", "the table capsa_records is gone"),
        ("ALTER TABLE capsa_migrations RENAME TO gone", "the table capsa_migrations is gone"),
        ("ALTER SEQUENCE capsa_sequence RENAME TO gone", "capsa_sequence is gone"),
        ("DROP TABLE capsa_models, capsa_migrations", "the tables capsa_migrations, capsa_models are gone"),
        ("UPDATE capsa_migrations SET version = 999", "newer version"),
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "may only be read"),
    ],
)
def test_what_a_transfer_would_stop_at(guide_postgres_url: str, statement: str, said: str) -> None:
    open_database(guide_postgres_url).close()
    executed(guide_postgres_url, statement.format(name=DatabaseUrl.parse(guide_postgres_url).database))
    seen = look_at(guide_postgres_url)
    (problem,) = seen.errors
    assert said in str(problem)
    assert not seen.comparable


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE capsa_records (a int)", "another program has tables of our names in"),
        ("DROP SCHEMA public CASCADE", "may use no schema"),
        ("REVOKE CREATE ON SCHEMA public FROM PUBLIC, CURRENT_USER", "may create no tables"),
    ],
)
def test_what_stands_in_the_way_of_making_tables(
    postgres_server: LocalPostgres, guide_postgres_url: str, statement: str, said: str
) -> None:
    url = DatabaseUrl.parse(guide_postgres_url)
    if "REVOKE" in statement:
        # The owner of a database owns its schema, and could give it to himself.
        executed(
            postgres_server.url_of(str(url.database)),
            "ALTER SCHEMA public OWNER TO CURRENT_USER",
            statement.replace("CURRENT_USER", f'"{url.user}"'),
        )
    else:
        executed(guide_postgres_url, statement)
    assert any(said in str(error) for error in look_at(guide_postgres_url).errors)


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    seen = look_at(f"sqlite:///{file}")
    assert (seen.unseen, seen.schema, seen.records, seen.errors, seen.comparable) == (None, None, None, (), False)
    assert not file.exists()


def test_a_folder_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "may not be written" in str(look_at(f"sqlite:///{tmp_path / 'new.db'}").errors[0])


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_an_applications_own_tables_are_looked_at_too(dialect: str, new_url: New, kit: SimpleNamespace) -> None:
    url = new_url(dialect)
    kit.fill(url, 1)
    own = SchemaPackage("garden", f"capsa.{'sqlite' if dialect == 'sqlite' else 'postgres'}")
    alone, together = look_at(url), look(DatabaseUrl.parse(url), "local", (own,))
    assert (alone.errors, alone.comparable) == ((), True)
    # Tables of its names, and no record that they are its own.
    assert not together.comparable
    if dialect == "postgresql":
        (error,) = together.errors
        assert "another program has tables of our names" in str(error)
    with open_database(url) as database, database.maintain() as tx:
        tx.execute("INSERT INTO capsa_migrations (package, version, applied_at) VALUES ('garden', 999, '')")
    (error,) = look(DatabaseUrl.parse(url), "local", (own,)).errors
    assert "garden schema 999" in str(error)
