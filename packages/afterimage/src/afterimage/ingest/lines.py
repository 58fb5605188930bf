"""The values that the lines of a transcript are read into, whichever client wrote it.

No client promises anything about these files, so whatever is not understood is passed by.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when a session is at a line of its transcript."""

    session: str = ""
    cwd: str = ""
    branch: str = ""
    commit: str = ""
    #: The URL of the project's remote, where the transcript tells it.
    remote: str = ""
    #: The session that this one is a copy of up to some line.
    forked_from: str = ""
    #: Whether it is the work of a subagent, which is left out.
    sidechain: bool = False
    #: Microseconds since 1970-01-01 UTC.
    at: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    #: The client's id; empty if it has none.
    id: str
    tool: str
    given: Mapping[str, Any]
    setting: Setting


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to, in a form of which the hook can tell whether it failed."""

    call: str
    response: object


Item = Call | Answer
#: Reads one line: the setting from it on, and what stands in it.
Reader = Callable[[Mapping[str, Any], Setting], tuple[Setting, list[Item]]]


def text(values: object, key: str) -> str:
    """The text at ``key``; empty if there is none."""
    found = values.get(key) if isinstance(values, Mapping) else None
    return found if isinstance(found, str) else ""


def moment(line: Mapping[str, Any], before: int) -> int:
    """When ``line`` was written, in microseconds; ``before`` if it does not say."""
    try:
        found = dt.datetime.fromisoformat(text(line, "timestamp"))
    except ValueError:
        return before
    if found.tzinfo is None:
        found = found.replace(tzinfo=dt.UTC)
    return (found - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
