"""What AfterImage notes for itself beside its configuration: ``state.json``, for the owner's eyes only.

It holds no secret and nothing that cannot be lost: without it a rollback is just not announced.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.hook import files

if TYPE_CHECKING:
    from capsa import DatabaseUrl

_NAME = "state.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What was noted."""

    #: The PostgreSQL database last used or migrated to, without its password.
    postgresql: str | None = None
    #: Whether the user of SQLite was told what only that database has.
    rollback_told: bool = False
    #: The day on which that database could not be read, so that it is tried again on another.
    rollback_tried: str = ""


def read_state(directory: Path) -> State:
    """What was noted in ``directory``; nothing, if there is no note or it cannot be understood."""
    try:
        noted = json.loads((directory / _NAME).read_text("utf-8"))
        url, told, tried = (noted.get(key) for key in ("postgresql", "rollback_told", "rollback_tried"))
    except (OSError, ValueError, AttributeError):
        return State()
    return State(
        postgresql=url if isinstance(url, str) else None,
        rollback_told=told is True,
        rollback_tried=tried if isinstance(tried, str) else "",
    )


def write_state(directory: Path, state: State) -> None:
    """Note ``state``: mode 0600, replaced in one step.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.replace(str(directory / _NAME), f"{json.dumps(asdict(state), indent=2)}\n".encode())


def remember_postgresql(directory: Path, url: DatabaseUrl) -> None:
    """Note that entries were put into ``url``, so that going back to SQLite can tell what stays there.

    Called by the migration and whenever the PostgreSQL backend is opened. Writes only what is new.
    A folder that cannot be written costs the note, never the work.
    """
    state = State(postgresql=str(url))
    if read_state(directory) != state:
        _try_to_write(directory, state)


def rollback_was_told(directory: Path) -> None:
    """Note that the user knows what only PostgreSQL has."""
    _try_to_write(directory, replace(read_state(directory), rollback_told=True))


def rollback_was_tried(directory: Path, day: str) -> None:
    """Note that on this day PostgreSQL could not be read."""
    _try_to_write(directory, replace(read_state(directory), rollback_tried=day))


def _try_to_write(directory: Path, state: State) -> None:
    try:
        write_state(directory, state)
    except OSError:
        return
