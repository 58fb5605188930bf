"""Transcripts -> the memory, by the way that the hook's events go: same rules, same entries, same ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage.errors import InvalidEntry
from afterimage.hook import files, spool
from afterimage.hook.keeping import Keeping
from afterimage.hook.project import Project, normal_remote, project_of
from afterimage.hook.redaction import Redactor
from afterimage.hook.settings import Settings
from afterimage.ingest.cursors import Cursor, Cursors
from afterimage.ingest.places import Place, files_of
from afterimage.ingest.reading import Noted, Reading, read_transcript
from afterimage.placing import Placing
from afterimage.spooled import entries_of
from afterimage.sync import store_once
from capsa import MAX_KEY_BYTES

if TYPE_CHECKING:
    from afterimage.entries import StorageEntry
    from afterimage.storage import StorageBackend

#: Entries of one transaction.
_BATCH = 200
#: Files after which the cursors are written down.
_SAVED_AFTER = 50


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a run did."""

    #: Transcripts found, and those with something new in them.
    files: int = 0
    read: int = 0
    #: Changes that are new in the memory, and those that it had.
    stored: int = 0
    known: int = 0
    #: Calls that failed, that are not answered yet, and that only concern files that are not remembered.
    failed: int = 0
    waiting: int = 0
    ignored: int = 0
    #: Lines or calls that make no sense, and files that are no transcript or may not be read.
    unreadable: int = 0
    foreign: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def take_in(
    backend: StorageBackend,
    directory: Path,
    places: Sequence[Place],
    *,
    again: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Ingested:
    """Store every change in the transcripts of ``places`` that the memory does not have.

    Args:
        backend: the memory; `close` it yourself.
        directory: AfterImage's folder (`AfterImageConfig.directory`).
        again: read all of every transcript, not only what came since.
        progress: told how many files are done, of how many.

    Raises:
        capsa.DatabaseUnavailable: the memory cannot be reached; what is stored stays stored.
        OSError: the folder cannot be written.
    """
    cursors = Cursors(directory, str(backend.url))
    found = [(path, place.live) for place in places for path in files_of(place)]
    with Placing(directory) as placed:
        taking = _Taking(backend, directory, placed)
        taking.count(files=len(found))
        try:
            for number, (path, live) in enumerate(found):
                if progress:
                    progress(number, len(found))
                reading = _read(path, Cursor() if again else cursors.of(path), live=live)
                if reading is not None:
                    taking.add(reading)
                    cursors.put(path, reading.cursor)
                    if number % _SAVED_AFTER == _SAVED_AFTER - 1:
                        cursors.save()
        finally:
            # What was stored need not be read again, whatever ended this.
            cursors.save()
    if progress:
        progress(len(found), len(found))
    return Ingested(**taking.counts)


def _read(path: Path, cursor: Cursor, *, live: bool) -> Reading | None:
    """What came to ``path``; one that may not be read, or went meanwhile, holds nothing up."""
    try:
        return read_transcript(path, cursor, live=live)
    except OSError:
        return Reading((), cursor, 0, 0, foreign=True)


class _Taking:
    """One run."""

    def __init__(self, backend: StorageBackend, directory: Path, placed: Placing) -> None:
        self._backend = backend
        self._placed = placed
        self._keeping = Keeping(str(directory), Settings(str(directory)))
        self._redact = Redactor()
        self._projects: dict[tuple[str, str], Project] = {}
        self._calls_of: dict[str, frozenset[str]] = {}
        self.counts: dict[str, int] = {}

    def count(self, **more: int) -> None:
        for name, number in more.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def add(self, reading: Reading) -> None:
        self.count(unreadable=reading.unreadable, waiting=reading.waiting, foreign=int(reading.foreign))
        self.count(read=int(not reading.foreign))
        entries: dict[str, StorageEntry] = {}
        failed: list[str] = []
        for call in reading.calls:
            if self._is_copied(call):
                continue
            try:
                made = self._entries(call)
            except (InvalidEntry, ValueError, OverflowError):
                self.count(unreadable=1)
                continue
            if call.succeeded is False:
                self.count(failed=1)
                failed += (entry.id for entry in made)
            else:
                self.count(ignored=int(not made))
                entries |= {entry.id: entry for entry in made}
        self._withdraw(failed)
        for batch in _batches(list(entries.values())):
            stored = store_once(self._backend, list(batch))
            self.count(stored=stored, known=len(batch) - stored)

    def _entries(self, call: Noted) -> list[StorageEntry]:
        event, setting = call.event, call.setting
        if len(event.session.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
            raise InvalidEntry("the session has no name that a memory can hold")
        made: list[StorageEntry] = []
        for project, given in self._keeping.parts(event, lambda path: self._project(call, path)):
            noted = spool.noted(event, project, self._redact, given) | {
                "at": setting.at,
                # Of then, not of now.
                "branch": setting.branch,
                "commit": setting.commit,
                "outcome": "ok" if call.succeeded else "",
            }
            made += entries_of(self._placed(noted))
        return made

    def _project(self, call: Noted, path: str) -> Project:
        event = call.event
        key = (event.cwd, files.parent(path))
        if key not in self._projects:
            remote = normal_remote(call.setting.remote)
            if remote and not files.exists(event.cwd):
                # The folder is gone; the project is not.
                self._projects[key] = Project(remote, files.name_of(remote), event.cwd)
            else:
                self._projects[key] = project_of(event.cwd, path)
        return self._projects[key]

    def _is_copied(self, call: Noted) -> bool:
        """Whether this stands in the transcript only because the session began as a copy of another."""
        origin = call.setting.forked_from
        if not origin:
            return False
        if origin not in self._calls_of:
            known = (entry.metadata.get("tool_use_id") for entry in self._backend.get_by_session(origin))
            self._calls_of[origin] = frozenset(id_ for id_ in known if isinstance(id_, str))
        return call.event.given["tool_use_id"] in self._calls_of[origin]

    def _withdraw(self, failed: Iterable[str]) -> None:
        """Take out what was stored before it was known that it failed."""
        there = self._backend.collection.get_many(failed)
        self._backend.collection.delete([id_ for id_, record in there.items() if "outcome" not in record.metadata])


def _batches(entries: Sequence[StorageEntry]) -> Iterable[Sequence[StorageEntry]]:
    return (entries[first : first + _BATCH] for first in range(0, len(entries), _BATCH))
