"""A memory to find things in."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterimage.storage import StorageBackend
from afterimage.testing_shelf import Shelf


@pytest.fixture
def shelf(memory: StorageBackend, tmp_path: Path) -> Shelf:
    project = tmp_path / "project"
    project.mkdir()
    return Shelf(memory, tmp_path / "afterimage", project)
