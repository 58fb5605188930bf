"""What is forgotten is gone everywhere."""

from __future__ import annotations

import pytest

from afterimage.errors import EntryNotFound
from afterimage.hook import recall
from afterimage.retrieval import forgetting
from afterimage.sync import _alone
from afterimage.testing_hooks import CODE
from afterimage.testing_shelf import Shelf
from capsa import Mode


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
