"""Files are written whole or not at all, for their owner only."""

import os
from pathlib import Path

import pytest

from afterimage.hook import files


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for data, mode in ((b"one", 0o600), (b"two", 0o644), (b"", 0o400), (b"three", 0o600)):
        files.replace(str(path), data, mode)
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (data, mode)
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_replaced_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"before")

    def full(_number: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(files.posix, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        files.replace(str(path), b"after")
    assert [(one, one.read_bytes()) for one in tmp_path.iterdir()] == [(path, b"before")]


def test_what_a_killed_process_of_the_same_number_left_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.with_name(f"{path.name}.{os.getpid()}").write_bytes(b"half")
    files.replace(str(path), b"whole")
    assert [(one, one.read_bytes()) for one in tmp_path.iterdir()] == [(path, b"whole")]
