"""One transcript, from its cursor on: the calls that change files, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from afterimage.hook import jsons, payloads
from afterimage.hook.payloads import Event
from afterimage.ingest import claude, codex
from afterimage.ingest.cursors import Cursor
from afterimage.ingest.lines import Call, Item, Reader, Setting

#: Seconds after which nobody writes to a transcript any more, and a call without an answer gets none.
_IDLE = 900
#: Lines of which one must say whose transcript this is.
_HEAD_LINES = 50
_READERS: Mapping[str, Reader] = {claude.CLIENT: claude.read, codex.CLIENT: codex.read}


@dataclass(frozen=True, slots=True)
class Noted:
    """A call that changes files, as the hook would be told of it, and the session's setting then."""

    event: Event
    setting: Setting
    #: Whether it succeeded; None if the transcript does not say.
    succeeded: bool | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a transcript had to say."""

    calls: tuple[Noted, ...]
    #: Where the next reading begins.
    cursor: Cursor
    #: Lines that are no JSON object, and calls whose answer is awaited.
    unreadable: int
    waiting: int
    #: Whether this is no transcript of a client that is known here.
    foreign: bool = False


def read_transcript(path: Path, cursor: Cursor, *, live: bool) -> Reading | None:
    """Read ``path`` from ``cursor`` on, or all of it if it is another file now; None if nothing came since.

    Args:
        live: whether a client may be writing to it.

    Raises:
        OSError: it cannot be read.
    """
    found = path.stat()
    if (found.st_size, found.st_mtime_ns) == (cursor.size, cursor.modified):
        return None
    with path.open("rb") as file:
        start = cursor if cursor.is_of(file) else Cursor()
        client = _client_of(file)
        if client is None:
            return Reading((), Cursor.at(file, 0, Setting(), waiting=False), 0, 0, foreign=True)
        lines = _Lines(file, start)
        taken = _Calls(client, path, live=live and time.time() - found.st_mtime < _IDLE)
        for at, before, line in lines:
            lines.setting, items = _READERS[client](line, before)
            taken.add(at, before, items)
        calls, waiting = taken.settled()
        offset, setting = taken.first_open or (lines.offset, lines.setting)
        return Reading(calls, Cursor.at(file, offset, setting, waiting=waiting > 0), lines.unreadable, waiting)


class _Lines:
    """The complete lines of a file from a cursor on, each with where it begins and the setting before it."""

    def __init__(self, file: BinaryIO, start: Cursor) -> None:
        self._file = file
        self.offset = start.offset
        self.setting = start.setting
        self.unreadable = 0

    def __iter__(self) -> Iterator[tuple[int, Setting, Mapping[str, Any]]]:
        self._file.seek(self.offset)
        for raw in self._file:
            line = jsons.loads(raw)
            if not raw.endswith(b"\n") and not isinstance(line, dict):
                return  # still being written
            at, self.offset = self.offset, self.offset + len(raw)
            if isinstance(line, dict):
                yield at, self.setting, line
            elif raw.strip():
                self.unreadable += 1


class _Calls:
    """The calls of one reading, until their answers are known: those may come in any order."""

    def __init__(self, client: str, path: Path, *, live: bool) -> None:
        self._client = client
        self._path = path
        self._live = live
        self._calls: list[tuple[int, Setting, Call, Event]] = []
        self._succeeded: dict[str, bool] = {}
        #: Where the first call without an answer stands, and the setting before that line.
        self.first_open: tuple[int, Setting] | None = None

    def add(self, at: int, before: Setting, items: list[Item]) -> None:
        for item in items:
            if not isinstance(item, Call):
                event = Event(self._client, {"tool_response": item.response})
                self._succeeded[item.call] = event.succeeded() and self._succeeded.get(item.call, True)
            elif not item.setting.sidechain and (event_ := self._event(item)):
                self._calls.append((at, before, item, event_))

    def _event(self, call: Call) -> Event | None:
        # A transcript without a head is named by its session all the same.
        session = call.setting.session or self._path.stem.removeprefix("rollout-")[-36:]
        return payloads.read(
            self._client,
            {
                "hook_event_name": "PostToolUse",
                "session_id": session,
                "cwd": call.setting.cwd,
                "tool_name": call.tool,
                "tool_input": dict(call.given),
                "tool_use_id": call.id,
            },
        )

    def settled(self) -> tuple[tuple[Noted, ...], int]:
        """The calls that are over, and how many are not."""
        noted: list[Noted] = []
        waiting = 0
        for at, before, call, event in self._calls:
            succeeded = self._succeeded.get(call.id) if call.id else None
            if succeeded is None and call.id:
                self.first_open = self.first_open or (at, before)
                if self._live:
                    waiting += 1
                    continue
            noted.append(Noted(event, replace(call.setting, session=event.session), succeeded))
        return tuple(noted), waiting


def _client_of(file: BinaryIO) -> str | None:
    file.seek(0)
    for _, raw in zip(range(_HEAD_LINES), file, strict=False):
        line = jsons.loads(raw)
        if isinstance(line, dict) and isinstance(line.get("type"), str):
            if isinstance(line.get("payload"), dict):
                return codex.CLIENT
            if line.keys() & {"sessionId", "message", "uuid", "leafUuid"}:
                return claude.CLIENT
    return None
