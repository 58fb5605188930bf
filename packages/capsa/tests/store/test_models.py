"""What a database knows of the models that its vectors are by."""

from __future__ import annotations

import pytest

from capsa import Mode, Record, Store
from capsa.errors import ModelMismatch
from capsa.testing.embedders import HashingEmbedder

WORDS = "a boat on the river"


def test_the_first_vector_cannot_say_how_long_those_of_the_embedder_are(any_store_url: str) -> None:
    with Store.open(any_store_url, embedder=HashingEmbedder(32)) as store:
        boats = store.collection("boats")
        with pytest.raises(ModelMismatch, match=r"have 32 numbers, not 3"):
            boats.add([Record(id="a", text=WORDS)], vectors=[[1.0, 2.0, 3.0]])
        boats.add([Record(id="a", text=WORDS)], embed=False)
        with pytest.raises(ModelMismatch, match=r"have 32 numbers, not 3"):
            boats.set_vector("a", [1.0, 2.0, 3.0])
        assert boats.set_vector("a", [1.0, 2.0, 3.0], model="another")
        assert boats.embed_missing() == 1
        assert [hit.record.id for hit in boats.search(WORDS, mode=Mode.SEMANTIC)] == ["a"]


def test_a_search_goes_by_words_where_the_vectors_are_of_another_length(any_store_url: str) -> None:
    with Store.open(any_store_url, embedder=HashingEmbedder(16)) as store:
        store.collection("boats").add([Record(id="a", text=WORDS)])
    changed = HashingEmbedder(32, name=HashingEmbedder(16).name)
    for _ in ("not known yet", "known"):
        with Store.open(any_store_url, embedder=changed) as store:
            boats = store.collection("boats")
            for _ in range(2):
                found = boats.search(WORDS)
                assert [hit.record.id for hit in found] == ["a"]
                assert found.notes == (f"vectors of {changed.name!r} have 16 numbers here, not 32",)
                with pytest.raises(ModelMismatch):
                    boats.search(WORDS, mode=Mode.SEMANTIC)
