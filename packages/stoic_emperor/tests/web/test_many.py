"""Many who talk at once: nobody waits for another, and no thread or connection is held while a model speaks."""

from __future__ import annotations

import statistics
import threading
import time
from contextlib import ExitStack

import pytest

from stoic_emperor.testing.house import House
from stoic_emperor.web.running import THREADS


@pytest.mark.slow
def test_more_can_be_answered_at_once_than_there_are_threads(house: House) -> None:
    # Until it is stopped, the model says nothing: all of them are under way at the same time.
    house.talker.words, house.talker.delay = 1, 60
    many = THREADS * 2 + 5
    threads = threading.active_count()
    people = [house.somebody() for _ in range(many)]
    with ExitStack() as stack:
        streams = [
            stack.enter_context(house.hearing(browser, "/api/chat/stream", message="Hello")) for _, browser in people
        ]
        started = [next(told) for told in streams]
        assert {event.kind for event in started} == {"started"}
        assert house.talker.asked == many
        assert threading.active_count() - threads <= 2 * THREADS + 5, "of the server; the browsers here take turns"
        health = []
        for _ in range(9):
            began = time.perf_counter()
            assert house.main.get("/health").status_code == 200
            health.append(time.perf_counter() - began)
        # The median: what else this machine does meanwhile is no matter of ours.
        assert statistics.median(health) < 0.1
        for (_, browser), event in zip(people, started, strict=True):
            browser.post(f"/api/sessions/{event.data['session']['id']}/stop")
        assert {list(told)[-1].kind for told in streams} == {"finished"}
    assert house.hosted.talking.turns.running() == []


def test_a_slow_model_does_not_slow_down_anything_else(house: House) -> None:
    house.talker.words, house.talker.delay = 2, 1.5
    _, browser = house.somebody()
    with house.hearing(browser, "/api/chat/stream", message="Hello") as told:
        next(told)
        took = []
        while not house.talker.ended:
            began = time.perf_counter()
            assert house.main.get("/health").status_code == 200
            took.append(time.perf_counter() - began)
            time.sleep(0.1)
        assert list(told)[-1].data["reply"]["status"] == "complete"
    assert len(took) > 10
    assert statistics.median(took) < 0.1
