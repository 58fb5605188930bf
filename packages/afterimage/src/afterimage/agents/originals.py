"""Writing settings of others, and what they were before, so that uninstall brings back every byte."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from afterimage.hook.files import replace
from afterimage.telling import state_folder


class Originals:
    """What files were before setup changed them, in AfterImage's folder."""

    def __init__(self, directory: Path) -> None:
        """Read what is known; nothing, if that cannot be read."""
        self._directory = directory
        try:
            known = json.loads((directory / "hook-state" / "before-setup.json").read_text("utf-8"))
        except (OSError, ValueError):
            known = {}
        self._known: dict[str, dict[str, Any]] = known if isinstance(known, dict) else {}
        self._kept = dict(self._known)

    def unchanged_since(self, path: Path, now: bytes) -> bool:
        """Whether the file is as setup left it."""
        known = self._known.get(str(path))
        return known is not None and bool(known["after"] == _hash(now))

    def before(self, path: Path) -> bytes | None:
        """What it was; None if there was no file."""
        before = self._known[str(path)]["before"]
        return None if before is None else base64.b64decode(before)

    def remember(
        self, path: Path, before: bytes | None, after: bytes, without_us: Callable[[Path, bytes], bytes]
    ) -> None:
        """Setup makes ``after`` of ``before``, which may have something of an earlier setup in it."""
        known = self._known.get(str(path))
        if known and before is not None and known["after"] == _hash(before):
            kept = known["before"]
        else:
            kept = None if before is None else base64.b64encode(without_us(path, before)).decode()
        self._known[str(path)] = {"before": kept, "after": _hash(after)}

    def forget(self, path: Path) -> None:
        """The file is not ours to bring back any more."""
        self._known.pop(str(path), None)

    def save(self) -> None:
        """Keep what is known.

        Raises:
            OSError: it cannot be written.
        """
        if self._known != self._kept:
            write(state_folder(self._directory) / "before-setup.json", json.dumps(self._known, indent=1).encode())
            self._kept = dict(self._known)


def write(path: Path, content: bytes | None) -> None:
    """In place of what is there, all or nothing, with its mode; a new one is for this user only. None: no file.

    Raises:
        OSError: it cannot be written; then it is as it was.
    """
    if content is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(str(path), content, path.stat().st_mode & 0o7777 if path.exists() else 0o600)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
