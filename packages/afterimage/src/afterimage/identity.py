"""Which entry a change is: the same change by hook, by replay or from a transcript has the same id."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid

#: Of all ids made here. Never to be changed: every entry would be stored again.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:afterimage:change")
_BUCKET = 60


def entry_id(*, client: str, session: str, call: str, path: str, index: int) -> str:
    """The id of the ``index``-th change that one tool call made to ``path``.

    Args:
        call: the client's id of the call (``tool_use_id``), or where it gives none, `call_without_id`.
        path: absolute.
    """
    name = "\0".join((client, session, call, path, str(index)))
    return str(uuid.uuid5(_NAMESPACE, name.encode("utf-8", "backslashreplace").decode()))


def call_without_id(tool: str, text: str, moment: dt.datetime, turn: str = "") -> str:
    """What stands for the id of a call of a client that gives none: tool, content and ``turn``, or else the minute.

    Args:
        turn: what the client says of when it was: the call's own time, or the turn that it belongs to.
    """
    return f"{tool}:{content_hash(text)}:{turn or int(moment.timestamp()) // _BUCKET}"


def content_hash(text: str) -> str:
    """SHA-256 of ``text``, spaces at the ends of its lines left out."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()
