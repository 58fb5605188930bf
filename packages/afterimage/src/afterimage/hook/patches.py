"""Patches in the form of `apply_patch`: found in what a tool was called with, and taken apart by their files."""

from . import files
from .payloads import SHELLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

#: The parts of a call that a patch may be in.
KEYS = ("command", "patch", "input", "cmd")
BEGIN = "*** Begin Patch"
_LAST = "\n*** End Patch"
_MOVE = "*** Move to: "
_KINDS = {"*** Add File: ": "write", "*** Update File: ": "edit", "*** Delete File: ": "delete"}
_SPACE = " \t\r\n"


class Section:
    """What a patch does to one file."""

    __slots__ = ("kind", "lines", "moved_to", "path")

    def __init__(self, path: str, kind: str, header: str) -> None:
        self.path = path
        #: write, edit or delete.
        self.kind = kind
        #: The file's new name; empty if it keeps its own.
        self.moved_to = ""
        #: Its lines, with the one that begins it.
        self.lines = [header]

    @property
    def target(self) -> str:
        """Where the file is afterwards."""
        return self.moved_to or self.path


def patch_of(tool: str, given: "Mapping[str, Any]") -> str:
    """The patch that a call applies, without the lines around it; empty if it applies none."""
    for text in _texts(given):
        before, found, rest = text.partition(BEGIN)
        # A shell may as well write a patch into a file.
        if found and (tool not in SHELLS or "apply_patch" in before or "applypatch" in before):
            return rest.partition(_LAST)[0]
    return ""


def sections(patch: str) -> "list[Section]":
    """The files of a patch, in their order."""
    found: list[Section] = []
    for line in patch.split("\n"):
        if opening := next((opening for opening in _KINDS if line.startswith(opening)), ""):
            found.append(Section(line.removeprefix(opening).strip(), _KINDS[opening], line))
        elif found:
            found[-1].lines.append(line)
            if line.startswith(_MOVE):
                found[-1].moved_to = line.removeprefix(_MOVE).strip()
    return found


def rewritten(given: "Mapping[str, Any]", lines_of: "Callable[[Section], list[str]]") -> "dict[str, Any]":
    """What a call was given, with those lines for each file of its patch that ``lines_of`` gives."""

    def write(text: "Any") -> "Any":
        if not isinstance(text, str) or BEGIN not in text:
            return text
        before, _, rest = text.partition(BEGIN)
        patch, end, after = rest.partition(_LAST)
        kept = [line for section in sections(patch) for line in lines_of(section)]
        return "\n".join([before + BEGIN, *kept]) + end + after.partition(BEGIN)[0]

    return {
        key: [write(part) for part in value] if isinstance(value, list) else write(value)
        for key, value in given.items()
    }


def folder_of(given: "Mapping[str, Any]", cwd: str) -> str:
    """What the paths of a call are relative to: where the agent works, unless the call goes elsewhere first."""
    workdir = given.get("workdir")
    folder = files.absolute(workdir if isinstance(workdir, str) else ".", cwd)
    for text in _texts(given):
        if goes_to := _goes_to(text.partition(BEGIN)[0]):
            return files.absolute(goes_to, folder)
    return folder


def _texts(given: "Mapping[str, Any]") -> "Iterator[str]":
    for key in KEYS:
        value = given.get(key)
        if isinstance(value, list):
            yield "\n".join(part for part in value if isinstance(part, str))
        elif isinstance(value, str):
            yield value


def _goes_to(command: str) -> str:
    """The folder in ``cd FOLDER && apply_patch``; empty if that is not what ``command`` says."""
    before, found, _ = command.replace("applypatch", "apply_patch").partition("apply_patch")
    before = before.rstrip(_SPACE)
    if not found or not before.endswith("&&"):
        return ""
    before = before[:-2].rstrip(_SPACE)
    quote = before[-1:]
    if quote and quote in "\"'":
        before, _, folder = before[:-1].rpartition(quote)
    else:
        folder = before.replace("\t", " ").replace("\n", " ").rpartition(" ")[2]
        before = before[: len(before) - len(folder)]
    words = before.split()
    named = bool(words) and words[-1].lstrip(";&|(\"'") == "cd" and before[-1:] in _SPACE
    return folder if named and not any(sign in folder for sign in ";&|\n") else ""
