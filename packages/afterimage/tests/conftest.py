"""A home of its own for every test, and a memory on either database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from capsa.testing.embedders import HashingEmbedder

from afterimage.storage import PostgreSQLBackend, SQLiteBackend, StorageBackend

#: Real memories, beside the checkout; tests that need them say so when they are not there.
DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "afterimage"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, nothing of AfterImage or libpq in the environment, and no model to load."""
    for name in list(os.environ):
        if name.startswith(("AFTERIMAGE_", "PG")):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("AFTERIMAGE_EMBEDDING_MODEL", "none")
    return folder


@pytest.fixture
def memory(store_url: str, home: Path) -> Iterator[StorageBackend]:
    """An empty memory in SQLite and in PostgreSQL, with a model that goes by words."""
    with open_memory(store_url) as backend:
        yield backend


def open_memory(url: str) -> StorageBackend:
    """The memory at ``url``."""
    if url.startswith("sqlite:///"):
        return SQLiteBackend(url.removeprefix("sqlite:///"), embedder=HashingEmbedder)
    return PostgreSQLBackend(connection_string=url, min_pool_size=0, embedder=HashingEmbedder)


@pytest.fixture
def data() -> Path:
    """The folder of real memories."""
    if not DATA.is_dir():
        pytest.skip("the real memories are not beside this checkout (../shared/data/afterimage)")
    return DATA
