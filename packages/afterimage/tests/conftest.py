"""A home of its own for every test, and a memory on either database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterimage.entries import StorageEntry
from afterimage.storage import PostgreSQLBackend, SQLiteBackend, StorageBackend, get_storage_backend
from afterimage.testing import write_legacy_memory
from capsa.testing.embedders import HashingEmbedder

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
def damaged(home: Path) -> Path:
    """The file of the configured memory, with 300 entries and its middle third overwritten."""
    written = "2026-01-06T12:00:00.000Z"
    with get_storage_backend() as backend:
        backend.store_many(
            [StorageEntry(f"e{n}", f"/p/{n}.py", f"code {n} " * 200, timestamp=written) for n in range(300)]
        )
    path = backend.url.path
    assert path is not None
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = b"\xff" * third
    path.write_bytes(content)
    return path


@pytest.fixture(scope="session")
def _older_memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("older") / "memory.db"
    write_legacy_memory(file, 60, lambda texts: [[0.1] * 384 for _ in texts])
    return file


@pytest.fixture
def older(_older_memory: Path, home: Path) -> Path:
    """A memory of the earlier program with 60 entries, at the configured path."""
    file = home / ".afterimage" / "memory.db"
    file.parent.mkdir(exist_ok=True)
    shutil.copy(_older_memory, file)
    return file


@pytest.fixture
def data() -> Path:
    """The folder of real memories."""
    if not DATA.is_dir():
        pytest.skip("the real memories are not beside this checkout (../shared/data/afterimage)")
    return DATA
