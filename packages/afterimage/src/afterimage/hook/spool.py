"""What was written, noted for those who have the time to store it.

One file an event, complete before it has its name: whoever is killed on the way leaves a nameless rest and nothing
that could be misread. Its order is its name. The same event noted twice has the same entry id in the end.
"""

from time import time_ns

from . import files, marker
from .fingerprints import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .payloads import Event
    from .project import Project

#: Of the form of the files.
VERSION = 1
ENDING = ".event"
#: The ending of an event that is not complete.
UNFINISHED = ".part"


def folders(directory: str) -> list[str]:
    """Where events may be, best first: where the first cannot be written, a write is not lost for it."""
    uid = files.posix.getuid() if hasattr(files.posix, "getuid") else 0
    name = f"afterimage-{uid}-{digest(b'spool', directory.encode('utf-8', 'surrogateescape')):012x}"
    runtime = files.variable("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
    return [f"{directory}/spool", f"{runtime}/{name}", f"/tmp/{name}"]  # noqa: S108  # made 0700, and only if ours


def noted(
    event: "Event", project: "Project", clean: "Callable[[str], str]", tool_input: "dict[str, Any]"
) -> "dict[str, Any]":
    """What is noted of ``event``: no more of the client's JSON than is needed, without secrets.

    Args:
        tool_input: the part of the call that is remembered (`Keeping.parts`).
    """
    given = event.given

    def said(key: str) -> str:
        found = given.get(key)
        return found if isinstance(found, str) else ""

    def text(value: str) -> str:
        return clean(marker.without_private(marker.without_injections(value)))

    return {
        "version": VERSION,
        "at": time_ns() // 1000,
        "client": event.client,
        "event": event.name,
        "session": event.session,
        "agent": event.agent,
        "cwd": event.cwd,
        "tool": event.tool,
        "tool_use_id": said("tool_use_id"),
        # What tells calls apart where they have no id: the client's own moment, or the turn they belong to.
        "turn": said("timestamp") or said("generation_id"),
        "input": _each_text(tool_input, text),
        "project": project.id,
        "checkout": project.checkout,
        "project_name": project.name,
        "root": project.root,
        "common": project.common,
        "scope": project.scope,
        "branch": project.branch,
        "commit": project.commit,
    }


def _each_text(value: "Any", change: "Callable[[str], str]") -> "Any":
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [_each_text(part, change) for part in value]
    return value


def note(directory: str, data: bytes) -> str:
    """Put an event into the spool; its path. Raises OSError if no place takes it."""
    name = f"{time_ns():020d}-{files.posix.getpid()}"
    failure: OSError | None = None
    for folder in folders(directory):
        try:
            return _note_in(folder, name, data)
        except OSError as error:
            failure = failure or error
    raise failure or OSError("no place for an event")


def _note_in(folder: str, name: str, data: bytes) -> str:
    files.make_folder(folder)
    if not files.is_ours(folder):
        raise PermissionError(f"{folder} belongs to somebody else")
    unfinished = f"{folder}/{name}{UNFINISHED}"
    try:
        files.create(unfinished, data)
        files.posix.rename(unfinished, f"{folder}/{name}{ENDING}")
    except OSError:
        files.remove(unfinished)
        raise
    return f"{folder}/{name}{ENDING}"


def waiting(directory: str) -> list[str]:
    """The events that nobody has taken in, oldest first."""
    found = []
    for folder in folders(directory):
        try:
            if files.is_ours(folder):
                found += [(name, f"{folder}/{name}") for name in files.posix.listdir(folder) if name.endswith(ENDING)]
        except OSError:
            continue
    return [path for _, path in sorted(found)]
