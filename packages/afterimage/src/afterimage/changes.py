"""What one call of a tool did to files, in every form that a client's tools have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from afterimage.hook import patches
from afterimage.hook.files import absolute
from afterimage.hook.payloads import PATHS


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one part of a file."""

    #: Absolute.
    path: str
    #: write, edit, move or delete.
    kind: str
    new: str
    old: str | None = None
    moved_from: str | None = None


def changes_of(tool: str, given: Mapping[str, Any], cwd: str) -> Iterator[Change]:
    """The changes that ``tool``, called with ``given`` in the folder ``cwd``, makes if it succeeds, in their order."""
    path = _first(given, *PATHS)
    folder = cwd if path else patches.folder_of(given, cwd)
    found = _of_file(tool, given, path) if path else _of_patch(patches.patch_of(tool, given))
    for change in found:
        source = absolute(change.moved_from, folder) if change.moved_from else None
        yield replace(change, path=absolute(change.path, folder), moved_from=source)


def _of_file(tool: str, given: Mapping[str, Any], path: str) -> Iterator[Change]:
    edits = given.get("edits")
    if isinstance(edits, list):
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


def _edit(path: str, edit: Mapping[str, Any]) -> Change:
    old = _either(edit, "old_string", "old_str")
    return Change(path, "edit" if old else "write", _first(edit, "new_string", "new_str"), old or None)


def _of_patch(patch: str) -> Iterator[Change]:
    """The changes of a patch in the form of `apply_patch`: one a hunk, one for a file that moves or goes."""
    for section in patches.sections(patch):
        source = section.path if section.moved_to else None
        if source:
            yield Change(section.target, "move", "", None, source)
        if section.kind == "delete":
            yield Change(section.path, "delete", "")
        for old, new in _hunks(section.lines[1:]):
            yield Change(section.target, section.kind, new, old if section.kind == "edit" else None, source)


def _hunks(lines: list[str]) -> Iterator[tuple[str, str]]:
    """What each hunk takes away and what it puts there."""
    old: list[str] = []
    new: list[str] = []
    for line in [*lines, "@@"]:
        if line.startswith("+"):
            new.append(line[1:])
        elif line.startswith("-"):
            old.append(line[1:])
        elif line.startswith(("@@", "***")) and (old or new):
            yield "\n".join(old), "\n".join(new)
            old, new = [], []


def _first(given: Mapping[str, Any], *keys: str) -> str:
    return _either(given, *keys) or ""


def _either(given: Mapping[str, Any], *keys: str) -> str | None:
    return next((given[key] for key in keys if isinstance(given.get(key), str)), None)
