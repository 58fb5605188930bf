"""What is limited is counted by day, together for all processes, and by person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stoic_emperor.hosting.tallies import Tallies, Tally
from stoic_emperor.hosting.usage import Usage
from stoic_emperor.infrastructure.database import Database


def test_so_many_and_no_more_and_from_midnight_anew(database: Database, clock: Any) -> None:
    usage = Usage(database, clock)
    assert [usage.take("anna", 2) for _ in range(3)] == [True, True, False]
    assert usage.take("boris", 2)
    assert usage.today("anna") == 2
    assert usage.seconds_left() == 12 * 3600 + 1
    clock.move(hours=13)
    assert usage.today("anna") == 0
    assert usage.take("anna", 2)


def test_several_at_once_are_all_or_none(database: Database, clock: Any) -> None:
    usage = Usage(database, clock)
    assert not usage.take("anna", 5, 6)
    assert usage.take("anna", 5, 3)
    assert not usage.take("anna", 5, 3)
    assert usage.today("anna") == 3


def test_reading_the_past_may_take_half_of_a_day(database: Database, clock: Any) -> None:
    usage = Usage(database, clock)
    assert [usage.left_for_the_past("anna", most) for most in (1, 5, 10)] == [1, 3, 5]
    usage.take("anna", 10, 4)
    assert usage.left_for_the_past("anna", 10) == 1
    usage.take("anna", 10, 4)
    assert usage.left_for_the_past("anna", 10) == 0


def test_requests_at_the_same_time_are_not_more_requests(database: Database) -> None:
    usage = Usage(database)
    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(lambda _: usage.take("anna", 10), range(30)))
    assert sum(taken) == 10


def test_what_was_used_on_other_days_is_forgotten(database: Database, clock: Any) -> None:
    usage = Usage(database, clock)
    usage.take("anna", 5)
    clock.move(days=1)
    usage.take("anna", 5)
    with database.engine.read("anna") as tx:
        assert tx.execute("SELECT count(*) FROM usage WHERE user_id = 'anna'") == [(1,)]


def test_tallies_add_up_by_day(database: Database, clock: Any) -> None:
    tallies = Tallies(database, clock)
    tallies.count("replies")
    tallies.count("replies", 2)
    clock.move(days=1)
    tallies.count("erasures")
    assert tallies.last() == [Tally("2026-03-02", "erasures", 1), Tally("2026-03-01", "replies", 3)]
    clock.move(days=30)
    assert tallies.last() == [Tally("2026-03-02", "erasures", 1)]
