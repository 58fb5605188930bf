"""A report that cannot be written is told by its name, and leaves nothing behind."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import NoReturn

import pytest

from capsa.errors import TransferError
from capsa.transfer.manifest import ManifestWriter
from capsa.transfer.report import Report


class FullDisk(io.StringIO):
    """A file whose disk is full when what was written gets there."""

    def write(self, text: str, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_names_the_report_and_leaves_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    writer = ManifestWriter(path, {})
    writer._file.close()
    writer._file = FullDisk()
    with pytest.raises(TransferError, match=r"cannot write the report .*report\.json: No space left on device"):
        writer.restart()
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_gets_there_at_the_end_only_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = ManifestWriter(tmp_path / "report.json", {})

    def full(self: Path, _target: Path) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(TransferError, match="cannot write the report"):
        writer.finish(Report(source="a", target="b", layout="c", zone="UTC", parts=()))
    writer.discard()
    assert list(tmp_path.iterdir()) == []
