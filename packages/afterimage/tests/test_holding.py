"""Who holds a file that somebody waits for."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from afterimage.cli import main
from afterimage.holding import Holder, holders, told_who_holds
from afterimage.testing_hooks import Hooks

pytestmark = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not say who holds a file")

FLOCK = "import fcntl, sys; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX)"
WRITING = (
    "import sqlite3, sys; file = sqlite3.connect(sys.argv[1], isolation_level=None); file.execute('BEGIN EXCLUSIVE')"
)


@contextmanager
def held(path: Path, how: str, seconds: float = 60.0) -> Iterator[int]:
    """Another process holds ``path``; its number."""
    script = f"{how}; print(flush=True); import time; time.sleep({seconds})"
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_another_process_is_named_and_this_one_is_not(tmp_path: Path) -> None:
    import fcntl

    path, other = tmp_path / "a", tmp_path / "b"
    for file in (path, other):
        file.touch()
    assert holders([path, tmp_path / "none"]) == frozenset()
    with path.open() as ours:
        fcntl.flock(ours, fcntl.LOCK_EX)
        assert holders([path]) == frozenset()
    with held(path, FLOCK) as process:
        assert holders([path, other]) == {Holder(path, process)}
        assert holders([other]) == frozenset()
        (holder,) = holders([path])
        assert str(holder).startswith(f"process {process} (")


def test_it_is_told_once_and_only_of_who_holds_it_all_the_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    told: list[Holder | None] = []
    with held(path, FLOCK) as process:
        with told_who_holds([path], told.append, after=60):
            time.sleep(0.6)
        assert told == []
        with told_who_holds([path], told.append, after=0.3):
            time.sleep(1.5)
    assert told == [Holder(path, process)]


def test_where_the_system_names_nobody_that_is_told_too(tmp_path: Path) -> None:
    told: list[Holder | None] = []
    with told_who_holds([tmp_path / "a"], told.append, unknown_after=0.3):
        time.sleep(0.4)
        assert told == []
        time.sleep(0.6)
    assert told == [None]


def test_a_process_that_may_not_be_looked_into_is_named_by_the_file_s_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_path: Path) -> Iterator[Path]:
        raise PermissionError

    path = tmp_path / "a"
    path.touch()
    with held(path, FLOCK) as process:
        monkeypatch.setattr(Path, "iterdir", refused)
        assert holders([path]) == {Holder(path, process)}
        monkeypatch.setattr(os, "minor", lambda _: -1)
        assert holders([path]) == frozenset()


def test_who_waits_for_the_memory_is_told_who_holds_it_and_that_nothing_is_lost(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = Hooks(home, tmp_path)
    hooks.write()
    hooks.sync()
    hooks.write(call="2")
    memory = hooks.directory / "memory.capsa.db"
    capsys.readouterr()
    with held(memory, WRITING, seconds=5) as process:
        assert main(["sync"]) == 0
    said = capsys.readouterr()
    assert "1 entry stored" in said.out
    assert f"waiting for process {process} (" in said.err
    assert "What hooks noted stays in the spool" in said.err


def test_a_memory_that_cannot_be_used_costs_nothing_that_was_noted(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = Hooks(home, tmp_path)
    hooks.write()
    (hooks.directory / "memory.capsa.db").write_bytes(b"no database" * 500)
    assert main(["sync"]) == 1
    assert "What hooks noted stays in the spool" in capsys.readouterr().err
    assert len(hooks.spooled()) == 1
