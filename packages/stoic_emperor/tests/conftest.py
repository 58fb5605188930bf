"""What the tests of Stoic Emperor share: databases of both kinds, an embedder that needs no model, people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from capsa import LocalPostgres
from capsa.testing.databases import template_database
from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.person import Person


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, and none of the variables of whoever runs it."""
    for name in (
        "DATABASE_URL",
        "ENVIRONMENT",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "LLM_BASE_URL",
        "LLM_MAIN_MODEL",
        "LLM_REVIEWER_MODEL",
        "LLM_LIGHT_MODEL",
        "SQLITE_DB_PATH",
        "VECTOR_DB_PATH",
        "SESSION_SECRET",
        "SUPABASE_URL",
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("STOIC_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def postgres_template(postgres_server: LocalPostgres) -> Iterator[str]:
    """Its tables are made once: hundreds of tests begin with them."""
    with template_database(postgres_server, lambda url: Database(url).close()) as name:
        yield name


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An empty database; the test runs on SQLite and on PostgreSQL."""
    with Database(store_url) as opened:
        yield opened


@pytest.fixture
def embedder() -> HashingEmbedder:
    """Vectors without a model."""
    return HashingEmbedder()


@pytest.fixture
def anna(database: Database) -> Person:
    """Somebody who has agreed to be remembered."""
    from stoic_emperor.models import now

    person = database.person("anna")
    person.ensure("Anna")
    person.change(asked_at=now(), consent_at=now())
    return person


@pytest.fixture
def boris(database: Database) -> Person:
    """Somebody else."""
    person = database.person("boris")
    person.ensure("Boris")
    return person
