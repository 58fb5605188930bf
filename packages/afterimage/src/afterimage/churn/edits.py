"""Which edits a file had: one a call of a tool, however many places that changed and however often it was told.

An entry of the memory is one place; the hook, a transcript and the earlier program may each have told of the same
change. The earlier program's own history has a row a function, all of one edit with one time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: The same code in the same file within this is the same change, unless two calls are known by their ids.
_REPEATED = dt.timedelta(minutes=10)
#: How far the earlier program's two notes of one edit are apart: it stored the code first, or a transcript told it.
_BEFORE, _AFTER = dt.timedelta(seconds=60), dt.timedelta(seconds=5)


class Change(NamedTuple):
    """One entry, or one row of the earlier program's history, as far as counting goes.

    A tuple, as there may be a hundred thousand of them.
    """

    id: str
    path: str
    at: dt.datetime
    session: str
    #: The client's id of the call; empty where none is known.
    call: str = ""
    #: Equal for equal code; empty for a row of the history.
    content: str = ""
    project: str = ""
    #: Of a row of the history: the function, and "added", "modified" or "deleted".
    function: tuple[str, str] | None = None
    #: Whether this is a row of the history.
    earlier: bool = False


@dataclass(slots=True)
class Edit:
    """One edit of one file."""

    at: dt.datetime
    session: str
    project: str
    #: The entries it made; none if only the earlier program's history knows of it.
    ids: list[str]
    #: Function -> what became of it, as far as that history tells.
    functions: dict[str, str]


def edits_by_file(changes: Iterable[Change]) -> dict[str, list[Edit]]:
    """The edits of each file, oldest first.

    Args:
        changes: in any order.
    """
    files: dict[str, tuple[list[Change], list[Change]]] = {}
    for change in changes:
        files.setdefault(change.path, ([], []))[change.earlier].append(change)
    return {path: edits_of(told, earlier) for path, (told, earlier) in files.items()}


def edits_of(entries: Sequence[Change], earlier: Sequence[Change] = ()) -> list[Edit]:
    """The edits of one file, oldest first: those of its entries, and those that only the earlier history has."""
    found = _of_entries(entries)
    if earlier:
        found += _only_there(_of_rows(earlier), found)
        found.sort(key=lambda edit: edit.at)
    return found


def _of_entries(changes: Sequence[Change]) -> list[Edit]:
    found: list[Edit] = []
    calls: dict[tuple[str, object], Edit] = {}
    written: dict[str, tuple[dt.datetime, str]] = {}
    # In one order, whatever order they came in.
    for change in sorted(changes, key=lambda change: (change.at, change.call, change.content)):
        key = (change.session, change.call or change.at)
        if (edit := calls.get(key)) is not None:
            edit.ids.append(change.id)
        elif _is_repeated(change, written.get(change.content)):
            continue
        else:
            calls[key] = edit = Edit(change.at, change.session, change.project, [change.id], {})
            found.append(edit)
        written[change.content] = change.at, change.call
    return found


def _is_repeated(change: Change, before: tuple[dt.datetime, str] | None) -> bool:
    if before is None:
        return False
    at, call = before
    return change.at - at <= _REPEATED and not (change.call and call)


def _of_rows(rows: Sequence[Change]) -> list[Edit]:
    found: dict[tuple[dt.datetime, str], Edit] = {}
    for row in sorted(rows, key=lambda row: row.at):
        edit = found.setdefault((row.at, row.session), Edit(row.at, row.session, row.project, [], {}))
        if row.function is not None:
            name, what = row.function
            edit.functions[name] = what
    return list(found.values())


def _only_there(rows: Sequence[Edit], entries: Sequence[Edit]) -> list[Edit]:
    """The edits of the history that no entry tells of; each entry stands for one at most."""
    only = []
    first = 0
    for edit in rows:
        while first < len(entries) and entries[first].at < edit.at - _BEFORE:
            first += 1
        if first < len(entries) and entries[first].at <= edit.at + _AFTER:
            first += 1
        else:
            only.append(edit)
    return only
