"""What the hooks are told in `hook-state/hook.json`, as they read no YAML and see no shell's variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage.hook import files
from afterimage.hook.settings import NAME

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig


def state_folder(directory: Path) -> Path:
    """What the hooks share with the rest, in AfterImage's folder; both are made for nobody else to read.

    Raises:
        OSError: they cannot be made.
    """
    state = directory / "hook-state"
    # One by one, as parents that come along do not get the mode.
    for folder in (directory, state):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return state


def told(directory: Path) -> dict[str, Any]:
    """What the hooks of AfterImage's folder were told; nothing, if nobody told them or it cannot be read."""
    try:
        found = json.loads((directory / "hook-state" / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def tell(directory: Path, values: Mapping[str, Any]) -> None:
    """Tell the hooks ``values``, beside what they were told before. Writes only what is new.

    Raises:
        OSError: the folder cannot be written.
    """
    before = told(directory)
    now = {**before, **values}
    if now == before:
        return
    files.replace(str(state_folder(directory) / NAME), json.dumps(now, indent=1).encode())


def tell_filter(config: AfterImageConfig) -> None:
    """Tell the hooks what the configuration leaves out, which may have changed since setup.

    Raises:
        OSError: the folder cannot be written.
    """
    given = config.filter
    tell(
        config.directory,
        {
            "skip_paths": list(given.skip_paths),
            "skip_extensions": list(given.skip_extensions),
            "code_extensions": list(given.code_extensions),
        },
    )
