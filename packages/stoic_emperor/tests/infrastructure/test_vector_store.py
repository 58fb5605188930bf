"""The vector store under the names of the guide and of the predecessor's time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from capsa.testing.embedders import HashingEmbedder
from stoic_emperor.errors import ConfigurationError, NotFound
from stoic_emperor.infrastructure.vector_store import VectorStore


@pytest.fixture
def vectors(store_url: str) -> Iterator[VectorStore]:
    with VectorStore(store_url, embedder=HashingEmbedder()) as store:
        yield store


def test_shared_texts_are_found_in_the_shape_that_chroma_gave(vectors: VectorStore) -> None:
    vectors.add(
        "stoic_wisdom", ["a", "b"], ["the obstacle and the way", "bees and honey"], [{"work": "x"}, {"work": "y"}]
    )
    found = vectors.query("stoic_wisdom", ["honey from bees", "an obstacle"], n_results=1)
    assert found["ids"] == [["b"], ["a"]]
    assert found["documents"][0] == ["bees and honey"]
    assert found["metadatas"][1] == [{"work": "x"}]
    assert 0 <= found["distances"][0][0] < 1
    assert vectors.query("stoic_wisdom", "honey", where={"work": "x"})["ids"] == [["a"]]
    assert vectors.count("stoic_wisdom") == 2
    assert vectors.delete("stoic_wisdom", ["a", "nothing"]) == 1
    assert vectors.get("stoic_wisdom", ["a", "b"])["ids"] == ["b"]


def test_personal_texts_are_one_persons(vectors: VectorStore) -> None:
    vectors.add("episodic", ["a", "b"], ["anna speaks", "boris speaks"], [{"user_id": "anna"}, {"user_id": "boris"}])
    assert vectors.query("episodic", "speaks", where={"user_id": "anna"})["ids"] == [["a"]]
    assert vectors.count("episodic", user_id="boris") == 1
    assert vectors.delete("episodic", ["a"], user_id="boris") == 0
    with pytest.raises(ConfigurationError):
        vectors.query("episodic", "speaks")
    with pytest.raises(NotFound):
        vectors.count("no_such_collection")


def test_the_folder_of_an_older_chroma_means_the_database_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "vector_db").mkdir(parents=True)
    with VectorStore("./data/vector_db", embedder=HashingEmbedder()) as store:
        assert store.engine.url.path == tmp_path / "data" / "stoic_emperor.db"
    assert list((tmp_path / "data" / "vector_db").iterdir()) == []
