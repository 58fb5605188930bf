"""Work that waits: for whom, and what, and who has taken it on. Not what it is about; that is the person's own.

A row stands for one task of one person, however often it was asked for. A process that works on it holds it until a
moment in the near future, and holds it anew while it works: if the process dies, another takes it on after that moment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import capsa
from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.models import now

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database

#: What is done off a person's path; ``past`` is what they said before they agreed to its analysis, and asked for since;
#: ``scrub`` is done for the house.
Kind = Literal["reflect", "past", "upload", "portrait", "scrub"]

#: How long after a first failure it is tried again; each time twice as long, up to the second.
_SOON, _LATE = dt.timedelta(seconds=30), dt.timedelta(hours=1)

_AT_ONCE = dt.timedelta()


@dataclass(frozen=True, slots=True)
class Task:
    """A task that this process has taken on."""

    user_id: str
    kind: Kind
    #: How often it failed before.
    failures: int
    #: As they stand in the row, so that a task that was asked for anew, or taken by another, is told apart.
    since: Any
    taken: Any


@dataclass(frozen=True, slots=True)
class Queue:
    """How much waits of one kind."""

    task: str
    waiting: int
    #: Of these, how many have failed before.
    failed: int


class Waiting:
    """The work that waits in one house."""

    def __init__(self, database: Database, clock: Callable[[], dt.datetime] = now) -> None:
        """Nothing is read yet."""
        self._database = database
        self._house = Bound(database, HOUSE)
        self._now = clock

    def put(
        self, user_id: str, kind: Kind, after: dt.timedelta = _AT_ONCE, *, tx: capsa.Transaction | None = None
    ) -> None:
        """Have something done for a person, ``after`` a while; what waits already is not put off by that.

        Args:
            tx: a transaction of the house to take part in.
        """
        at = self._now()
        with self._house.writing(tx) as own:
            self._house.run(own, "put_waiting", user_id=user_id, task=kind, at=at, due=at + after)

    def take(self, most: int, hold: dt.timedelta, *, tx: capsa.Transaction | None = None) -> list[Task]:
        """Take on what is due, for as long as ``hold``."""
        at = self._now()
        if tx is None and self._house.read("most_overdue", at=at)[0][0] is None:
            # As it mostly is, which needs nobody who writes.
            return []
        with self.writing(tx) as own:
            rows = self._house.run(own, "claim_waiting", at=at, until=at + hold, n=most)
        return [
            Task(capsa.from_stored(user_id), kind, failures, since, taken)
            for user_id, kind, since, taken, failures in rows
        ]

    def hold(self, task: Task, hold: dt.timedelta) -> Task | None:
        """Hold a task anew; None if it is gone, or another process's now."""
        rows = self._house.write("keep_waiting", until=self._now() + hold, **self._key(task))
        return replace(task, taken=rows[0][0]) if rows else None

    def done(self, task: Task, *, tx: capsa.Transaction | None = None) -> None:
        """It is done; if it was asked for anew meanwhile, it waits again."""
        with self.writing(tx) as own:
            self._house.run(own, "done_waiting", since=self._time(task.since), **self._key(task))
            self._house.run(own, "release_waiting", failures=0, due=self._now(), **self._key(task))

    def failed(self, task: Task, *, tx: capsa.Transaction | None = None) -> None:
        """It could not be done: it is tried again later, and later the more often that happened."""
        again = self._now() + min(_LATE, _SOON * 2 ** min(task.failures, 10))
        self._release(task, task.failures + 1, again, tx)

    def give_back(self, task: Task, after: dt.timedelta = _AT_ONCE, *, tx: capsa.Transaction | None = None) -> None:
        """Leave it to whoever comes next, ``after`` a while."""
        self._release(task, task.failures, self._now() + after, tx)

    def _release(self, task: Task, failures: int, due: dt.datetime, tx: capsa.Transaction | None) -> None:
        with self.writing(tx) as own:
            self._house.run(own, "release_waiting", failures=failures, due=due, **self._key(task))

    def writing(self, tx: capsa.Transaction | None = None) -> AbstractContextManager[capsa.Transaction]:
        """One transaction of the house, for what is written together; or ``tx``, which is one."""
        return self._house.writing(tx)

    def of(self, user_id: str) -> list[str]:
        """What waits for one person."""
        return [kind for (kind,) in self._house.read("waiting_of", user_id=user_id)]

    def queues(self) -> list[Queue]:
        """How much waits."""
        return [Queue(task, waiting, failed) for task, waiting, failed in self._house.read("waiting_counts")]

    def overdue(self) -> dt.timedelta:
        """For how long something that is due has not been taken on."""
        at = self._now()
        due = self._house.read("most_overdue", at=at)[0][0]
        return _AT_ONCE if due is None else at - self._database.engine.datetime(due)

    def _key(self, task: Task) -> dict[str, Any]:
        return {"user_id": task.user_id, "task": task.kind, "taken": self._time(task.taken)}

    def _time(self, stored: Any) -> dt.datetime:
        return self._database.engine.datetime(stored)
