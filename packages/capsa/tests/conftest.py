"""Fixtures of the engine's own tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def server_directory() -> Iterator[Path]:
    """An empty directory that the account of root's server may enter, which pytest's tmp_path is not."""
    directory = Path(tempfile.mkdtemp(prefix="capsa-test-"))
    yield directory
    shutil.rmtree(directory)
