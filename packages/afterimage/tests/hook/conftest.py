"""A home, and a project to work in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afterimage.testing_hooks import Hooks


@pytest.fixture
def hooks(home: Path, tmp_path: Path) -> Hooks:
    """A home with nothing in it, and a project."""
    project = tmp_path / "project"
    project.mkdir()
    return Hooks(home, project)


@pytest.fixture
def told(hooks: Hooks) -> Callable[..., None]:
    """Writes what setup tells the hooks."""

    def write(**values: Any) -> None:
        state = hooks.directory / "hook-state"
        state.mkdir(parents=True, exist_ok=True)
        (state / "hook.json").write_text(json.dumps(values))

    return write
