"""What hooks noted is taken in: each change once, on both databases, by one run at a time."""

import json
import multiprocessing
import os
import resource
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from afterimage import sync
from afterimage.errors import RecallIndexUnwritable
from afterimage.hook import recall, spool
from afterimage.spooled import NewerSpool, entries_of
from afterimage.storage import SQLiteBackend, StorageBackend
from afterimage.sync import synchronise
from afterimage.testing_hooks import CODE
from capsa import DatabaseUnavailable


def event(call: str = "t1", **more: Any) -> dict[str, Any]:
    return {
        "version": spool.VERSION,
        "at": 1_780_000_000_000_000,
        "client": "claude-code",
        "session": "s1",
        "cwd": "/p",
        "tool": "Write",
        "tool_use_id": call,
        "input": {"file_path": "a.py", "content": CODE},
        "project": "0123456789abcdef",
        "project_name": "clock",
        **more,
    }


def note(directory: Path, given: object) -> Path:
    data = given if isinstance(given, bytes) else json.dumps(given).encode()
    return Path(spool.note(str(directory), data))


def index_of(directory: Path) -> recall.Recall:
    found = recall.open_index(str(directory), lambda: False)
    assert found is not None
    return found


def test_it_is_stored_embedded_and_recalled(memory: StorageBackend, tmp_path: Path) -> None:
    note(tmp_path, event())
    done = synchronise(memory, tmp_path)
    assert (done.events, done.stored, done.embedded, done.indexed, done.complete) == (1, 1, 1, 1, True)
    (found,) = index_of(tmp_path).near(CODE, lambda _: True)
    assert (found.kind, found.path, found.project_name, found.title) == (
        "identical",
        "/p/a.py",
        "clock",
        "parse_duration",
    )
    assert index_of(tmp_path).text(found) == CODE
    assert synchronise(memory, tmp_path).to_dict() == {
        **done.to_dict(),
        "events": 0,
        "stored": 0,
        "embedded": 0,
        "indexed": 0,
    }


def test_who_dies_between_storing_and_clearing_stores_nothing_twice(memory: StorageBackend, tmp_path: Path) -> None:
    path = note(tmp_path, event())
    content = path.read_bytes()
    synchronise(memory, tmp_path)
    path.write_bytes(content)
    assert synchronise(memory, tmp_path).stored == 0
    assert memory.stats().total_entries == 1
    assert not path.exists()


def test_what_is_forgotten_is_forgotten_by_the_index(memory: StorageBackend, tmp_path: Path) -> None:
    for n in range(3):
        note(tmp_path, event(str(n), input={"file_path": f"{n}.py", "content": f"{CODE}# {n}\n"}))
    synchronise(memory, tmp_path)
    entry = next(entry for entry in memory.iterate() if entry.file_path == "/p/1.py")
    memory.delete(entry.id)
    assert synchronise(memory, tmp_path).forgotten == 1
    index = index_of(tmp_path)
    assert {found.path for found in index.near(CODE, lambda _: True)} == {"/p/0.py", "/p/2.py"}
    assert b"# 1\n" not in (tmp_path / recall.NAME).read_bytes(), "nor does it stay in the file"


