"""Reads a client's settings, which may be anything: a file of somebody else's, or none."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from afterimage.agents import jsonc
from afterimage.errors import SettingsUnreadable


def read_settings(path: Path) -> bytes | None:
    """What stands in a settings file; None if there is none.

    Raises:
        SettingsUnreadable: it is no file, e.g. a pipe that would be waited for.
        OSError: it may not be read.
    """
    if not path.is_file():
        if path.exists():
            raise SettingsUnreadable(f"{path} is no file: put one there, or take it away")
        return None
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def setting_at(path: Path, *keys: str) -> Any:
    """What stands at ``keys`` in a settings file; None if nothing does, or it cannot be read."""
    try:
        text = (read_settings(path) or b"").decode("utf-8")
        if path.suffix != ".toml":
            return jsonc.get(text, keys)
        found: Any = tomllib.loads(text)
    except (OSError, ValueError, SettingsUnreadable):
        return None
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found
