"""Whose vectors these are, their own documents tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from capsa import Embedder, Store, open_database, open_embedder, transfer
from stoic_emperor.legacy.chroma.source import ChromaSource
from stoic_emperor.testing.chroma import ChromaWriter

TEXTS = ["I slept badly again", "My brother called about the house", "The obstacle is in the way of the way"]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    made = open_embedder("all-MiniLM-L6-v2")
    assert made is not None
    return made


def models(folder: Path, target: str, embedder: Embedder | None) -> dict[str, int]:
    source = ChromaSource.open(folder, embedder=embedder)
    try:
        with open_database(target) as database:
            transfer.transfer(source, database)
            return dict(Store(database).collection("episodic", owner="anna").statistics().embeddings)
    finally:
        source.close()


def write(folder: Path, vectors: np.ndarray) -> None:
    with ChromaWriter(folder, "0.5") as chroma:
        episodic = chroma.collection("episodic")
        for number, (text, vector) in enumerate(zip(TEXTS, vectors, strict=True)):
            episodic.add(f"id{number}", vector.tolist(), text, {"user_id": "anna"})


def test_those_of_the_default_model_are_known_by_a_sample(tmp_path: Path, sqlite_url: str, embedder: Embedder) -> None:
    made = embedder.embed(TEXTS)
    # The original model agrees with the quantised one to .999.
    noise = np.random.default_rng(1).normal(0, 0.001, made.shape).astype(np.float32)
    write(tmp_path / "db", made + noise)
    assert models(tmp_path / "db", sqlite_url, embedder) == {"all-MiniLM-L6-v2": 3}


def test_those_of_another_model_get_a_name_of_their_own(tmp_path: Path, sqlite_url: str, embedder: Embedder) -> None:
    write(tmp_path / "db", np.random.default_rng(1).normal(size=(3, 384)).astype(np.float32))
    assert models(tmp_path / "db", sqlite_url, embedder) == {"chroma:unknown-384": 3}


def test_without_a_model_to_ask_chromas_own_is_assumed(tmp_path: Path, sqlite_url: str) -> None:
    write(tmp_path / "db", np.random.default_rng(1).normal(size=(3, 384)).astype(np.float32))
    assert models(tmp_path / "db", sqlite_url, None) == {"all-MiniLM-L6-v2": 3}
