"""How far each transcript was read, so that the next run reads what came since."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from afterimage.hook.files import replace
from afterimage.ingest.lines import Setting
from afterimage.telling import state_folder

_NAME = "ingest.json"
_VERSION = 1
#: Bytes by which a file is known again.
_HEAD = 512


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on in one file."""

    #: The byte to go on at, and the setting there.
    offset: int = 0
    setting: Setting = field(default_factory=Setting)
    #: The file as it was: its size, its time, and its first bytes.
    size: int = -1
    modified: int = 0
    head: int = 0
    head_size: int = 0

    def is_of(self, file: BinaryIO) -> bool:
        """Whether ``file`` begins as it did, so that it only grew."""
        file.seek(0)
        return 0 < self.offset <= os.fstat(file.fileno()).st_size and zlib.crc32(file.read(self.head_size)) == self.head

    @classmethod
    def at(cls, file: BinaryIO, offset: int, setting: Setting, *, waiting: bool) -> Cursor:
        """A cursor at ``offset``; ``waiting``: the file is to be read again even if nothing comes to it."""
        found = os.fstat(file.fileno())
        file.seek(0)
        head = file.read(min(_HEAD, offset))
        return cls(offset, setting, -1 if waiting else found.st_size, found.st_mtime_ns, zlib.crc32(head), len(head))


class Cursors:
    """The cursors of one memory. Whoever deletes their file loses nothing but time."""

    def __init__(self, directory: Path, memory: str) -> None:
        """Read those that ``memory`` has in AfterImage's folder."""
        self._directory = directory
        self._path = directory / "hook-state" / _NAME
        self._memory = memory
        self._known: dict[str, Cursor] = {}
        try:
            found = json.loads(self._path.read_text("utf-8"))
            if found["version"] == _VERSION and found["memory"] == memory:
                self._known = {path: _cursor(values) for path, values in found["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._known = {}

    def of(self, path: Path) -> Cursor:
        """The cursor of ``path``; at its beginning if it was never read."""
        return self._known.get(str(path), Cursor())

    def put(self, path: Path, cursor: Cursor) -> None:
        """Remember a cursor, at the next `save`."""
        self._known[str(path)] = cursor

    def save(self) -> None:
        """Write them down; those of files that are gone are forgotten. Raises OSError."""
        self._known = {path: cursor for path, cursor in self._known.items() if Path(path).exists()}
        known = {path: asdict(cursor) for path, cursor in self._known.items()}
        state_folder(self._directory)
        noted = {"version": _VERSION, "memory": self._memory, "files": known}
        replace(str(self._path), json.dumps(noted).encode())


def _cursor(values: Mapping[str, Any]) -> Cursor:
    return Cursor(**{**values, "setting": Setting(**values["setting"])})
