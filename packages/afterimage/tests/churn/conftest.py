"""A home, and a project to work in."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterimage.testing_hooks import Hooks


@pytest.fixture
def hooks(home: Path, tmp_path: Path) -> Hooks:
    """A home with nothing in it, and a project."""
    project = tmp_path / "project"
    project.mkdir()
    return Hooks(home, project)
