"""Of what is recalled, the lines that a later write of the same file changed are known, and no others."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from afterimage.entries import StorageEntry
from afterimage.hook import recall
from afterimage.recalling.replaced import Version, replaced_lines
from afterimage.storage import StorageBackend
from afterimage.sync import synchronise

NOW = dt.datetime(2026, 1, 6, tzinfo=dt.UTC)
FIRST = "def load(path):\n    text = path.read_text()\n    return parse(text)\n"
SECOND = "def save(path, found):\n    text = render(found)\n    path.write_text(text)\n"
BOTH = f"{FIRST}\n\n{SECOND}"


def written(number: int, new: str, old: str | None = None, change: str = "", **more: str) -> StorageEntry:
    metadata = {"change": change or ("edit" if old else "write"), **more}
    moment = (NOW + number * dt.timedelta(minutes=1)).isoformat()
    return StorageEntry(f"e{number}", "/p/a.py", new, old, timestamp=moment, metadata=metadata)


def lines_of(*entries: StorageEntry) -> dict[int, str]:
    return replaced_lines(Version(number, entry.new_code, entry.to_record()) for number, entry in enumerate(entries))


def test_an_edit_replaces_the_lines_that_it_took_away() -> None:
    old = "    text = path.read_text()\n    return parse(text)\n"
    assert lines_of(written(0, BOTH), written(1, old.replace("parse", "parsed"), old)) == {0: "2-2"}


@pytest.mark.parametrize(
    "later",
    [
        written(1, "def other():\n    return everything_else\n", "def other():\n    return something_else\n"),
        written(1, f"{SECOND}\n\ndef more(): ...\n", SECOND),
        written(1, "return", "    text"),
        written(1, "a note on the file", change="note"),
    ],
    ids=["of other lines", "that only added", "of next to nothing", "a note"],
)
def test_what_a_later_write_left_as_it_was_is_not_replaced(later: StorageEntry) -> None:
    assert lines_of(written(0, BOTH), later) == {}


def test_a_later_whole_write_replaces_what_it_does_not_have() -> None:
    assert lines_of(written(0, BOTH), written(1, SECOND)) == {0: "0-2"}
    assert lines_of(written(0, BOTH), written(1, BOTH.replace("    ", "\t"))) == {}, "other spaces are no other lines"
    assert lines_of(written(0, FIRST), written(1, "", change="delete")) == {0: "0-2"}


def test_later_is_by_when_it_was_written_not_by_when_it_came() -> None:
    assert lines_of(written(5, FIRST), written(1, SECOND)) == {1: "0-2"}


def test_what_was_redacted_may_have_been_anything() -> None:
    hidden = FIRST.replace("path.read_text()", "'[redacted: token]'")
    assert lines_of(written(0, hidden), written(1, FIRST)) == {}


def replaced(directory: Path) -> dict[str, list[tuple[int, int]]]:
    index = recall.open_index(str(directory), lambda: False)
    assert index is not None
    return {entry.id: found for entry in index.near(BOTH, lambda _: True) if (found := index.replaced(entry))}


EDIT = (FIRST.replace("parse", "parsed"), FIRST)


@pytest.mark.parametrize(
    "batches",
    [
        [[written(0, BOTH), written(1, *EDIT)]],
        [[written(0, BOTH)], [written(1, *EDIT)]],
        [[written(1, *EDIT)], [written(0, BOTH)]],
    ],
    ids=["at once", "one after the other", "the earlier one later"],
)
def test_the_index_knows_it_however_they_arrive(
    memory: StorageBackend, tmp_path: Path, batches: Sequence[Sequence[StorageEntry]]
) -> None:
    for batch in batches:
        memory.store_many(batch)
        assert synchronise(memory, tmp_path).complete
    assert replaced(tmp_path) == {"e0": [(2, 2)]}


def test_what_is_forgotten_replaces_nothing(memory: StorageBackend, tmp_path: Path) -> None:
    memory.store_many([written(0, BOTH), written(1, *EDIT), written(2, "x = 1", change="write")])
    synchronise(memory, tmp_path)
    memory.delete("e2")
    synchronise(memory, tmp_path)
    assert replaced(tmp_path) == {"e0": [(2, 2)]}
    memory.delete("e1")
    synchronise(memory, tmp_path)
    assert replaced(tmp_path) == {}


def test_a_file_is_the_same_in_every_clone(memory: StorageBackend, tmp_path: Path) -> None:
    place = {"project": "feedfeedfeedfeed", "in_project": "a.py"}
    theirs = written(1, *EDIT, **place)
    memory.store_many([written(0, BOTH, **place), StorageEntry.from_dict({**theirs.to_dict(), "file_path": "/q/a.py"})])
    synchronise(memory, tmp_path)
    assert replaced(tmp_path) == {"e0": [(2, 2)]}


def test_a_run_that_has_no_time_is_gone_on_with(memory: StorageBackend, tmp_path: Path) -> None:
    memory.store_many([written(0, BOTH), written(1, *EDIT)])
    assert not synchronise(memory, tmp_path, seconds=0).complete
    assert synchronise(memory, tmp_path).complete
    assert replaced(tmp_path) == {"e0": [(2, 2)]}


def removed(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


@pytest.mark.parametrize("more", [0, 1, 5])
def test_a_memory_that_was_put_in_the_place_of_another_is_noticed(
    home: Path, tmp_path: Path, more: int, make: Callable[[int, str], None]
) -> None:
    make(3, BOTH)
    make(3 + more, f"{FIRST}# of the other memory\n")
    index = recall.open_index(str(tmp_path), lambda: False)
    assert index is not None
    latest = index.latest("/p/a.py")
    assert latest is not None
    assert index.text(latest) == f"{FIRST}# of the other memory\n"
    assert index._times(latest) == 3 + more
    assert index.near(BOTH, lambda _: True) == []


@pytest.fixture
def make(home: Path, tmp_path: Path) -> Callable[[int, str], None]:
    """Puts a new memory with so many entries where the last one was, and synchronises."""
    from afterimage.storage import SQLiteBackend

    def put(count: int, code: str) -> None:
        path = tmp_path / "memory.db"
        removed(path)
        with SQLiteBackend(own_file=path, embedder=lambda: None) as backend:
            for _ in range(count):
                backend.store("/p/a.py", code)
            assert synchronise(backend, tmp_path).complete

    return put


def test_an_older_copy_of_the_memory_is_noticed_when_others_came_since(home: Path, tmp_path: Path) -> None:
    from afterimage.storage import SQLiteBackend

    path, copy = tmp_path / "memory.db", tmp_path / "copy.db"

    def store(*codes: str) -> None:
        with SQLiteBackend(own_file=path, embedder=lambda: None) as backend:
            for code in codes:
                backend.store("/p/a.py", code)
            synchronise(backend, tmp_path)

    store(FIRST)
    copy.write_bytes(path.read_bytes())
    store(SECOND)
    removed(path)
    copy.rename(path)
    store(BOTH)
    index = recall.open_index(str(tmp_path), lambda: False)
    assert index is not None
    found = [index.text(entry) for code in (FIRST, SECOND, BOTH) for entry in index.near(code, lambda _: True)]
    assert set(found) == {FIRST, BOTH}
