"""A home of its own for every test, and a memory on either database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from afterimage.storage import PostgreSQLBackend, SQLiteBackend, StorageBackend

#: Real memories, beside the checkout; tests that need them say so when they are not there.
DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "afterimage"


class WordEmbedder:
    """A vector that says which words a text has: near means shared words. Deterministic, instant."""

    name = "words"
    dimensions = 32

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[0] = 0.01
            for word in text.lower().replace("_", " ").split():
                row[1 + hashlib.sha256(word.encode()).digest()[0] % (self.dimensions - 1)] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


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
        return SQLiteBackend(url.removeprefix("sqlite:///"), embedder=WordEmbedder)
    return PostgreSQLBackend(connection_string=url, min_pool_size=0, embedder=WordEmbedder)


@pytest.fixture
def data() -> Path:
    """The folder of real memories."""
    if not DATA.is_dir():
        pytest.skip("the real memories are not beside this checkout (../shared/data/afterimage)")
    return DATA
