"""What one call of a tool did to files, in every form that a client's tools have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from afterimage.hook.files import absolute
from afterimage.hook.payloads import SHELLS

_PATHS = ("file_path", "path", "notebook_path", "target_file", "absolute_path")
_PATCHES = ("command", "patch", "input", "cmd")
_BEGIN = "*** Begin Patch"
#: A folder that a shell goes to before it patches there.
_GOES_TO = re.compile(r"""\bcd\s+(?:"([^"\n]+)"|'([^'\n]+)'|([^\s;&|'"]+))\s*&&\s*apply_?patch\b""")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one part of a file."""

    #: As the tool was told; see `folder_of` for what it is relative to.
    path: str
    #: write, edit, move or delete.
    kind: str
    new: str
    old: str | None = None
    moved_from: str | None = None


def changes_of(tool: str, given: Mapping[str, Any]) -> Iterator[Change]:
    """The changes that ``tool``, called with ``given``, makes if it succeeds, in their order."""
    path = _first(given, *_PATHS)
    edits = given.get("edits")
    if not path:
        if patch := _patch(tool, given):
            yield from _of_patch(patch)
    elif isinstance(edits, list):
        for edit in edits:
            if isinstance(edit, Mapping):
                yield _edit(path, edit)
    elif (content := _either(given, "content", "contents")) is not None:
        yield Change(path, "write", content)
    elif tool == "Delete" or given.get("edit_mode") == "delete":
        yield Change(path, "delete", "")
    elif (source := _either(given, "new_source")) is not None:
        yield Change(path, "edit", source)
    elif _either(given, "new_string", "new_str") is not None:
        yield _edit(path, given)


def folder_of(given: Mapping[str, Any], cwd: str) -> str:
    """What the paths of a call are relative to: where the agent works, unless the call goes elsewhere first."""
    folder = absolute(_first(given, "workdir") or ".", cwd)
    for value in _texts(given):
        if found := _GOES_TO.search(value.partition(_BEGIN)[0]):
            return absolute(found[1] or found[2] or found[3], folder)
    return folder


def _edit(path: str, edit: Mapping[str, Any]) -> Change:
    old = _either(edit, "old_string", "old_str")
    return Change(path, "edit" if old else "write", _first(edit, "new_string", "new_str"), old or None)


def _patch(tool: str, given: Mapping[str, Any]) -> str:
    for text in _texts(given):
        before, found, rest = text.partition(_BEGIN)
        # A shell may as well write a patch into a file.
        if found and (tool not in SHELLS or re.search(r"apply_?patch", before)):
            return rest
    return ""


def _texts(given: Mapping[str, Any]) -> Iterator[str]:
    for key in _PATCHES:
        value = given.get(key)
        if isinstance(value, Sequence) and not isinstance(value, str):
            yield "\n".join(part for part in value if isinstance(part, str))
        elif isinstance(value, str):
            yield value


def _of_patch(patch: str) -> Iterator[Change]:  # noqa: C901  # one branch for each kind of line
    """The changes of a patch in the form of `apply_patch`: one a hunk, one for a file that moves or goes."""
    path, kind, target = "", "", ""
    old: list[str] = []
    new: list[str] = []

    def hunk() -> Iterator[Change]:
        if path and (old or new):
            before = "\n".join(old) if kind == "edit" else None
            yield Change(target or path, kind, "\n".join(new), before, path if target else None)
        old.clear()
        new.clear()

    for line in patch.split("\n")[1:]:
        if line.startswith("*** Move to: "):
            target = line.removeprefix("*** Move to: ").strip()
            yield Change(target, "move", "", None, path)
        elif line.startswith("***"):
            yield from hunk()
            if line.startswith("*** End Patch"):
                return
            action, _, name = line.removeprefix("*** ").partition(" File: ")
            if action in {"Add", "Update", "Delete"}:
                path, target = name.strip(), ""
                kind = {"Add": "write", "Update": "edit", "Delete": "delete"}[action]
            if action == "Delete":
                yield Change(path, kind, "")
        elif line.startswith("@@"):
            yield from hunk()
        elif line.startswith("+"):
            new.append(line[1:])
        elif line.startswith("-"):
            old.append(line[1:])
    yield from hunk()


def _first(given: Mapping[str, Any], *keys: str) -> str:
    return _either(given, *keys) or ""


def _either(given: Mapping[str, Any], *keys: str) -> str | None:
    return next((given[key] for key in keys if isinstance(given.get(key), str)), None)
