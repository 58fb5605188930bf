"""Vectors: kept bit for bit, and compared only with vectors of the same model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from capsa.errors import EmbedderUnavailable, InvalidRecord, ModelMismatch
from capsa.records import Filter, Mode, Record
from capsa.store import Collection, Store
from capsa.testing._contract_base import Contract, ids, minutes, numbered, rows_in, traces
from capsa.testing.embedders import FailingEmbedder, HashingEmbedder


def bits(vector: Any) -> bytes:
    return np.asarray(vector, "<f4").tobytes()


class VectorsContract(Contract):
    """Vectors that are given, kept, and searched."""

    def test_vectors_come_back_bit_for_bit(self, notes: Collection, owner: str) -> None:
        generator = np.random.default_rng(7)
        vectors = [
            generator.standard_normal(384).astype(np.float32),
            np.array([1e-45, -1e-45, 3.4e38, -3.4e38, -0.0, 0.0, 1 / 3, np.pi] * 48, np.float32),
            np.nan_to_num(np.frombuffer(generator.bytes(384 * 4), "<f4")),
        ]
        model = f"model-{owner}"
        notes.add(numbered(3), vectors=vectors, model=model)
        for i, vector in enumerate(vectors):
            found = notes.vector(f"r{i}", model=model)
            assert found is not None
            assert found.dtype == np.float32
            assert bits(found) == bits(vector)
        read = list(notes.iterate_with_vectors(model=model))
        assert [bits(vector) for _, vector in read] == [bits(vector) for vector in vectors]

    def test_some_records_may_have_none(self, notes: Collection, owner: str) -> None:
        model = f"model-{owner}"
        notes.add(numbered(3), vectors=[[1, 0], None, [0, 1]], model=model)
        assert notes.vector("r1", model=model) is None
        assert notes.vector("nobody", model=model) is None
        assert notes.vector("r0", model="another") is None
        assert [v is None for _, v in notes.iterate_with_vectors(model=model)] == [False, True, False]
        assert ids(notes.search_vector([1, 0.1], model=model)) == ["r0", "r2"]

    def test_a_search_by_vector_goes_by_the_cosine(self, notes: Collection, owner: str) -> None:
        model = f"model-{owner}"
        notes.add(numbered(4), vectors=[[1, 0], [100, 100], [0, 0.01], [-1, 0]], model=model)
        found = notes.search_vector([2, 0], model=model)
        assert ids(found) == ["r0", "r1", "r2", "r3"]
        assert [hit.semantic_score for hit in found] == pytest.approx([1, 0.70711, 0, -1], abs=1e-4)
        assert ids(notes.search_vector([2, 0], limit=2, filter=Filter(since=minutes(1)), model=model)) == ["r1", "r2"]

    def test_a_vector_without_length_is_kept_and_is_near_to_nothing(self, notes: Collection, owner: str) -> None:
        model = f"model-{owner}"
        notes.add(numbered(3), vectors=[[0, 0], [-1, 0], [1, 0]], model=model)
        found = notes.search_vector([1, 0], model=model)
        assert [(hit.record.id, hit.score) for hit in found] == [("r2", 1), ("r0", 0), ("r1", -1)]
        assert {hit.score for hit in notes.search_vector([0, 0], model=model)} == {0}

    def test_of_equally_near_records_the_newest_comes_first(self, notes: Collection, owner: str) -> None:
        notes.add(numbered(5), vectors=[[1, 2, 3]] * 5, model=f"model-{owner}")
        assert ids(notes.search_vector([1, 2, 3], limit=3, model=f"model-{owner}")) == ["r4", "r3", "r2"]

    def test_an_unknown_model_has_no_vectors_and_a_search_makes_none_known(self, notes: Collection, owner: str) -> None:
        notes.add(numbered(1))
        found = notes.search_vector([1.0, 2.0], model=f"model-{owner}")
        assert len(found) == 0
        assert any("no vectors" in note for note in found.notes)
        notes.add([Record(id="a", text="a")], vectors=[[1.0, 2.0, 3.0]], model=f"model-{owner}")

    def test_vectors_of_two_models_stand_side_by_side_and_are_never_compared(
        self, notes: Collection, owner: str
    ) -> None:
        first, second = f"one-{owner}", f"two-{owner}"
        notes.add([Record(id="a", text="a")], vectors=[[1, 0]], model=first)
        notes.add([Record(id="b", text="b")], vectors=[[1, 0]], model=second)
        notes.set_vector("a", [0, 1], model=second)
        assert ids(notes.search_vector([1, 0], model=first)) == ["a"]
        assert [(h.record.id, h.score) for h in notes.search_vector([1, 0], model=second)] == [("b", 1), ("a", 0)]
        assert notes.statistics().embeddings == {first: 1, second: 2}

    def test_a_vector_can_be_set_replaced_and_taken_away(self, embedded: Collection) -> None:
        embedded.add(numbered(2))
        old = embedded.vector("r0")
        new = np.linspace(-1, 1, 64, dtype=np.float32)
        assert embedded.set_vector("r0", new) is True
        assert bits(embedded.vector("r0")) == bits(new) != bits(old)
        assert ids(embedded.search_vector(new, limit=1)) == ["r0"]
        assert embedded.set_vector("r0", None) is True
        assert embedded.vector("r0") is None
        assert ids(embedded.search_vector(new)) == ["r1"]
        assert embedded.set_vector("nobody", new) is False

    def test_dimensions_are_part_of_a_model(self, embedded: Collection) -> None:
        embedded.add([Record(id="a", text="a")])
        with pytest.raises(ModelMismatch, match="64"):
            embedded.add([Record(id="b", text="b")], vectors=[[1.0] * 63])
        with pytest.raises(ModelMismatch, match="64"):
            embedded.set_vector("a", [1.0] * 65)
        with pytest.raises(ModelMismatch, match="64"):
            embedded.search_vector([1.0, 2.0])
        assert embedded.vector("a") is not None, "a refused vector leaves the old one"
        assert ids(list(embedded.iterate())) == ["a"]

    @pytest.mark.parametrize(
        "vector",
        [[], [[1.0], [2.0]], ["x"], [1.0, float("nan")], [float("inf")], [1e300], 3.0, "text", [1.0] * 16_001],
        ids=lambda v: ascii(v)[:20],
    )
    def test_what_is_no_vector_is_refused(self, notes: Collection, owner: str, vector: Any) -> None:
        with pytest.raises(InvalidRecord, match="vector"):
            notes.add([Record(text="a")], vectors=[vector], model=f"model-{owner}")
        with pytest.raises(InvalidRecord, match="vector"):
            notes.search_vector(vector, model=f"model-{owner}")
        assert notes.count() == 0

    def test_there_are_as_many_vectors_as_records_and_all_of_one_length(self, notes: Collection, owner: str) -> None:
        with pytest.raises(InvalidRecord, match="2 records, but 1 vectors"):
            notes.add(numbered(2), vectors=[[1.0]], model=f"model-{owner}")
        with pytest.raises(InvalidRecord, match="one length"):
            notes.add(numbered(2), vectors=[[1.0], [1.0, 2.0]], model=f"model-{owner}")
        with pytest.raises(EmbedderUnavailable, match="name the model"):
            notes.add(numbered(1), vectors=[[1.0]])
        assert notes.count() == 0

    def test_the_largest_vectors_are_accepted(self, notes: Collection, owner: str) -> None:
        vector = np.arange(16_000, dtype=np.float32)
        notes.add([Record(id="a", text="a")], vectors=[vector], model=f"model-{owner}")
        assert bits(notes.vector("a", model=f"model-{owner}")) == bits(vector)
        assert ids(notes.search_vector(vector, model=f"model-{owner}")) == ["a"]

    def test_a_failing_embedder_adds_nothing(self, embedded: Collection, owner: str) -> None:
        failing = FailingEmbedder(64, name="failing")
        with pytest.raises(EmbedderUnavailable):
            Store(embedded.database, embedder=failing).collection("notes", owner=owner).add(numbered(3))
        assert embedded.count() == 0


class ReembedContract(Contract):
    """Making the vectors that are missing, and changing the model."""

    def test_records_without_a_vector_get_one(self, embedded: Collection) -> None:
        embedded.add(numbered(150), embed=False)
        embedded.add([Record(id="has", text="has")])
        told: list[tuple[int, int]] = []
        assert embedded.embed_missing(progress=lambda done, total: told.append((done, total))) == 150
        assert told == [(64, 150), (128, 150), (150, 150)]
        assert rows_in(embedded, "capsa_embeddings") == 151
        expected = embedded.store.embedder.embed(["entry 77"])[0]  # type: ignore[union-attr]
        assert bits(embedded.vector("r77")) == bits(expected)
        assert embedded.embed_missing() == 0

    def test_what_was_interrupted_goes_on_where_it_stopped(self, embedded: Collection, owner: str) -> None:
        embedded.add(numbered(100), embed=False)
        name = embedded.store.embedder.name  # type: ignore[union-attr]
        for expected in (60, 100):
            failing = Store(embedded.database, embedder=FailingEmbedder(64, name=name, after=3))
            collection = failing.collection("notes", owner=owner)
            if expected == 60:
                with pytest.raises(EmbedderUnavailable):
                    collection.embed_missing(batch=20)
            else:
                assert collection.embed_missing(batch=20) == 40
            assert rows_in(embedded, "capsa_embeddings") == expected

    def test_without_an_embedder_it_says_so(self, notes: Collection) -> None:
        notes.add(numbered(1))
        for method in (notes.embed_missing, notes.reembed):
            with pytest.raises(EmbedderUnavailable, match="no embedder"):
                method()

    def test_old_and_new_vectors_stand_side_by_side_until_the_end_and_both_are_searched(
        self, embedded: Collection, owner: str
    ) -> None:
        embedded.add(numbered(100, "entry number{}"))
        old = embedded.store.embedder
        assert old is not None
        # Another number of dimensions: an accidental comparison would fail.
        new = HashingEmbedder(96, name=f"new-{owner}")
        renewed = Store(embedded.database, embedder=new).collection("notes", owner=owner)
        seen: list[tuple[int, int]] = []

        def look(*_: int) -> None:
            counts = embedded.statistics().embeddings
            seen.append((counts[old.name], counts[new.name]))
            for collection in (embedded, renewed):
                for mode in (Mode.SEMANTIC, Mode.HYBRID):
                    found = collection.search("entry number3", mode=mode, limit=5)
                    assert found[0].record.id == "r3"
                    assert found.mode is mode

        assert renewed.reembed(progress=look, batch=25) == 100
        assert seen == [(100, 25), (100, 50), (100, 75), (100, 100)]
        assert renewed.statistics().embeddings == {new.name: 100}
        assert rows_in(renewed, "capsa_codes") in {0, 100}
        assert ids(renewed.search("entry number42", mode="semantic", limit=1)) == ["r42"]
        assert ids(embedded.search("entry number42", mode="lexical", limit=1)) == ["r42"]
        assert renewed.reembed() == 0

    def test_an_interrupted_change_of_model_keeps_the_old_vectors(self, embedded: Collection, owner: str) -> None:
        embedded.add(numbered(50))
        old = embedded.store.embedder
        assert old is not None
        failing = FailingEmbedder(96, name=f"new-{owner}", after=1)
        with pytest.raises(EmbedderUnavailable):
            Store(embedded.database, embedder=failing).collection("notes", owner=owner).reembed(batch=20)
        assert embedded.statistics().embeddings == {old.name: 50, failing.name: 20}
        again = HashingEmbedder(96, name=failing.name)
        assert Store(embedded.database, embedder=again).collection("notes", owner=owner).reembed(batch=20) == 30
        assert embedded.statistics().embeddings == {again.name: 50}

    def test_what_changes_while_its_vector_is_made_does_not_get_that_vector(
        self, embedded: Collection, owner: str
    ) -> None:
        embedded.add(numbered(4), embed=False)
        inner = embedded.store.embedder
        assert inner is not None

        class Meddling(HashingEmbedder):
            """While it works, others write."""

            def embed(self, texts: Any) -> Any:
                embedded.update("r1", text="changed", embed=False)
                embedded.delete(["r2"])
                return super().embed(texts)

        meddled = Store(embedded.database, embedder=Meddling(64, name=inner.name)).collection("notes", owner=owner)
        assert meddled.embed_missing() == 2
        assert embedded.vector("r1") is None
        assert rows_in(embedded, "capsa_embeddings") == 2, "none for the deleted record"
        assert embedded.embed_missing() == 1
        embedded.delete(["r0", "r1", "r3"])
        assert traces(embedded) == {}

    def test_a_changed_text_gets_a_new_vector_and_loses_those_of_other_models(
        self, embedded: Collection, owner: str
    ) -> None:
        embedded.add([Record(id="a", text="old")])
        embedded.set_vector("a", [1.0, 2.0], model=f"other-{owner}")
        embedded.update("a", title="a title is not embedded")
        assert embedded.vector("a", model=f"other-{owner}") is not None
        embedded.update("a", text="new")
        assert embedded.vector("a", model=f"other-{owner}") is None
        assert bits(embedded.vector("a")) == bits(embedded.store.embedder.embed(["new"])[0])  # type: ignore[union-attr]
        embedded.update("a", text="newest", embed=False)
        assert embedded.vector("a") is None
