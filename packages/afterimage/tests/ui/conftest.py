"""The pages of a memory, asked as a browser asks, without one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterimage.storage import StorageBackend
from afterimage.testing_pages import Visitor, pleasant_memory, visiting


@pytest.fixture
def visitor(memory: StorageBackend, tmp_path: Path) -> Iterator[Visitor]:
    """At the pages of an empty memory, on either database; come in already."""
    with visiting(memory, tmp_path / "afterimage") as made:
        yield made


@pytest.fixture
def ids(visitor: Visitor, tmp_path: Path) -> list[str]:
    """A memory with some weeks of work in it."""
    found = pleasant_memory(visitor.backend, tmp_path / "work", dt.datetime.now(dt.UTC))
    visitor.backend.collection.embed_missing()
    return found
