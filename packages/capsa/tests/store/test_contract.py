"""The contract holds for every database: SQLite, PostgreSQL with either wall, and PostgreSQL 16."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from capsa.local_postgres import LocalPostgres
from capsa.store import Store
from capsa.testing import contract
from capsa.testing.databases import fresh_database, guide_database
from capsa.testing.pooler import running_pooler


class Everything(
    contract.RecordsContract,
    contract.TransactionsContract,
    contract.SearchContract,
    contract.AnyTextContract,
    contract.VectorsContract,
    contract.ReembedContract,
    contract.OwnersContract,
):
    """All parts of the contract."""


class TestSqlite(Everything):
    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
        path: Path = tmp_path_factory.mktemp("contract") / "memory.db"
        with Store.open(f"sqlite:///{path}") as store:
            yield store


class TestPostgresAsSuperuser(Everything):
    """The transactions take on a role that the policies bind."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, postgres_server: LocalPostgres) -> Iterator[Store]:
        with fresh_database(postgres_server) as url, Store.open(url) as store:
            yield store


class TestPostgresAsTheGuidesUser(Everything):
    """The user may create no role, so the policies are forced upon the owner of the tables."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, postgres_server: LocalPostgres) -> Iterator[Store]:
        with guide_database(postgres_server) as url, Store.open(url) as store:
            yield store


@pytest.mark.slow
@pytest.mark.debian("pgbouncer")
class TestPostgresThroughAPooler(Everything):
    """In transaction mode: what a session keeps is not there in the next transaction."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, postgres_server: LocalPostgres) -> Iterator[Store]:
        program = str(shutil.which("pgbouncer", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin"))
        with (
            fresh_database(postgres_server) as url,
            running_pooler(url, program) as pooled,
            Store.open(pooled) as store,
        ):
            yield store


@pytest.mark.slow
@pytest.mark.postgres16
class TestPostgres16(Everything):
    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, postgres_16_server: LocalPostgres) -> Iterator[Store]:
        with fresh_database(postgres_16_server) as url, Store.open(url) as store:
            yield store


@pytest.mark.slow
@pytest.mark.postgres16
class TestPostgres16AsTheGuidesUser(Everything):
    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, postgres_16_server: LocalPostgres) -> Iterator[Store]:
        with guide_database(postgres_16_server) as url, Store.open(url) as store:
            yield store
