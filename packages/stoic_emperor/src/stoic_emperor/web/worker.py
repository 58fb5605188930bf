"""What is done off a person's path: analyses, summaries, portraits, files that were handed in.

It waits in the database (`hosting.waiting`), so a restart loses nothing, and of several processes each takes a part.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import capsa
from stoic_emperor.errors import NotFound, StoicError
from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.uploads import Upload, Uploads
from stoic_emperor.hosting.usage import Usage
from stoic_emperor.hosting.waiting import Task, Waiting
from stoic_emperor.infrastructure.person import SILENT
from stoic_emperor.journal import import_journal
from stoic_emperor.models import now
from stoic_emperor.web.cards import card_html

if TYPE_CHECKING:
    from stoic_emperor.application import Application, Worked
    from stoic_emperor.infrastructure.person import Person

log = logging.getLogger(__name__)

#: Tasks at the same time; each holds a thread at most.
AT_ONCE = 2
#: Seconds until we look again by ourselves; what this process puts in is seen at once.
_LOOKING = 5.0
#: For how long a task is taken on, and how often that is renewed: a process that died is found out after the first.
HOLD = dt.timedelta(seconds=30)
_RENEWED = 3
#: Turns analysed in one go, before another person's are.
_TURNS = 20
#: A portrait that failed so often is given up: whoever asked for it can ask again.
_PORTRAIT_TRIES = 5
#: Erasures that come after each other are scrubbed together.
_SCRUBBED_AFTER = dt.timedelta(minutes=2)
SCRUBBED_SOON = {
    "sqlite": "it is out of everybody's reach now, and the places where it stood are written over within minutes",
    "postgresql": "it is out of everybody's reach now; the database server gives its places up within minutes, and "
    "its files, log and backups keep the bytes until they are written over",
}
#: How folders begin that hold a file while it is read, and when one is certainly a dead process's.
_FOLDERS = "stoic-reading-"
_LEFT_BEHIND = dt.timedelta(hours=6)
#: Seconds between two words about how far a file is read.
_TELLING = 0.5


#: Something to write in a transaction of the house.
Note = Callable[[capsa.Transaction], None]


class _NotYet(Exception):
    """What is used of the day allows no more of it."""

    def __init__(self, after: dt.timedelta) -> None:
        super().__init__()
        self.after = after


class _Leaving(Exception):
    """The process is about to end, or the file was taken back."""


class Worker:
    """Works in the background of one process, from `start` to `stop`."""

    def __init__(self, application: Application, *, hold: dt.timedelta = HOLD) -> None:
        """Nothing is taken on yet."""
        self._application = application
        self._hold = hold
        self._awake = asyncio.Event()
        #: Written with the next look.
        self._noted: list[Note] = []
        self._leaving = threading.Event()
        self._looking: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[Note | None]] = set()
        # Of its own: reading a book takes a minute, and requests need their threads.
        self._threads = ThreadPoolExecutor(AT_ONCE, "worker")

    @functools.cached_property
    def _waiting(self) -> Waiting:
        database = self._application.database
        database.scrub_later(self._scrub_later)
        return Waiting(database)

    def _scrub_later(self) -> tuple[str, ...]:
        self._waiting.put(HOUSE, "scrub", _SCRUBBED_AFTER)
        return (SCRUBBED_SOON[self._application.database.engine.dialect],)

    @property
    def running(self) -> bool:
        """Whether it looks for work."""
        return self._looking is not None and not self._looking.done()

    def start(self) -> None:
        """Begin to look for work."""
        _tidy()
        self._looking = asyncio.create_task(self._look(), name="worker")

    def wake(self) -> None:
        """There may be something to do."""
        self._awake.set()

    def note(self, note: Note) -> None:
        """Have something written for the house soon, together with whatever else there is; and look for work."""
        self._noted.append(note)
        self.wake()

    async def stop(self) -> None:
        """Leave: what is under way is given back, and done another time."""
        self._leaving.set()
        tasks = {*self._working, *([self._looking] if self._looking is not None else [])}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._take(0)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look(self) -> None:
        while True:
            self._awake.clear()
            for task in await self._take(AT_ONCE - len(self._working)):
                working = asyncio.create_task(self._work(task), name=f"work: {task.kind}")
                self._working.add(working)
                working.add_done_callback(self._worked)
            try:
                async with asyncio.timeout(_LOOKING):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def _take(self, most: int) -> list[Task]:
        """Write what was noted, and take on what is due, in one transaction."""
        noted, self._noted = self._noted, []
        if not noted and most <= 0:
            return []
        try:
            return await asyncio.to_thread(self._written_and_taken, noted, most)
        except capsa.CapsaError as error:
            # The database is away: /ready says so, and it may come back.
            log.warning("no work can be taken on: %s", type(error).__name__)
            self._noted[:0] = noted
            return []

    def _written_and_taken(self, noted: Sequence[Note], most: int) -> list[Task]:
        if not noted:
            return self._waiting.take(most, self._hold)
        with self._waiting.writing() as tx:
            for note in noted:
                note(tx)
            return self._waiting.take(most, self._hold, tx=tx) if most > 0 else []

    def _worked(self, task: asyncio.Task[Note | None]) -> None:
        self._working.discard(task)
        if not task.cancelled() and (note := task.result()) is not None:
            self._noted.append(note)
        self.wake()

    async def _work(self, task: Task) -> Note | None:
        """Do it, holding it meanwhile; what is to be written of it, if it is still ours."""
        doing = asyncio.create_task(self._do(task))
        try:
            while not doing.done():
                await asyncio.wait({doing}, timeout=self._hold.total_seconds() / _RENEWED)
                if not doing.done():
                    held = await asyncio.to_thread(self._waiting.hold, task, self._hold)
                    if held is None:
                        # Erased with its person, or we were so slow that another process took it.
                        await _cancelled(doing)
                        return None
                    task = held
            doing.result()
        except asyncio.CancelledError:
            await _cancelled(doing)
            await asyncio.to_thread(self._waiting.give_back, task)
            raise
        except _NotYet as later:
            after = later.after
            return lambda tx: self._waiting.give_back(task, after, tx=tx)
        except (StoicError, capsa.CapsaError, OSError) as error:
            log.info("%s waits: %s", task.kind, type(error).__name__)
            return self._failed(task)
        except Exception as error:  # noqa: BLE001 - one defect must not end the work of everybody
            log.error("%s failed: %s", task.kind, type(error).__name__)  # noqa: TRY400 - it may hold what was written
            return self._failed(task)
        return lambda tx: self._waiting.done(task, tx=tx)

    def _failed(self, task: Task) -> Note:
        given_up = task.kind == "portrait" and task.failures + 1 >= _PORTRAIT_TRIES
        how = self._waiting.done if given_up else self._waiting.failed
        return lambda tx: how(task, tx=tx)

    async def _do(self, task: Task) -> None:
        match task.kind:
            case "reflect":
                await self._reflect(task.user_id)
            case "past":
                await self._past(task.user_id)
            case "portrait":
                await self._portrait(task.user_id)
            case "upload":
                await self._in_thread(self._uploads, task.user_id)
            case "scrub":
                await self._in_thread(self._application.database.engine.scrub)

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    # What is done

    async def _reflect(self, user_id: str) -> None:
        person = self._application.database.person(user_id)
        # What follows a reply was counted with it.
        worked = await self._application.reflect(person, _TURNS, journals=False)
        if worked.turns >= _TURNS:
            await asyncio.to_thread(self._waiting.put, user_id, "reflect")
            return
        if not worked.turns:
            # What a crash cut off is analysed as far as it came; where it may not be, it is no longer waited for.
            await asyncio.to_thread(person.settle_interrupted, now() - SILENT)
        if await asyncio.to_thread(person.has_unprocessed_journals):
            await self._journals(person)

    async def _journals(self, person: Person) -> None:
        """A part of the journals that somebody handed in; each call counts as a reply of the day."""
        turns = min(_TURNS, await asyncio.to_thread(self._left_today, person))
        if not turns:
            raise _NotYet(dt.timedelta(seconds=Usage(self._application.database).seconds_left()))
        worked = await self._application.reflect(person, turns)
        await self._count(person, worked)
        if worked.turns:
            await asyncio.to_thread(self._waiting.put, person.user_id, "reflect")

    def _left_today(self, person: Person) -> int:
        most = self._application.configuration.settings.web.daily_replies
        return Usage(self._application.database).left_for_the_past(person.user_id, most)

    async def _count(self, person: Person, worked: Worked) -> None:
        """Count what the model was asked; what is more than the day has is not asked again before the next."""
        most = self._application.configuration.settings.web.daily_replies
        usage = Usage(self._application.database)
        left = most - await asyncio.to_thread(usage.today, person.user_id)
        if calls := min(worked.asked + worked.summaries, left):
            await asyncio.to_thread(usage.take, person.user_id, most, calls)

    async def _past(self, user_id: str) -> None:
        """A part of what was said before its person agreed; a call for a turn counts as a reply of the day."""
        person = self._application.database.person(user_id)
        turns = min(_TURNS, await asyncio.to_thread(self._left_today, person))
        waiting = await asyncio.to_thread(person.unprocessed_replies, 1)
        if waiting and not turns:
            raise _NotYet(dt.timedelta(seconds=Usage(self._application.database).seconds_left()))
        worked = await self._application.reflect(person, turns or _TURNS, past=True)
        await self._count(person, worked)
        if worked.turns >= (turns or _TURNS) or worked.summaries:
            await asyncio.to_thread(self._waiting.put, user_id, "past")

    async def _portrait(self, user_id: str) -> None:
        model = self._application.model
        if model is None:
            return
        person = self._application.database.person(user_id)
        await self._application.reflect(person, _TURNS)
        try:
            await self._application.portraying(person, model).write()
        except NotFound:
            # There is nothing to write it from, or nobody any more.
            return

    def _uploads(self, user_id: str) -> None:
        """Read all that one person handed in, oldest first."""
        uploads = Uploads(self._application.database, user_id)
        while (upload := uploads.next()) is not None:
            if self._leaving.is_set():
                return
            try:
                report = self._read(user_id, uploads, upload)
            except _Leaving:
                continue
            except (StoicError, OSError) as error:
                told = str(error) if isinstance(error, StoicError) else "it could not be put on this machine's disk"
                uploads.finish(upload, _not_read([(upload.name, told)]), failed=True)
            else:
                uploads.finish(upload, report, failed=bool(report["failed"]))
            self._waiting.put(user_id, "reflect")

    def _read(self, user_id: str, uploads: Uploads, upload: Upload) -> dict[str, Any]:
        last_told = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal last_told
            if self._leaving.is_set():
                raise _Leaving
            if time.monotonic() - last_told >= _TELLING:
                last_told = time.monotonic()
                if not uploads.progress(upload, done, total):
                    raise _Leaving

        if not uploads.progress(upload, 0, upload.size):
            raise _Leaving
        with tempfile.TemporaryDirectory(prefix=_FOLDERS) as folder:
            file = uploads.write_to(upload, Path(folder))
            if (modified := upload.about.get("modified")) is not None:
                os.utime(file, ns=(int(modified) * 1_000_000,) * 2)
            if upload.kind == "journal":
                return self._journal(user_id, file, progress)
            return self._texts(upload, file, progress)

    def _journal(self, user_id: str, file: Path, progress: Any) -> dict[str, Any]:
        application = self._application
        person = application.database.person(user_id)
        report = import_journal(person, application.recall(user_id), application.desk, file, progress)
        lines = ["It was there already." if report.unchanged else "It is part of your memory now."]
        if report.changed:
            lines.append("It is there with another text, too, as a conversation of its own that you can forget.")
        return {
            "imported": list(report.imported),
            "lines": lines,
            "help": None if report.card is None else card_html(report.card),
            **(_not_read(report.failed) if report.failed else {"failed": []}),
        }

    def _texts(self, upload: Upload, file: Path, progress: Any) -> dict[str, Any]:
        about = upload.about
        report = self._application.library.import_path(
            file,
            author=about.get("author"),
            work=about.get("work"),
            source=about.get("source") or upload.name,
            known_as=f"handed in: {upload.name}",
            progress=progress,
        )
        not_read = (*report.failed, *report.skipped)
        return {
            "lines": report.lines(),
            "added": report.added,
            "kept": report.kept,
            "failed": [{"file": found.file, "why": found.detail} for found in not_read],
        }


def _not_read(files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "lines": [f"{name} was not read: {why}" for name, why in files],
        "failed": [{"file": name, "why": why} for name, why in files],
    }


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _tidy() -> None:
    """Remove what processes that were killed left of what people handed in."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        try:
            is_old = time.time() - folder.stat().st_mtime > _LEFT_BEHIND.total_seconds()
        except OSError:
            # Another process was faster.
            continue
        if is_old:
            shutil.rmtree(folder, ignore_errors=True)
