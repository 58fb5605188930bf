"""What keeps the memory in step beside the server, and leaves with it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afterimage.errors import InvalidEntry
from afterimage.hook import spool
from afterimage.mcp import keeper
from afterimage.mcp.keeper import Keeper
from afterimage.storage import PostgreSQLBackend, StorageBackend
from afterimage.sync import Synced
from afterimage.testing_hooks import CODE


def note(directory: Path, **more: Any) -> None:
    given = {"file_path": "/p/a.py", "content": CODE}
    event = {"version": spool.VERSION, "at": 1, "client": "codex", "session": "s", "cwd": "/p", "tool": "Write"}
    spool.note(str(directory), json.dumps({**event, "tool_use_id": "1", "input": given, **more}).encode())


def wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not there():
        assert time.monotonic() < until
        time.sleep(0.02)


def running() -> bool:
    return any(thread.name == "afterimage-sync" for thread in threading.enumerate())


def test_what_is_noted_is_stored_embedded_and_recalled_while_it_runs(memory: StorageBackend, tmp_path: Path) -> None:
    with Keeper(memory, tmp_path, first=0, every=0.05):
        note(tmp_path)
        wait_for(lambda: memory.stats().entries_with_embeddings == 1)
        note(tmp_path, tool_use_id="2", input={"file_path": "/p/b.py", "content": CODE})
        wait_for(lambda: memory.stats().entries_with_embeddings == 2)
        wait_for(lambda: not spool.waiting(str(tmp_path)))
    assert not running()
    assert (tmp_path / "recall.db").exists()


def test_in_a_hurry_it_does_not_wait_for_its_time(memory: StorageBackend, tmp_path: Path) -> None:
    with Keeper(memory, tmp_path, first=60, every=60) as kept:
        memory.store("/p/a.py", CODE)
        kept.hurry()
        wait_for(lambda: memory.stats().entries_with_embeddings == 1)
        memory.store("/p/b.py", CODE)
        kept.hurry()
        wait_for(lambda: memory.stats().entries_with_embeddings == 2)


@pytest.mark.parametrize(
    ("done", "runs"),
    [
        (Synced(complete=False, embedded=16), 4),
        (Synced(complete=False), 1),
        (Synced(complete=False, busy=True), 1),
        (Synced(embedded=1), 1),
    ],
)
def test_it_goes_on_at_once_only_while_it_gets_on(
    memory: StorageBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: Synced, runs: int
) -> None:
    turns: list[Synced] = []
    kept = Keeper(memory, tmp_path, first=0, every=60)

    def turn() -> Synced:
        turns.append(done)
        return done if len(turns) < 4 else Synced()

    monkeypatch.setattr(kept, "_turn", turn)
    with kept:
        wait_for(lambda: len(turns) == runs)
        time.sleep(0.3)
    assert len(turns) == runs


def test_a_memory_that_is_down_is_said_once_and_tried_again(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    down = PostgreSQLBackend(connection_string="postgresql://x@127.0.0.1:1/none", embedder=lambda: None)
    note(tmp_path)
    with Keeper(down, tmp_path, first=0, every=0.01):
        time.sleep(0.5)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert spool.waiting(str(tmp_path)), "nothing is lost"


def test_a_defect_is_said_and_the_next_turn_goes_on(
    memory: StorageBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Keeper(memory, tmp_path, first=0, every=0.01)
    turn, failing = kept._turn, iter([True, True])

    def sometimes() -> Synced | None:
        if next(failing, False):
            raise UnicodeError(CODE)
        return turn()

    monkeypatch.setattr(kept, "_turn", sometimes)
    note(tmp_path)
    with kept:
        wait_for(lambda: memory.stats().total_entries == 1)
    assert capsys.readouterr().err == "afterimage: UnicodeError: to see why, run `afterimage sync`\n"


def test_what_hooks_note_goes_into_no_other_memory(
    memory: StorageBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "hook-state"
    state.mkdir()
    (state / "hook.json").write_text(json.dumps({"memory": "sqlite:////elsewhere.db"}))
    note(tmp_path)
    with Keeper(memory, tmp_path, first=0, every=0.01):
        time.sleep(0.3)
    assert memory.stats().total_entries == 0
    assert "not the one of `afterimage setup`" in capsys.readouterr().err


def test_it_waits_for_nobody_for_long(memory: StorageBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_GOODBYE", 0.1)
    begun, end = threading.Event(), threading.Event()
    kept = Keeper(memory, tmp_path, first=0)

    def turn() -> None:
        begun.set()
        end.wait(20)
        raise InvalidEntry("it ends now")

    monkeypatch.setattr(kept, "_turn", turn)
    started = time.monotonic()
    with kept:
        assert begun.wait(20)
    assert time.monotonic() - started < 10
    end.set()
    wait_for(lambda: not running())
