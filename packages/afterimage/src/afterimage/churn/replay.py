"""Which functions each change of a file changed: its changes played again, as far as the memory has them.

Where what was replaced is found in what the file held, the functions of before and after are compared. Where it is
not, because somebody else wrote in between or the memory does not go back that far, what the change itself shows
has to do; a change that shows no beginning of a function then counts for none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from afterimage.churn.functions import functions_in
from afterimage.entries import StorageEntry, read_time

ADDED, MODIFIED, DELETED = "added", "modified", "deleted"
#: Characters that are played at most: beyond them, nobody wrote the file by hand.
_MOST = 2_000_000


def replay(path: str, entries: Iterable[StorageEntry], since: dt.datetime | None = None) -> dict[str, dict[str, str]]:
    """Id of an entry -> function -> "added", "modified" or "deleted".

    Args:
        entries: of the file at ``path``, in the order of their time.
        since: of entries before this nothing is told, which is much quicker.
    """
    file = _File(path)
    found = {}
    for entry in entries:
        told = since is None or read_time(entry.timestamp or None)[0] >= since
        found[entry.id] = file.take(entry, told=told)
    return found


class _File:
    """What a file holds, as far as that is known."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._text: str | None = None
        #: Its functions as they were seen last; None if they are to be looked for in the text.
        self._known: dict[str, str] | None = {}

    def take(self, entry: StorageEntry, *, told: bool) -> dict[str, str]:
        kind = entry.metadata.get("change") or ("write" if entry.old_code is None else "edit")
        if kind == "delete":
            return self._become("", told=told)
        if kind == "write" and entry.old_code is None:
            return self._become(entry.new_code, told=told)
        if kind not in {"write", "edit"}:
            return {}
        old = entry.old_code or ""
        if self._text is not None and old and old in self._text:
            # Tools replace what stands there once, or else all of it.
            return self._become(self._text.replace(old, entry.new_code), told=told)
        self._text, known = None, self._functions()
        return self._in_part(functions_in(self._path, old), functions_in(self._path, entry.new_code), known)

    def _functions(self) -> dict[str, str]:
        if self._known is None:
            self._known = functions_in(self._path, self._text or "")
        return self._known

    def _become(self, text: str, *, told: bool) -> dict[str, str]:
        """The file holds ``text`` now."""
        before = self._functions() if told else {}
        self._text, self._known = (text if len(text) <= _MOST else None), None
        if not told:
            return {}
        after = self._functions()
        found = dict.fromkeys(after.keys() - before.keys(), ADDED)
        found |= dict.fromkeys(before.keys() - after.keys(), DELETED)
        return found | {name: MODIFIED for name in after.keys() & before.keys() if after[name] != before[name]}

    def _in_part(self, old: dict[str, str], new: dict[str, str], known: dict[str, str]) -> dict[str, str]:
        """Some of the file changed from ``old`` to ``new``, and nobody knows what the rest is."""
        old, new = ({self._full(name): text for name, text in part.items()} for part in (old, new))
        found = dict.fromkeys(old.keys() - new.keys(), DELETED)
        for name, text in new.items():
            before = old.get(name, known.get(name))
            if before is None:
                found[name] = ADDED
            elif before != text:
                found[name] = MODIFIED
        self._known = {name: text for name, text in known.items() if name not in old} | new
        return found

    def _full(self, name: str) -> str:
        """A name that stands without its class, with the only class that is known to have it."""
        having = [known for known in self._known or () if known.endswith(f".{name}")]
        return having[0] if len(having) == 1 and "." not in name else name
