"""Copies of somebody's memory are for nobody else's eyes, and do not outlive their process for ever."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from capsa.private import PrivateFolder, remove_abandoned
from capsa.transfer import Snapshot

Start = Callable[..., "subprocess.Popen[str]"]

_HOLDS = """
import sys
from capsa.private import PrivateFolder
folder = PrivateFolder(sys.argv[1])
(folder.path / "copy.db").write_text("secret")
print(folder.path, flush=True)
sys.stdin.read()
"""


def held_by_another(start: Start, place: Path) -> tuple[Path, subprocess.Popen[str]]:
    process = start(_HOLDS, place)
    assert process.stdout is not None
    return Path(process.stdout.readline().strip()), process


def test_it_is_for_this_account_alone_and_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    with PrivateFolder(tmp_path) as folder:
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert folder.path.parent == tmp_path
        (folder.path / "sub").mkdir()
        (folder.path / "sub" / "copy.db").write_text("secret")
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_one_that_was_never_closed_goes_too(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path)
    del folder
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_and_what_a_living_one_uses_stays(
    start: Start, tmp_path: Path
) -> None:
    left, killed = held_by_another(start, tmp_path)
    used, _living = held_by_another(start, tmp_path)
    killed.kill()
    killed.wait()
    assert left.exists()
    with PrivateFolder(tmp_path) as folder:
        assert sorted(tmp_path.iterdir()) == sorted([used, folder.path])
        assert (used / "copy.db").read_text() == "secret"


def test_a_process_that_ends_without_closing_leaves_nothing(start: Start, tmp_path: Path) -> None:
    folder, process = held_by_another(start, tmp_path)
    assert folder.exists()
    process.communicate("", timeout=60)
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_forked_process_does_not_remove_what_is_its_parents(tmp_path: Path) -> None:
    with PrivateFolder(tmp_path) as folder:
        child = os.fork()
        if child == 0:
            folder.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert folder.path.exists()
    assert not folder.path.exists()


def test_what_is_being_made_has_an_hour(tmp_path: Path) -> None:
    made = tmp_path / "capsa-private-x"
    made.mkdir(mode=0o700)
    remove_abandoned(tmp_path)
    assert made.exists()
    old = time.time() - 4000
    os.utime(made, (old, old))
    remove_abandoned(tmp_path)
    assert not made.exists()


def test_what_is_not_certainly_ours_is_left_alone(start: Start, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    left, killed = held_by_another(start, place)
    killed.kill()
    killed.wait()
    elsewhere = tmp_path / "elsewhere"
    left.rename(elsewhere)
    left.symlink_to(elsewhere)
    shared = place / "capsa-private-shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "held").touch()
    remove_abandoned(place)
    assert (elsewhere / "copy.db").exists()
    assert shared.exists()
    if os.geteuid() == 0:
        shared.chmod(0o700)
        os.chown(shared, 12345, 12345)
        remove_abandoned(place)
        assert shared.exists()


_TRANSFER = """
import sys
from capsa.transfer import Snapshot
snapshot = Snapshot(sys.argv[1])
print("copied", flush=True)
sys.stdin.read()
"""


def test_the_copy_of_a_killed_transfer_goes_with_the_next(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    from capsa import Record, Store

    with Store.open(sqlite_url) as store:
        store.collection("notes").add([Record(text="secret")])
    path = sqlite_url.removeprefix("sqlite:///")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    process = start(_TRANSFER, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "copied\n"
    process.kill()
    process.wait()
    assert [copy.name for copy in temporary.glob("*/*.db")] == ["snapshot.db"]
    with closing(Snapshot(path)):
        assert len(list(temporary.iterdir())) == 1
    assert list(temporary.iterdir()) == []
