"""What the hook noted of a tool call, as entries of the memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from afterimage.entries import StorageEntry
from afterimage.errors import InvalidEntry
from afterimage.hook import spool
from afterimage.hook.files import absolute
from afterimage.identity import call_without_id, content_hash, entry_id

_FACTS = ("client", "tool", "tool_use_id", "project", "project_name", "scope", "branch", "commit", "agent")


class NewerSpool(Exception):
    """An event that a newer version of the hook noted: it is left for a newer version to take in."""


@dataclass(frozen=True, slots=True)
class _Change:
    path: str
    kind: str
    new: str
    old: str | None = None
    moved_from: str | None = None


def entries_of(event: Mapping[str, Any]) -> list[StorageEntry]:
    """The entries that an event of the spool makes, in the order of its changes.

    Raises:
        InvalidEntry: this is no event.
        NewerSpool: of a version that is not known here.
    """
    if not isinstance(event.get("input"), Mapping):
        raise InvalidEntry("this is no event of the hook")
    if not isinstance(event.get("version"), int) or event["version"] > spool.VERSION:
        raise NewerSpool
    moment = dt.datetime.fromtimestamp(int(event["at"]) / 1_000_000, dt.UTC)
    facts = {key: event[key] for key in _FACTS if event.get(key)}
    found = []
    seen: dict[str, int] = {}
    for change in _changes(str(event.get("tool", "")), event["input"]):
        path = absolute(change.path, str(event.get("cwd", "")))
        index = seen[path] = seen.get(path, -1) + 1
        call = event.get("tool_use_id") or call_without_id(str(event.get("tool")), change.new, moment)
        session = str(event.get("session") or "")
        metadata = {**facts, "change": change.kind, "outcome": "ok"}
        if change.moved_from:
            metadata["moved_from"] = absolute(change.moved_from, str(event.get("cwd", "")))
        found.append(
            StorageEntry(
                entry_id(client=str(event.get("client")), session=session, call=call, path=path, index=index),
                path,
                change.new,
                change.old,
                timestamp=moment.isoformat(),
                session_id=session or None,
                content_hash=content_hash(change.new),
                metadata=metadata,
            )
        )
    return found


def _changes(tool: str, given: Mapping[str, Any]) -> Iterator[_Change]:
    path = _first(given, "file_path", "path", "notebook_path", "target_file", "absolute_path")
    edits = given.get("edits")
    patch = next((value for value in map(_joined, given.values()) if "*** Begin Patch" in value), "")
    if patch:
        yield from _of_patch(patch)
    elif not path:
        return
    elif isinstance(edits, list):
        for edit in edits:
            if isinstance(edit, Mapping):
                yield _edit(path, edit)
    elif (content := _either(given, "content", "contents")) is not None:
        yield _Change(path, "write", content)
    elif tool == "Delete" or given.get("edit_mode") == "delete":
        yield _Change(path, "delete", "")
    elif (source := _either(given, "new_source")) is not None:
        yield _Change(path, "edit", source)
    elif _either(given, "new_string", "new_str") is not None:
        yield _edit(path, given)


def _edit(path: str, edit: Mapping[str, Any]) -> _Change:
    old = _either(edit, "old_string", "old_str")
    return _Change(path, "edit" if old else "write", _first(edit, "new_string", "new_str"), old or None)


def _of_patch(patch: str) -> Iterator[_Change]:  # noqa: C901  # one branch for each kind of line
    """The changes of a patch in the form of `apply_patch`: one a hunk, one for a file that moves or goes."""
    path, kind, target = "", "", ""
    old: list[str] = []
    new: list[str] = []

    def hunk() -> Iterator[_Change]:
        if path and (old or new):
            before = "\n".join(old) if kind == "edit" else None
            yield _Change(target or path, kind, "\n".join(new), before, path if target else None)
        old.clear()
        new.clear()

    for line in patch[patch.index("*** Begin Patch") :].split("\n")[1:]:
        if line.startswith("*** Move to: "):
            target = line.removeprefix("*** Move to: ").strip()
            yield _Change(target, "move", "", None, path)
        elif line.startswith("***"):
            yield from hunk()
            if line.startswith("*** End Patch"):
                return
            action, _, name = line.removeprefix("*** ").partition(" File: ")
            if action in {"Add", "Update", "Delete"}:
                path, target = name.strip(), ""
                kind = {"Add": "write", "Update": "edit", "Delete": "delete"}[action]
            if action == "Delete":
                yield _Change(path, kind, "")
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


def _joined(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
