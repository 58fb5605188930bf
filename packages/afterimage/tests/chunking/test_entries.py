"""What is derived from an entry is made for it, and goes with it, by whatever way it goes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from afterimage.audit import clean_secrets, find_secrets
from afterimage.backup import restore_backup, write_backup
from afterimage.chunking.entries import WINDOW, unit_of
from afterimage.entries import COLLECTION, OWNER, UNITS, StorageEntry
from afterimage.exchange import import_entries, write_export
from afterimage.hybrid_search import HybridSearch
from afterimage.storage import StorageBackend
from afterimage.sync import synchronise
from capsa import Filter, Store
from capsa.testing.embedders import HashingEmbedder

FRUITS = ("apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel")


def module(*names: str, line: str = "value = value + 1") -> str:
    """A module of a function for each name: longer than what a model reads."""
    return "import os\n\n\n" + "\n\n\n".join(
        f'def handle_{name}(request):\n    """Answers what is asked about {name}."""\n'
        + f"    {line}  # for {name}\n" * 4
        + f"    return request.{name}"
        for name in names
    )


@pytest.fixture
def long(memory: StorageBackend) -> str:
    """The id of a long entry, embedded."""
    memory.store("/p/short.py", "def short(): return 1")
    id_ = memory.store("/p/fruits.py", module(*FRUITS), session_id="s1")
    assert memory.collection.embed_missing() == 2
    return id_


def units(memory: StorageBackend) -> list[str]:
    return sorted(memory.collection.units.ids())


def test_each_function_of_a_long_entry_has_a_vector_and_says_where_it_stands(memory: StorageBackend, long: str) -> None:
    entry = memory.collection.get(long)
    assert entry is not None
    rows = [row for row in memory.collection.units.iterate() if row.id.startswith(long)]
    found = [unit_of(row, entry) for row in rows]
    assert [unit.name for unit in found if unit] == [f"handle_{name}" for name in FRUITS]
    assert all(unit and unit.text.startswith(f"def {unit.name}") for unit in found)
    assert all(memory.collection.units.vector(row.id) is not None for row in rows)
    assert {(row.text, row.path, row.session_id) for row in rows} == {("", "/p/fruits.py", "s1")}, "a filter holds"
    assert len(rows) == len(FRUITS), "and what is short has none"


def test_it_is_made_once(memory: StorageBackend, long: str) -> None:
    before = units(memory)
    assert memory.collection.waiting() == memory.collection.embed_missing() == 0
    assert units(memory) == before


def test_an_entry_without_text_gets_no_vector_and_is_not_waited_for(memory: StorageBackend) -> None:
    blank = [memory.store("/p/gone.py", text) for text in ("", " \n\t\n")]
    assert memory.collection.embed_missing() == 0
    assert [memory.collection.vector(id_) for id_ in blank] == [None, None]
    assert (memory.collection.waiting(), memory.collection.blank()) == (0, 2)
    memory.store("/p/there.py", "def there(): return 1")
    memory.collection.embed_missing()
    assert [r.file_path for r in HybridSearch(memory).search("what was removed", threshold=0)] == ["/p/there.py"]


def test_a_vector_that_came_along_stays_and_units_are_made(memory: StorageBackend) -> None:
    came = HashingEmbedder().embed(["as an older program made it"])[0]
    id_ = memory.store("/p/fruits.py", module(*FRUITS), embedding=came.tolist())
    assert memory.collection.embed_missing() == 1
    kept = memory.collection.vector(id_)
    assert kept is not None
    assert kept.tolist() == came.tolist()
    assert memory.collection.units.count() == len(FRUITS)


def test_another_model_takes_the_place_of_both(memory: StorageBackend, long: str) -> None:
    class Other(HashingEmbedder):
        name = "other"

    collection = type(memory.collection)(Store(memory.database, embedder=Other()), OWNER, COLLECTION)
    assert collection.reembed() == 2
    for held in (collection, collection.units):
        assert set(held.statistics().embeddings) == {"other"}
    assert collection.units.count() == len(FRUITS)


def _delete(memory: StorageBackend, id_: str, folder: Path) -> None:
    assert memory.delete(id_)


def _clear(memory: StorageBackend, id_: str, folder: Path) -> None:
    assert memory.clear() == 2


def _put(memory: StorageBackend, id_: str, folder: Path) -> None:
    memory.collection.put([StorageEntry(id_, "/p/fruits.py", "def other(): return 2").to_record()], embed=False)


def _update(memory: StorageBackend, id_: str, folder: Path) -> None:
    assert memory.collection.update(id_, text="def other(): return 2", embed=False)


def _move(memory: StorageBackend, id_: str, folder: Path) -> None:
    assert memory.collection.update(id_, path="/q/fruits.py")


def _import(memory: StorageBackend, id_: str, folder: Path) -> None:
    stream = io.StringIO()
    write_export(memory, stream)
    values = json.loads(stream.getvalue())
    for entry in values["entries"]:
        entry["new_code"] = "def other(): return 2"
    assert import_entries(memory, io.StringIO(json.dumps(values)), replace=True).replaced == 2


@pytest.mark.parametrize("go", [_delete, _clear, _put, _update, _move, _import])
def test_units_go_with_their_entry(
    memory: StorageBackend, long: str, tmp_path: Path, go: Callable[[StorageBackend, str, Path], None]
) -> None:
    assert units(memory)
    go(memory, long, tmp_path)
    assert units(memory) == []


def test_a_secret_leaves_no_unit(memory: StorageBackend, tmp_path: Path) -> None:
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    memory.store("/p/fruits.py", module(*FRUITS, line=f"key = '{key}'"))
    memory.collection.embed_missing()
    before = {id_: memory.collection.units.vector(id_) for id_ in units(memory)}
    assert clean_secrets(memory, tmp_path, list(find_secrets(memory))).entries == 1
    for id_ in units(memory):
        after, was = memory.collection.units.vector(id_), before[id_]
        assert after is not None
        assert was is not None
        assert after.tolist() != was.tolist(), "made anew, of what is left"


def test_a_backup_has_them_and_brings_them_back(memory: StorageBackend, long: str, tmp_path: Path) -> None:
    before = units(memory)
    write_backup(memory, tmp_path / "backup.db")
    memory.store("/p/more.py", module(*reversed(FRUITS)))
    memory.collection.embed_missing()
    restore_backup(memory, tmp_path / "backup.db", tmp_path, force=True)
    assert units(memory) == before
    assert memory.collection.waiting() == 0


def test_what_went_while_it_was_embedded_gets_no_vectors(memory: StorageBackend) -> None:
    id_ = memory.store("/p/fruits.py", module(*FRUITS))

    class Slow(HashingEmbedder):
        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            memory.delete(id_)
            return super().embed(texts)

    collection = type(memory.collection)(Store(memory.database, embedder=Slow()), OWNER, COLLECTION)
    assert collection.embed_missing() == 0
    assert units(memory) == []


def test_a_run_makes_them_and_can_stop_between(memory: StorageBackend, tmp_path: Path) -> None:
    for n in range(4):
        memory.store(f"/p/{n}.py", module(*(f"{fruit}_{n}_{m}" for m in range(4) for fruit in FRUITS)))
    done: list[int] = []
    memory.collection.embed_missing(lambda made, _: done.append(made))
    assert done == [1, 2, 3, 4], "one at a time, as each is long"
    assert synchronise(memory, tmp_path).embedded == 0


def test_units_are_of_the_memory_and_not_entries(memory: StorageBackend, long: str) -> None:
    assert memory.stats().total_entries == 2
    assert [entry.file_path for entry in memory.iterate()] == ["/p/short.py", "/p/fruits.py"]
    assert memory.collections()[UNITS].count(Filter(path="fruits")) == len(FRUITS)
    assert len(module(*FRUITS)) > WINDOW
