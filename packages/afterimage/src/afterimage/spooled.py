"""What the hook noted of a tool call, as entries of the memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from afterimage.changes import changes_of
from afterimage.entries import CHECKOUT, IN_PROJECT, StorageEntry
from afterimage.errors import InvalidEntry
from afterimage.hook import spool
from afterimage.identity import call_without_id, content_hash, entry_id

_FACTS = ("client", "tool", "tool_use_id", "project", CHECKOUT, "project_name", "scope", "branch", "commit", "agent")


class NewerSpool(Exception):
    """An event that a newer version of the hook noted: it is left for a newer version to take in."""


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
    facts = {key: text for key in _FACTS if (text := _storable(event.get(key)))}
    if facts.get(CHECKOUT) == facts.get("project"):
        facts.pop(CHECKOUT, None)
    # A hook is told of what succeeded; of a call in a transcript it may not be known.
    outcome = event.get("outcome", "ok")
    session = _storable(event.get("session"))
    root = str(event.get("root") or "").rstrip("/")
    found = []
    seen: dict[str, int] = {}
    for change in changes_of(str(event.get("tool", "")), event["input"], str(event.get("cwd", ""))):
        index = seen[change.path] = seen.get(change.path, -1) + 1
        call = facts.get("tool_use_id") or call_without_id(
            str(event.get("tool")), change.new, moment, str(event.get("turn") or "")
        )
        metadata = {**facts, "change": change.kind, **({"outcome": outcome} if outcome else {})}
        if change.moved_from:
            metadata["moved_from"] = change.moved_from
        if root and change.path.startswith(f"{root}/"):
            # On another machine the project stands elsewhere.
            metadata[IN_PROJECT] = _storable(change.path[len(root) + 1 :])
        found.append(
            StorageEntry(
                entry_id(client=str(event.get("client")), session=session, call=call, path=change.path, index=index),
                change.path,
                change.new,
                change.old,
                timestamp=moment.isoformat(),
                session_id=session or None,
                content_hash=content_hash(change.new),
                metadata=metadata,
            )
        )
    return found


def _storable(text: object) -> str:
    """``text`` with what is half a character spelled out: no database takes it, and names must stay apart."""
    return text.encode("utf-8", "backslashreplace").decode() if isinstance(text, str) else ""
