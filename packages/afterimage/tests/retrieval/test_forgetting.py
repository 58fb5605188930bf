"""What is forgotten is gone everywhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from afterimage.entries import (
    CHURN_EDITS,
    CHURN_FILES,
    CHURN_FUNCTIONS,
    FORGOTTEN,
    PATTERN_CLUSTERS,
    PATTERN_MEMBERS,
)
from afterimage.errors import EntryNotFound
from afterimage.forgotten import were_forgotten
from afterimage.hook import recall
from afterimage.retrieval import forgetting
from afterimage.retrieval.remembering import Remembered, remember
from afterimage.storage import SQLiteBackend
from afterimage.sync import _alone, store_once
from afterimage.testing_hooks import CODE
from afterimage.testing_shelf import Shelf
from capsa import Mode, Record, transfer


def test_record_vector_words_and_recall_index_go(shelf: Shelf) -> None:
    id_, kept = shelf.put("durations.py"), shelf.put("other.py", "def untouched(): return 'kept as it is'\n")
    shelf.sync()
    done = forgetting.forget(shelf.backend, shelf.directory, [id_[:8]])
    assert ([record.id for record in done.records], done.vectors, done.indexed, done.in_step) == ([id_], 1, 1, True)
    assert list(shelf.backend.collection.ids()) == [kept]
    assert shelf.backend.collection.vector(id_) is None
    assert not len(shelf.backend.collection.search("parse_duration", mode=Mode.LEXICAL))
    index = recall.open_index(str(shelf.directory), lambda: False)
    assert index is not None
    assert index.near(CODE, lambda _: True) == []
    assert b"DURATION_PATTERN" not in (shelf.directory / recall.NAME).read_bytes()


def test_one_wrong_id_and_nothing_goes(shelf: Shelf) -> None:
    id_ = shelf.put("durations.py")
    with pytest.raises(EntryNotFound):
        forgetting.forget(shelf.backend, shelf.directory, [id_, "never"])
    assert shelf.backend.get(id_)


def test_it_says_that_the_index_follows_if_another_run_holds_it(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "_PATIENCE", 0.1)
    id_ = shelf.put("durations.py")
    with _alone(shelf.directory):
        assert not forgetting.forget(shelf.backend, shelf.directory, [id_]).in_step
    assert shelf.backend.get(id_) is None


def test_what_is_forgotten_does_not_come_back_by_itself(shelf: Shelf) -> None:
    id_ = shelf.put("durations.py")
    entry = shelf.backend.get(id_)
    assert entry is not None
    forgetting.forget(shelf.backend, shelf.directory, [id_])
    assert store_once(shelf.backend, [entry]) == 0
    assert shelf.backend.stats().total_entries == 0
    (kept,) = shelf.backend.collections()[FORGOTTEN].iterate()
    assert (kept.id, kept.text, kept.path, kept.session_id, kept.metadata) == (id_, "", None, None, {})
    assert not len(shelf.backend.collection.search(id_))


def test_clearing_forgets_what_was_forgotten_too(shelf: Shelf) -> None:
    forgetting.forget(shelf.backend, shelf.directory, [shelf.put("durations.py")])
    shelf.backend.clear()
    assert not list(shelf.backend.collections()[FORGOTTEN].ids())


def test_a_note_that_is_made_again_is_there_again(shelf: Shelf) -> None:
    def keep() -> Remembered:
        return remember(shelf.backend, shelf.here.projects[0], "Durations are seconds.", lambda text: text)

    first = keep()
    forgetting.forget(shelf.backend, shelf.directory, [first.id])
    assert keep() == first
    assert shelf.backend.get(first.id)


def test_what_was_forgotten_is_carried_to_another_database(shelf: Shelf, tmp_path: Path) -> None:
    id_ = shelf.put("durations.py")
    forgetting.forget(shelf.backend, shelf.directory, [id_])
    with SQLiteBackend(own_file=tmp_path / "other.db", embedder=lambda: None) as other:
        with closing(transfer.open_source(shelf.backend.url)) as source:
            assert transfer.transfer(source, other.database).complete
        assert were_forgotten(other, [id_, "x"]) == {id_}


def test_what_an_earlier_program_noted_of_it_goes_too(shelf: Shelf) -> None:
    held = shelf.backend.collections()
    first, second, third = (shelf.put(path, f"x = {n}") for n, path in enumerate(("s.py", "s.py", "open.py")))
    clusters = {first: "one", second: "two", third: "two"}
    members = [Record(id=id_, text="", path="/p", metadata={"cluster_id": of}) for id_, of in clusters.items()]
    held[PATTERN_MEMBERS].put(members, embed=False)
    held[PATTERN_CLUSTERS].put([Record(id=id_, text="x = V", path="/p") for id_ in ("one", "two")], embed=False)
    secret, other = (str(shelf.project / name) for name in ("s.py", "open.py"))
    counted = (CHURN_FILES, CHURN_EDITS, CHURN_FUNCTIONS)
    for name in counted:
        held[name].put([Record(id=path, text="", path=path) for path in (secret, other)], embed=False)

    def left(name: str) -> set[str]:
        return set(held[name].ids())

    forgetting.forget(shelf.backend, shelf.directory, [first])
    assert (left(PATTERN_MEMBERS), left(PATTERN_CLUSTERS)) == ({second, third}, {"two"})
    assert left(CHURN_EDITS) == {secret, other}, "an entry of the file stays"
    forgetting.forget(shelf.backend, shelf.directory, [second])
    assert (left(PATTERN_MEMBERS), left(PATTERN_CLUSTERS)) == ({third}, {"two"})
    for name in counted:
        assert left(name) == {other}
