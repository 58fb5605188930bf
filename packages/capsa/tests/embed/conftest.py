from __future__ import annotations

from collections.abc import Iterator

import pytest

from capsa.embed import MiniLM
from capsa.testing.embedders import EmbeddingServer


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    """One for all tests: loading takes a quarter of a second."""
    return MiniLM()


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer(dimensions=32) as running:
        yield running
