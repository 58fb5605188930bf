"""What is forgotten is gone everywhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from afterimage.entries import FORGOTTEN
from afterimage.errors import EntryNotFound
from afterimage.forgotten import were_forgotten
from afterimage.hook import recall
from afterimage.retrieval import forgetting
from afterimage.retrieval.remembering import Remembered, remember
from afterimage.storage import SQLiteBackend
from afterimage.sync import _alone, store_once
from afterimage.testing_hooks import CODE
from afterimage.testing_shelf import Shelf
from capsa import Mode, transfer


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
