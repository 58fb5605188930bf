"""Takes in what the hooks noted, gives it vectors, and keeps the recall index in step: one run at a time, bounded.

The command, the MCP server and the background run that a hook starts all do it here, one at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage.churn.notes import keep_noted
from afterimage.errors import InvalidEntry
from afterimage.forgotten import were_forgotten
from afterimage.hook import files, seen, spool
from afterimage.hook.redaction import compile_rules
from afterimage.placing import Placing
from afterimage.recalling import RecallIndex
from afterimage.spooled import NewerSpool, entries_of
from afterimage.telling import state_folder, told

if TYPE_CHECKING:
    from afterimage.entries import StorageEntry
    from afterimage.storage import StorageBackend

#: The ending of an event that was put aside.
UNREADABLE = ".unreadable"
#: Events of one transaction.
_BATCH = 100
#: Entries embedded at once, fewer if they are long: how far a run can go beyond its time.
_EMBEDDED_AT_ONCE = 16
#: Seconds between two looks whether another run has ended.
_PAUSE = 0.05
#: What was put aside is kept for so many seconds, the newest of it up to so many bytes: it may hold what users wrote.
_KEEP_ASIDE = 30 * 86_400
_MOST_ASIDE = 16 << 20
#: After so many days nobody asks any more what a session was shown.
_FORGET_SEEN = 14 * 86_400


@dataclass(frozen=True, slots=True)
class Synced:
    """What a run did."""

    #: Entries that are new in the memory.
    stored: int = 0
    #: Events that were taken in, and that cannot be read or stored and were put aside.
    events: int = 0
    put_aside: int = 0
    #: Events that wait for the newer version that noted them, and files in the spool that are none.
    newer: int = 0
    strange: int = 0
    embedded: int = 0
    indexed: int = 0
    forgotten: int = 0
    #: Whether another run is at it, and whether everything is done.
    busy: bool = False
    complete: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def synchronise(
    backend: StorageBackend,
    directory: Path,
    *,
    seconds: float = float("inf"),
    embed: bool = True,
    rebuild: bool = False,
    patience: float = 0.0,
    progress: Callable[[int, int | None], None] | None = None,
) -> Synced:
    """Take the spool in, bring the recall index up to date, embed what lacks a vector.

    Args:
        backend: the memory; `close` it yourself.
        directory: AfterImage's folder (`AfterImageConfig.directory`).
        seconds: stop after so many; what is left is done by the next run.
        embed: whether to embed at all.
        rebuild: make the recall index anew.
        patience: wait so many seconds for another run to end; if it has not by then, nothing is done.
        progress: told how far the index is.

    Raises:
        capsa.DatabaseUnavailable: the memory cannot be reached; everything stays in the spool.
        OSError, RecallIndexUnwritable: the folder cannot be written.
    """
    with _alone(directory, patience) as alone:
        if not alone:
            return Synced(busy=True, complete=False)
        until = time.monotonic() + seconds
        compile_rules(str(directory / "hook-state"))
        with Placing(directory) as placed:
            events, stored, aside, newer = _take_in(backend, directory, placed, until)
        index = RecallIndex(directory)
        refreshed = index.refresh(
            backend, rebuild=rebuild, seconds=max(until - time.monotonic(), 0.0), progress=progress
        )
        noted = refreshed.complete and keep_noted(index, backend, until)
        embedded = _embed(backend, until) if embed else 0
        _tidy(directory)
        left = bool(spool.waiting(str(directory))) or time.monotonic() >= until
        return Synced(
            stored=stored,
            events=events,
            put_aside=aside,
            newer=newer,
            strange=len(strangers(directory)),
            embedded=embedded,
            indexed=refreshed.added,
            forgotten=refreshed.removed,
            complete=noted and not left,
        )


@contextlib.contextmanager
def _alone(directory: Path, patience: float = 0.0) -> Iterator[bool]:
    """Whether this is the only run, waited for so many seconds; the system takes the lock back from whoever dies."""
    until = time.monotonic() + patience
    descriptor = os.open(state_folder(directory) / "sync.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            import fcntl
        except ImportError:  # Windows has other locks; there the memory's own transactions must do.
            yield True
            return
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    yield False
                    return
            time.sleep(_PAUSE)
        yield True
    finally:
        os.close(descriptor)


def _take_in(backend: StorageBackend, directory: Path, placed: Placing, until: float) -> tuple[int, int, int, int]:
    """Store what waits; events taken, entries stored, events put aside, events of a newer version."""
    waiting = [Path(path) for path in spool.waiting(str(directory))]
    events = stored = aside = newer = 0
    for first in range(0, len(waiting), _BATCH):
        if first and time.monotonic() >= until:
            break
        taken: dict[Path, list[StorageEntry]] = {}
        for path in waiting[first : first + _BATCH]:
            try:
                event = json.loads(path.read_text("utf-8"))
                taken[path] = entries_of(placed(event) if isinstance(event, dict) else {})
            except NewerSpool:
                newer += 1
            except OSError:
                # Another took it in, or it is no file that can be read: see `strangers`.
                continue
            except (InvalidEntry, ValueError, KeyError, TypeError, OverflowError):
                path.replace(path.with_suffix(UNREADABLE))
                aside += 1
        new, refused = _store_events(backend, taken)
        stored += new
        events += len(taken) - len(refused)
        aside += len(refused)
        # Only now: whoever is killed before stores the same ids again, which is nothing.
        for path in taken:
            if path in refused:
                path.replace(path.with_suffix(UNREADABLE))
            else:
                path.unlink(missing_ok=True)
    return events, stored, aside, newer


def _store_events(backend: StorageBackend, taken: Mapping[Path, list[StorageEntry]]) -> tuple[int, set[Path]]:
    """Store what events made; entries stored, and the events that no memory may hold, which hold up no others."""
    from capsa import InvalidRecord

    try:
        entries = {entry.id: entry for found in taken.values() for entry in found}
        return store_once(backend, list(entries.values())), set()
    except (InvalidEntry, InvalidRecord, ValueError, OverflowError):
        if len(taken) == 1:
            return 0, set(taken)
    each = [_store_events(backend, {path: found}) for path, found in taken.items()]
    return sum(stored for stored, _ in each), set().union(*(refused for _, refused in each))


def store_once(backend: StorageBackend, entries: list[StorageEntry]) -> int:
    """Store those of ``entries`` that are not there and were not forgotten; how many.

    Others may be storing the same at the same time.
    """
    from capsa import InvalidRecord

    for last in (False, True):
        ids = [entry.id for entry in entries]
        known = backend.collection.get_many(ids).keys() | were_forgotten(backend, ids)
        new = [entry for entry in entries if entry.id not in known]
        if not new:
            return 0
        try:
            return len(backend.store_many(new))
        except InvalidRecord:
            if last:
                raise
    raise AssertionError("unreachable")


def _embed(backend: StorageBackend, until: float) -> int:
    class Enough(Exception):  # how the engine's loop is left between two of its transactions
        pass

    made = 0

    def stop_in_time(done: int, _total: int) -> None:
        nonlocal made
        made = done
        if time.monotonic() >= until:
            raise Enough

    if backend.embedder is None or time.monotonic() >= until:
        return 0
    with contextlib.suppress(Enough):
        made = backend.collection.embed_missing(stop_in_time, _EMBEDDED_AT_ONCE)
    return made


def put_aside(directory: Path) -> list[Path]:
    """The events that could not be taken in, newest first."""
    found = [path for folder in spool.folders(str(directory)) for path in Path(folder).glob(f"*{UNREADABLE}")]
    return sorted(found, key=lambda path: path.name, reverse=True)


def strangers(directory: Path) -> list[Path]:
    """What lies in the spool and is none of ours: nobody takes it in, and only its owner may take it away."""
    endings = (spool.ENDING, spool.UNFINISHED, UNREADABLE)
    ours = set(map(Path, seen.places(str(directory))))
    found = [
        path for folder in spool.folders(str(directory)) if files.is_ours(folder) for path in Path(folder).iterdir()
    ]
    return [
        path
        for path in found
        if path not in ours and not (path.name.endswith(endings) and path.is_file() and os.access(path, os.R_OK))
    ]


def _tidy(directory: Path) -> None:
    """Take away what only made sense for a while."""
    now = time.time()
    kept = 0
    for path in put_aside(directory):
        found = path.stat()
        kept += found.st_size
        if kept > _MOST_ASIDE or found.st_mtime < now - _KEEP_ASIDE:
            path.unlink(missing_ok=True)
    state = directory / "hook-state"
    unfinished = [
        path for folder in spool.folders(str(directory)) for path in Path(folder).glob(f"*{spool.UNFINISHED}")
    ]
    for path in [*state.glob("sync-*"), *unfinished]:
        if path.stat().st_mtime < now - 3_600:
            path.unlink(missing_ok=True)
    for folder in [folder for place in seen.places(str(directory)) for folder in Path(place).glob("*")]:
        if folder.stat().st_mtime < now - _FORGET_SEEN:
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()


def configured_memory(directory: Path) -> str | None:
    """The memory that setup told the hooks about, without its password; None if it told none."""
    memory = told(directory).get("memory")
    return memory if isinstance(memory, str) else None
