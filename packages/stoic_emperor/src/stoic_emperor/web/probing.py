"""Whether what is needed is there: looked at, not believed."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.errors import StoicError
from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.waiting import Waiting

if TYPE_CHECKING:
    from stoic_emperor.application import Application

#: Seconds that the database may take to answer.
_PATIENCE = 2.0
#: Seconds after which is looked again, and those for which the last answer is given meanwhile: those who ask may be
#: many, and need not wait while the process has much to do.
_FRESH, _HOLDS = 1.0, 5.0
_LEAST_DISK = 200 << 20
#: Work that nobody took on for so long: then nobody works.
_LATE = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is needed."""

    ok: bool
    detail: str


class Probing:
    """Looks at what one process needs."""

    def __init__(self, application: Application) -> None:
        """Nothing is looked at yet."""
        self._application = application
        # Of its own, so that the answer does not wait behind requests; nor what else is looked at behind the database.
        self._thread = ThreadPoolExecutor(1, "probe")
        self._other_thread = ThreadPoolExecutor(1, "probe others")
        self._asked_at = float("-inf")
        self._answer: str | None = None
        self._asking: asyncio.Task[str | None] | None = None

    async def database(self) -> str | None:
        """None if the database answers, else what is the matter; `age` says as of when."""
        if self.age >= _FRESH and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask())
        if self.age >= _HOLDS and self._asking is not None:
            return await asyncio.shield(self._asking)
        return self._answer

    @property
    def age(self) -> float:
        """Seconds since the database was looked at."""
        return time.monotonic() - self._asked_at

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.get_running_loop().run_in_executor(self._thread, self._touch)
            self._answer = None
        except TimeoutError:
            self._answer = f"does not answer within {_PATIENCE:.0f} seconds"
        except capsa.CapsaError as error:
            self._answer = f"cannot be reached ({type(error).__name__})"
        self._asked_at = time.monotonic()
        return self._answer

    def _touch(self) -> None:
        with self._application.database.engine.read(HOUSE) as tx:
            # A row, which only the file or the server itself can give.
            tx.execute("SELECT 1 FROM users LIMIT 1")

    async def all(self, *, running: bool) -> dict[str, Check]:
        """Every check, by name.

        Args:
            running: whether this process works in the background.
        """
        others = asyncio.get_running_loop().run_in_executor(self._other_thread, self._others)
        failing = await self.database()
        checks = {"database": Check(ok=failing is None, detail=failing or "answers")}
        checks["background"] = Check(ok=running, detail="at work" if running else "does not run")
        checks |= await others
        if failing is None:
            checks["queue"] = await asyncio.to_thread(_check, self._queue)
        else:
            checks["queue"] = Check(ok=False, detail="not known while the database is away")
        return checks

    def _others(self) -> dict[str, Check]:
        """What needs no database."""
        return {
            "embedding_model": _check(self._embedder),
            "language_model": _check(self._model),
            "disk": _check(self._disk),
        }

    def _embedder(self) -> str:
        embedder = self._application.embedder
        if embedder is None:
            return "none is configured: searching goes by words"
        embedder.embed(["ready"])
        return embedder.name

    def _model(self) -> str:
        model = self._application.model
        return "none is configured: the library answers" if model is None else f"{model.name} is configured"

    def _disk(self) -> str:
        path = self._application.database_url.path
        free = shutil.disk_usage(Path(tempfile.gettempdir()) if path is None else path.parent).free
        if free < _LEAST_DISK:
            raise OSError(f"{free >> 20} MB are free, and {_LEAST_DISK >> 20} are needed")
        return f"{free >> 20:,} MB free"

    def _queue(self) -> str:
        overdue = Waiting(self._application.database).overdue()
        if overdue > _LATE:
            raise TimeoutError(f"work waits for {overdue.total_seconds() / 60:.0f} minutes, and nobody takes it on")
        return f"{overdue.total_seconds():.0f} seconds behind"

    def close(self) -> None:
        """Look at nothing any more."""
        for thread in (self._thread, self._other_thread):
            thread.shutdown(wait=False, cancel_futures=True)


def _check(look: Callable[[], str]) -> Check:
    try:
        return Check(ok=True, detail=look())
    except OSError as error:
        # Whoever asks is told what is the matter, not where things lie on this machine.
        return Check(ok=False, detail=os.strerror(error.errno) if error.errno else str(error))
    except (StoicError, capsa.EmbedderUnavailable) as error:
        return Check(ok=False, detail=str(error))
    except capsa.CapsaError as error:
        return Check(ok=False, detail=type(error).__name__)
