"""A memory, and transcripts to be taken into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from afterimage.storage import SQLiteBackend
from afterimage.testing_hooks import Hooks
from afterimage.testing_transcripts import Claude, Codex


@pytest.fixture
def store(home: Path) -> Iterator[SQLiteBackend]:
    """An empty memory in a file, without a model."""
    with SQLiteBackend(home / "memory.db", embedder=lambda: None) as backend:
        yield backend


@pytest.fixture
def claude(tmp_path: Path) -> Claude:
    return Claude(tmp_path / "projects" / "-p" / "11111111-2222.jsonl")


@pytest.fixture
def codex(tmp_path: Path) -> Codex:
    transcript = Codex(tmp_path / "sessions" / "2026" / "01" / "05" / "rollout-2026-01-05T10-00-00-s1.jsonl")
    transcript.head()
    return transcript


@pytest.fixture
def hooks(home: Path, tmp_path: Path) -> Hooks:
    """A home with nothing in it, and a project."""
    project = tmp_path / "project"
    project.mkdir()
    return Hooks(home, project)
