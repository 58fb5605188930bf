"""Work that waits: taken on by one process, held while it works, given back, tried again, never lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from stoic_emperor.hosting.waiting import Task, Waiting
from stoic_emperor.infrastructure.database import Database

HOLD = dt.timedelta(seconds=30)


@pytest.fixture
def waiting(database: Database, clock: Any) -> Waiting:
    return Waiting(database, clock)


def names(tasks: list[Task]) -> list[tuple[str, str]]:
    return [(task.user_id, task.kind) for task in tasks]


def test_what_is_asked_for_twice_is_done_once_the_oldest_first(waiting: Waiting, clock: Any) -> None:
    waiting.put("anna", "reflect")
    clock.move(seconds=1)
    waiting.put("boris", "upload")
    waiting.put("anna", "reflect")
    clock.move(seconds=1)
    assert names(waiting.take(1, HOLD)) == [("anna", "reflect")]
    assert names(waiting.take(5, HOLD)) == [("boris", "upload")]
    assert waiting.take(5, HOLD) == []


def test_what_is_for_later_waits_until_then_unless_it_is_asked_for_sooner(waiting: Waiting, clock: Any) -> None:
    waiting.put("anna", "reflect", dt.timedelta(minutes=4))
    assert waiting.take(5, HOLD) == []
    waiting.put("anna", "reflect", dt.timedelta(seconds=2))
    waiting.put("anna", "reflect", dt.timedelta(minutes=9))
    clock.move(seconds=3)
    assert names(waiting.take(5, HOLD)) == [("anna", "reflect")]


def test_what_a_process_died_with_is_taken_on_by_another_and_its_end_counts_no_more(
    waiting: Waiting, clock: Any
) -> None:
    waiting.put("anna", "upload")
    (task,) = waiting.take(5, HOLD)
    clock.move(seconds=20)
    held = waiting.hold(task, HOLD)
    assert held is not None
    clock.move(seconds=20)
    assert waiting.take(5, HOLD) == [], "it is held anew"
    clock.move(seconds=20)
    (again,) = waiting.take(5, HOLD)
    assert waiting.hold(held, HOLD) is None
    waiting.done(held)
    assert waiting.of("anna") == ["upload"]
    waiting.done(again)
    assert waiting.of("anna") == []


def test_what_is_asked_for_while_it_is_done_waits_again(waiting: Waiting, clock: Any) -> None:
    waiting.put("anna", "reflect")
    (task,) = waiting.take(5, HOLD)
    clock.move(seconds=1)
    waiting.put("anna", "reflect")
    waiting.done(task)
    (again,) = waiting.take(5, HOLD)
    waiting.done(again)
    assert waiting.take(5, HOLD) == []


def test_what_fails_is_tried_again_later_and_later(waiting: Waiting, clock: Any) -> None:
    waiting.put("anna", "reflect")
    waits = []
    for _ in range(12):
        (task,) = waiting.take(5, HOLD)
        waiting.failed(task)
        waiting.put("anna", "reflect")
        seconds = 0
        while not (tasks := waiting.take(5, HOLD)):
            clock.move(seconds=30)
            seconds += 30
        waits.append(seconds)
        waiting.give_back(tasks[0])
    assert waits[:3] == [30, 60, 120]
    assert waits[-1] == 3600
    assert waiting.queues()[0].failed == 1


def test_what_is_given_back_is_there_at_once(waiting: Waiting) -> None:
    waiting.put("anna", "reflect")
    (task,) = waiting.take(5, HOLD)
    waiting.give_back(task)
    assert names(waiting.take(5, HOLD)) == [("anna", "reflect")]


def test_what_is_put_off_waits_so_long_unless_it_is_asked_for(waiting: Waiting, clock: Any) -> None:
    waiting.put("anna", "past")
    (task,) = waiting.take(5, HOLD)
    waiting.give_back(task, dt.timedelta(hours=2))
    clock.move(hours=1)
    assert waiting.take(5, HOLD) == []
    clock.move(hours=1)
    assert names(waiting.take(5, HOLD)) == [("anna", "past")]


def test_how_late_it_is_tells_of_what_nobody_took_on(waiting: Waiting, clock: Any) -> None:
    assert waiting.overdue() == dt.timedelta()
    waiting.put("anna", "reflect", dt.timedelta(minutes=1))
    clock.move(minutes=3)
    assert waiting.overdue() == dt.timedelta(minutes=2)
    waiting.take(5, HOLD)
    assert waiting.overdue() == dt.timedelta()


def test_a_look_that_finds_nothing_writes_nothing(
    waiting: Waiting, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting.put("anna", "reflect", dt.timedelta(minutes=4))
    monkeypatch.setattr(database.engine, "write", None)
    assert waiting.take(5, HOLD) == []


def test_what_became_of_tasks_is_written_together_with_what_is_taken_on(waiting: Waiting, clock: Any) -> None:
    for user_id in ("anna", "boris", "clara"):
        waiting.put(user_id, "reflect")
    anna, boris, clara = waiting.take(3, HOLD)
    with waiting.writing() as tx:
        waiting.done(anna, tx=tx)
        waiting.failed(boris, tx=tx)
        waiting.give_back(clara, tx=tx)
        assert names(waiting.take(3, HOLD, tx=tx)) == [("clara", "reflect")]
    clock.move(seconds=30)
    assert waiting.of("anna") == []
    assert names(waiting.take(3, HOLD))[0] == ("boris", "reflect")
