"""Stores with everything in them that is hard to carry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from capsa import Record, Store, open_database
from capsa.transfer import Options, Report, open_source, transfer

MODEL = "test-model"
DIMENSIONS = 8
START = dt.datetime(2026, 1, 6, 12, 0, tzinfo=dt.UTC)


def vector(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(DIMENSIONS, dtype=np.float32)


def some_records(count: int, prefix: str = "r") -> list[Record]:
    odd = ["NUL \0 inside", "lone \ud800 surrogate", "\ufdd0 the escape itself", "漢字 日本語", "مرحبا", "🎉 é", ""]
    return [
        Record(
            id=f"{prefix}{n}",
            text=odd[n] if n < len(odd) else f"def function_{n}(): return {n}",
            title=None if n % 3 else f"title {n}",
            context="" if n % 4 else None,
            path=f"/src/módulo_{n % 7}.py",
            session_id=None if n % 5 == 0 else f"session {n % 4}",
            metadata={} if n % 2 else {"old_code": f"old {n}\0", "b": 1, "a": [1.5, None]},
            created_at=START + dt.timedelta(seconds=n, microseconds=n),
            created_at_text=f"{n} o'clock" if n % 6 == 0 else None,
        )
        for n in range(count)
    ]


def fill(url: str, count: int = 60, prefix: str = "r", owner: str = "local", collection: str = "code") -> None:
    """Records, two thirds of them with a vector, in the order of their numbers."""
    with open_database(url) as database:
        store = Store(database, embedder=None).collection(collection, owner=owner)
        vectors = [vector(n) if n % 3 else None for n in range(count)]
        store.add(some_records(count, prefix), vectors=vectors, model=MODEL)


def contents(url: str) -> list[tuple[object, ...]]:
    """Every record of every owner with its vectors' bytes, in the order of arrival."""
    with open_database(url) as database, database.maintain() as tx:
        # text = "" and NULL stay apart; times as text of either dialect are compared as instants.
        records = tx.execute(
            "SELECT owner, collection, id, title, text, context, path, session_id, created_at, created_at_text, "
            "metadata, seq FROM capsa_records ORDER BY seq"
        )
        vectors = {
            (owner, collection, seq): (name, database.vectors.decode(data).tobytes() if data is not None else None, raw)
            for owner, collection, seq, name, data, raw in tx.execute(
                "SELECT owner, collection, seq, name, "
                + ("vector_send(vector)" if database.dialect == "postgresql" else "vector")
                + ", raw FROM capsa_embeddings JOIN capsa_models ON id = model"
            )
        }
        return [
            (*row[:8], database.datetime(row[8]), *row[9:11], vectors.get((row[0], row[1], row[11]))) for row in records
        ]


def move(source: str, target: str, options: Options | None = None) -> Report:
    with closing(open_source(source)) as opened, open_database(target) as database:
        return transfer(opened, database, options or Options())


@pytest.fixture
def new_sqlite(tmp_path: Path) -> Callable[[], str]:
    """URLs of SQLite files that do not exist yet."""
    numbers = iter(range(1000))
    return lambda: f"sqlite:///{tmp_path / f'file{next(numbers)}.db'}"


@pytest.fixture
def new_postgres(postgres_server: object) -> Iterator[Callable[[], str]]:
    """URLs of fresh PostgreSQL databases."""
    from contextlib import ExitStack

    from capsa.testing.databases import fresh_database

    with ExitStack() as stack:
        yield lambda: stack.enter_context(fresh_database(postgres_server))  # type: ignore[arg-type]


@pytest.fixture
def new_url(new_sqlite: Callable[[], str], new_postgres: Callable[[], str]) -> Callable[[str], str]:
    """A new database of a dialect."""
    return lambda dialect: new_sqlite() if dialect == "sqlite" else new_postgres()


@pytest.fixture
def kit() -> SimpleNamespace:
    """The functions of this file, which tests cannot import."""
    return SimpleNamespace(fill=fill, contents=contents, move=move, some_records=some_records, model=MODEL)
