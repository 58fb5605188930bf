"""What is private by where it stands: of an edit inside a block, the tags are in its file and not in the call.

A hook is told of a call that is done. So an edit is looked for by what it wrote, in the file as it is now; and first
by what it replaced, in the file as it was, where the client tells that. An edit inside a block goes as a whole, and
so does one that cannot be found in a file that has such blocks.
"""

from . import files, marker
from .payloads import PATHS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .patches import Section
    from .payloads import Event

    #: What is in a file, and before it, if that is known, what was: each with where an edit has its text of then.
    States = tuple[tuple[tuple[str, ...], "_State"], ...]

_OLD = ("old_string", "old_str")
_NEW = ("new_string", "new_str")
#: How much of a file is looked at, and in how many places of it for one text.
_MOST_FILE = 1 << 22
_MOST_PLACES = 64


def outside(event: "Event", given: "dict[str, Any]") -> "dict[str, Any]":
    """What a call was given, without the edits that stand inside of private blocks of their files.

    A file or a cell that is written as a whole has its tags itself.

    Args:
        given: the part of the call that is remembered (`Keeping.parts`).
    """
    edits = given.get("edits")
    if isinstance(edits, list):
        states = _states(event)
        return {**given, "edits": [_edit(one, states) if isinstance(one, dict) else one for one in edits]}
    if any(key in given for key in _NEW):
        return _edit(given, _states(event))
    if any(key in given for key in PATHS):
        return given
    from . import patches

    folder = patches.folder_of(given, event.cwd)
    return patches.rewritten(given, lambda section: _section(section, folder))


class _State:
    """What is, or was, in a file."""

    __slots__ = ("_content", "blocks")

    def __init__(self, content: str) -> None:
        self._content = content.replace("\r\n", "\n")
        self.blocks = marker.private_blocks(self._content)

    def has_inside(self, text: str) -> "bool | None":
        """Whether ``text`` stands in a block, wherever else it stands; None if it stands nowhere."""
        text = text.replace("\r\n", "\n")
        at = self._content.find(text) if text else -1
        if at < 0:
            return None
        for _ in range(_MOST_PLACES):
            if any(begin < at < end for begin, end in self.blocks):
                return True
            at = self._content.find(text, at + 1)
            if at < 0:
                return False
        return True


def _states(event: "Event") -> "States":
    now = _NEW, _State(files.read_text(event.path, _MOST_FILE))
    response = event.given.get("tool_response")
    original = response.get("originalFile") if isinstance(response, dict) else None
    return ((_OLD, _State(original)), now) if isinstance(original, str) else (now,)


def _edit(edit: "dict[str, Any]", states: "States") -> "dict[str, Any]":
    inside = any(state.blocks for _, state in states)
    for keys, state in states:
        text = next((found for key in keys if isinstance(found := edit.get(key), str)), "")
        if state.blocks and (found_inside := state.has_inside(text)) is not None:
            inside = found_inside
            break
    if not inside:
        return edit
    return {key: marker.INSTEAD if value and key in (*_OLD, *_NEW) else value for key, value in edit.items()}


def _section(section: "Section", folder: str) -> list[str]:
    """The lines of a patch for one file."""
    if section.kind != "edit":
        return section.lines
    state = _State(files.read_text(files.absolute(section.target, folder), _MOST_FILE))
    if not state.blocks:
        return section.lines
    hunks: list[list[str]] = []
    for line in section.lines:
        if line.startswith(("@@", "***")):
            hunks.append([])
        hunks[-1].append(line)
    return [line for first, *rest in hunks for line in _hunk(first, rest, state)]


def _hunk(first: str, rest: "Sequence[str]", state: _State) -> list[str]:
    now = "\n".join([line[1:] for line in rest if not line.startswith("-")]).strip("\n")
    if not rest or state.has_inside(now) is False:
        return [first, *rest]
    # What stands behind the signs is a line of the file, too.
    return ["@@" if first.startswith("@@") else first, f"+{marker.INSTEAD}"]
