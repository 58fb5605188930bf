"""Old databases, and a house for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from capsa import DatabaseUrl, from_stored, transfer
from capsa.testing.databases import EMPTY
from stoic_emperor.hosting import HOUSE
from stoic_emperor.infrastructure.opening import open_engine
from stoic_emperor.legacy.tables import TABLES

#: Real files, beside the checkout; tests that need them say so when they are not there.
DATA = Path(__file__).resolve().parents[5] / "shared" / "data" / "stoic"


@pytest.fixture(scope="session")
def postgres_template() -> str:
    """Nothing is there yet, as where a past is carried to."""
    return EMPTY


@pytest.fixture
def data() -> Path:
    """The folder of real files."""
    if not DATA.is_dir():
        pytest.skip("the real files are not beside this checkout (../shared/data/stoic)")
    return DATA


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A house to work in: nothing of ours or libpq's in the environment, and no model to load."""
    named = ("STOIC_", "PG", "LLM_", "DATABASE_URL", "ENVIRONMENT", "OPENAI_", "ANTHROPIC_", "SQLITE_", "VECTOR_DB")
    for name in list(os.environ):
        if name.startswith(named):
            monkeypatch.delenv(name)
    folder = tmp_path / "house"
    (folder / "data").mkdir(parents=True)
    monkeypatch.setenv("STOIC_HOME", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def new_postgres(postgres_server: Any) -> Iterator[Callable[[], str]]:
    """URLs of fresh PostgreSQL databases."""
    from capsa.testing.databases import fresh_database

    with ExitStack() as stack:
        yield lambda: stack.enter_context(fresh_database(postgres_server))


def carry(source: transfer.Source, target: str, **options: Any) -> transfer.Report:
    """Transfer everything of ``source``, which is closed."""
    with closing(source), open_engine(DatabaseUrl.parse(target)) as engine:
        return transfer.transfer(source, engine, transfer.Options(owner=HOUSE, **options))


def move(source: str, target: str, **options: Any) -> transfer.Report:
    """Transfer one database of ours into another."""
    return carry(transfer.open_source(source, TABLES), target, **options)


def rows(url: str, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    """What a query gives, texts as they were given, times as aware datetimes in UTC where a dialect says so."""
    with open_engine(DatabaseUrl.parse(url)) as engine, engine.maintain() as tx:
        found = tx.execute(query, parameters)
    return [tuple(from_stored(value) if isinstance(value, str) else value for value in row) for row in found]


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of ours, the same from both dialects; messages in the order of their arrival."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with open_engine(DatabaseUrl.parse(url)) as engine, engine.maintain() as tx:
        for table in (*TABLES, transfer.RECORDS):
            order = f"{table.scope[0]}, {table.arrival}" if table.arrival else ", ".join(table.key)
            times = {place for place, kind in enumerate(table.kinds) if kind is transfer.Kind.TIME}
            read = tx.execute(f"SELECT {', '.join(table.names)} FROM {table.name}" + f" ORDER BY {order}")
            found[table.name] = sorted(
                (
                    tuple(
                        engine.datetime(value) if place in times and value is not None else value
                        for place, value in enumerate(row)
                    )
                    for row in read
                ),
                # Databases sort texts in their own ways; within an owner the order is that of arrival.
                key=lambda row: str(row[0]),
            )
    return found


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The functions of this file, which tests cannot import."""
    return SimpleNamespace(carry=carry, move=move, rows=rows, contents=contents)
