"""Fixtures of the engine's own tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def server_directory(tmp_path: Path) -> Path:
    """An empty directory for a server."""
    directory = tmp_path / "server directory"
    directory.mkdir()
    return directory


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter, which pytest's tmp_path is not."""
    directory = Path(tempfile.mkdtemp(prefix="capsa-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)