@pytest.mark.parametrize("damage", [b"", b"garbage" * 999, None])
def test_an_index_that_is_lost_is_made_anew(memory: StorageBackend, tmp_path: Path, damage: bytes | None) -> None:
    note(tmp_path, event())
    synchronise(memory, tmp_path)
    path = tmp_path / recall.NAME
    path.unlink() if damage is None else path.write_bytes(damage)
    assert synchronise(memory, tmp_path).indexed == 1
    assert index_of(tmp_path).near(CODE, lambda _: True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_index_with_damaged_pages_is_made_anew(memory: StorageBackend, tmp_path: Path) -> None:
    for n in range(2):
        note(tmp_path, event(str(n), input={"file_path": f"{n}.py", "content": f"{CODE}# {n}\n"}))
    synchronise(memory, tmp_path)
    path = tmp_path / recall.NAME
    with closing(sqlite3.connect(path)) as sql:
        pages = [page for (page,) in sql.execute("SELECT rootpage FROM sqlite_master WHERE name <> 'state'") if page]
        ((size,),) = sql.execute("PRAGMA page_size").fetchall()
    content = bytearray(path.read_bytes())
    for page in pages:
        content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    assert synchronise(memory, tmp_path).indexed == 2
    assert index_of(tmp_path).near(CODE, lambda _: True)


@pytest.mark.parametrize("field", ["path", "session", "branch", "project_name", "id"])
def test_half_a_character_anywhere_holds_nothing_up(memory: StorageBackend, tmp_path: Path, field: str) -> None:
    odd = "a\udcff\ud83d\x00.py"
    given: dict[str, Any] = {"path": {"input": {"file_path": odd, "content": CODE}}, "id": {"tool_use_id": odd}}
    note(tmp_path, event(**given.get(field, {field: odd})))
    synchronise(memory, tmp_path)
    note(tmp_path, event("t2", input={"file_path": "b.py", "content": CODE.replace("total", "sum_so_far")}))
    done = synchronise(memory, tmp_path)
    assert (done.stored, done.embedded, done.indexed, done.complete) == (1, 1, 1, True)
    assert {found.path for found in index_of(tmp_path).near(CODE, lambda _: True)} >= {"/p/b.py"}
    assert synchronise(memory, tmp_path).indexed == 0, "nothing is taken for another memory's"


def test_a_disk_that_fills_up_under_the_index_is_told_in_a_line(memory: StorageBackend, tmp_path: Path) -> None:
    synchronise(memory, tmp_path)
    (tmp_path / recall.NAME).unlink()
    memory.store("/p/a.py", CODE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(RecallIndexUnwritable, match=r"recall\.db.* cannot be written: .*What was stored is intact"):
            synchronise(memory, tmp_path, embed=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert synchronise(memory, tmp_path).complete
    assert index_of(tmp_path).near(CODE, lambda _: True)


def test_progress_is_of_all_that_the_index_has(memory: StorageBackend, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    for number in range(3):
        memory.store(f"/p/{number}.py", CODE)
        synchronise(memory, tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 1), (2, 2), (3, 3)]


def test_an_index_of_another_memory_is_not_kept(memory: StorageBackend, tmp_path: Path) -> None:
    note(tmp_path, event())
    with SQLiteBackend(tmp_path / "other.db", embedder=lambda: None) as other:
        synchronise(other, tmp_path)
    synchronise(memory, tmp_path)
    assert index_of(tmp_path).near(CODE, lambda _: True) == []


def test_no_secret_gets_into_the_index(memory: StorageBackend, tmp_path: Path) -> None:
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    memory.store("/p/a.py", f"{CODE}KEY = '{key}'\n")
    synchronise(memory, tmp_path)
    assert key.encode() not in (tmp_path / recall.NAME).read_bytes()


def test_a_key_across_the_cut_leaves_no_half_of_it(memory: StorageBackend, tmp_path: Path) -> None:
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    memory.store("/p/a.py", "x = 1\n".ljust(16_000 - 17) + f"KEY = '{key}'\n")
    synchronise(memory, tmp_path)
    assert key[:8].encode() not in (tmp_path / recall.NAME).read_bytes()


def test_what_cannot_be_read_is_put_aside_and_holds_nothing_up(memory: StorageBackend, tmp_path: Path) -> None:
    bad = [note(tmp_path, given) for given in (b"{", b"[]", b"\xff", {"version": 1, "input": {}}, {"input": None})]
    newer = note(tmp_path, event(version=spool.VERSION + 1))
    note(tmp_path, event())
    done = synchronise(memory, tmp_path)
    assert (done.stored, done.put_aside, done.newer, done.strange) == (1, len(bad), 1, 0)
    assert all(path.with_suffix(".unreadable").exists() for path in bad)
    assert newer.exists(), "a newer version of the program will understand it"
    assert not done.complete


def test_what_is_no_event_stays_and_is_counted_and_holds_nothing_up(memory: StorageBackend, tmp_path: Path) -> None:
    folder = note(tmp_path, event()).parent
    (folder / "notes.txt").write_text("somebody's own")
    (folder / "0.event").mkdir()
    done = synchronise(memory, tmp_path)
    assert (done.stored, done.put_aside, done.strange) == (1, 0, 2)
    assert sorted(path.name for path in folder.iterdir()) == ["0.event", "notes.txt"]


def test_what_the_memory_refuses_is_put_aside_and_the_others_arrive(memory: StorageBackend, tmp_path: Path) -> None:
    note(tmp_path, event("1"))
    refused = note(tmp_path, event("2", session="s" * 600))
    note(tmp_path, event("3"))
    done = synchronise(memory, tmp_path)
    assert (done.events, done.stored, done.put_aside, done.complete) == (2, 2, 1, True)
    assert refused.with_suffix(".unreadable").exists()
    assert synchronise(memory, tmp_path).put_aside == 0


def test_nothing_is_lost_when_the_memory_cannot_be_reached(home: Path, tmp_path: Path) -> None:
    path = note(tmp_path, event())
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 500)
    with SQLiteBackend(own_file=broken) as memory, pytest.raises(DatabaseUnavailable):
        synchronise(memory, tmp_path)
    assert path.exists()


def test_no_time_is_no_harm(memory: StorageBackend, tmp_path: Path) -> None:
    note(tmp_path, event())
    assert not synchronise(memory, tmp_path, seconds=0).complete
    assert synchronise(memory, tmp_path).complete
    assert memory.stats().entries_with_embeddings == 1


def _hold(directory: Path, ready: Any, done: Any) -> None:
    from afterimage.sync import _alone

    with _alone(directory) as alone:
        assert alone
        ready.set()
        done.wait(20)


def test_one_run_at_a_time(memory: StorageBackend, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(20)
    note(tmp_path, event())
    assert synchronise(memory, tmp_path).busy
    assert synchronise(memory, tmp_path, patience=0.2).busy
    threading.Timer(0.3, other.kill).start()
    assert synchronise(memory, tmp_path, patience=20).stored == 1, (
        "who waits has its turn; the lock of the dead is free"
    )
    other.join()


def test_what_was_put_aside_is_kept_for_a_while_and_up_to_a_size(
    memory: StorageBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_MOST_ASIDE", 250)
    for number in range(4):
        (tmp_path / "spool").mkdir(exist_ok=True)
        (tmp_path / "spool" / f"{number}.unreadable").write_bytes(b"x" * 100)
    (tmp_path / "spool" / "9.part").write_bytes(b"")
    os.utime(tmp_path / "spool" / "3.unreadable", (1, 1))
    os.utime(tmp_path / "spool" / "9.part", (1, 1))
    synchronise(memory, tmp_path)
    assert sorted(path.name for path in (tmp_path / "spool").iterdir()) == ["2.unreadable"]


PATCH = """*** Begin Patch
*** Add File: new.py
+one
+two
*** Update File: old.py
*** Move to: moved.py
@@ def f
 same
-before
+after
@@ def g
-gone
*** Delete File: dead.py
*** End Patch"""


@pytest.mark.parametrize(
    ("tool", "given", "changes"),
    [
        ("Write", {"file_path": "/a", "content": "x"}, [("/a", "write", "x", None)]),
        ("Edit", {"file_path": "/a", "old_string": "x", "new_string": ""}, [("/a", "edit", "", "x")]),
        ("Edit", {"file_path": "/a", "old_string": "", "new_string": "y"}, [("/a", "write", "y", None)]),
        (
            "MultiEdit",
            {
                "file_path": "/a",
                "edits": [{"old_string": "x", "new_string": "y"}, {"old_string": "u", "new_string": "v"}],
            },
            [("/a", "edit", "y", "x"), ("/a", "edit", "v", "u")],
        ),
        ("NotebookEdit", {"notebook_path": "/a", "new_source": "x"}, [("/a", "edit", "x", None)]),
        (
            "NotebookEdit",
            {"notebook_path": "/a", "new_source": "", "edit_mode": "delete"},
            [("/a", "delete", "", None)],
        ),
        (
            "apply_patch",
            {"command": PATCH},
            [
                ("/p/new.py", "write", "one\ntwo", None),
                ("/p/moved.py", "move", "", None),
                ("/p/moved.py", "edit", "after", "before"),
                ("/p/moved.py", "edit", "", "gone"),
                ("/p/dead.py", "delete", "", None),
            ],
        ),
        ("Bash", {"command": ["bash", "-c", f"apply_patch <<'E'\n{PATCH}\nE"]}, None),
        ("Write", {"file_path": "/a", "content": PATCH}, [("/a", "write", PATCH, None)]),
        ("Bash", {"command": f"cat > test.py <<'E'\n{PATCH}\nE"}, []),
        (
            "Bash",
            {"workdir": "sub", "command": "cd deep && apply_patch <<'E'\n*** Begin Patch\n*** Add File: a\n+x\nE"},
            [("/p/sub/deep/a", "write", "x", None)],
        ),
        ("Unheard", {"file_path": "/a"}, []),
    ],
)
def test_every_form_of_a_change_is_read(tool: str, given: dict[str, Any], changes: list[Any] | None) -> None:
    found = entries_of(event(tool=tool, input=given))
    if changes is None:
        assert len(found) == 5
        return
    assert [(e.file_path, e.metadata["change"], e.new_code, e.old_code) for e in found] == changes
    assert len({e.id for e in found}) == len(found)


def test_a_newer_event_is_not_guessed_at() -> None:
    with pytest.raises(NewerSpool):
        entries_of(event(version=99))
