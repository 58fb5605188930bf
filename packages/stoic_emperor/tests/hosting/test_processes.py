"""Processes of one house know of each other while they live."""

from __future__ import annotations

import datetime as dt
from typing import Any

from stoic_emperor.hosting.processes import LEASE, RENEWED, Processes
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.infrastructure.database import Database


def test_who_gives_signs_of_life_is_known_until_they_end(database: Database, clock: Any) -> None:
    first = Processes(database, clock)
    begun = clock()
    first.live()
    assert first.others_since() is None
    clock.at += dt.timedelta(minutes=1)
    second, third = Processes(database, clock), Processes(database, clock)
    second.live()
    third.live()
    first.live()
    assert second.others_since() == begun
    assert first.others_since() == begun + dt.timedelta(minutes=1)
    first.leave()
    assert second.others_since() == begun + dt.timedelta(minutes=1)


def test_who_dies_is_forgotten_after_a_while_and_who_renews_is_not(database: Database, clock: Any) -> None:
    dead, alive, watching = (Processes(database, clock) for _ in range(3))
    begun = clock()
    dead.live()
    alive.live()
    for _ in range(5):
        clock.at += RENEWED
        alive.live()
    assert clock() - begun > LEASE
    assert watching.others_since() == begun, "the one that lives"
    clock.at += LEASE + RENEWED
    assert watching.others_since() is None


def test_they_are_no_work(database: Database, clock: Any) -> None:
    Processes(database, clock).live()
    waiting = Waiting(database, clock)
    clock.at += dt.timedelta(days=400)
    assert waiting.take(10, LEASE) == []
    assert waiting.queues() == []
    assert waiting.overdue() == dt.timedelta()
