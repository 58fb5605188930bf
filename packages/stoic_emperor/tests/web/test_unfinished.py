"""A reply that nobody gives any more is shown as stopped to whoever looks; one that somebody gives is let be."""

from __future__ import annotations

import datetime as dt

import pytest
from starlette.testclient import TestClient

import capsa
from stoic_emperor.hosting.processes import Processes
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import Message, Status, now
from stoic_emperor.testing.house import House


def cut(person: Person, ago: float) -> Message:
    """A reply that was begun so many seconds ago and has come half-way."""
    at = now() - dt.timedelta(seconds=ago)
    session = person.begin_session(created_at=at)
    person.add_message(Message(session_id=session.id, role="user", content="Are you there?", created_at=at))
    half = Message(session_id=session.id, role="emperor", content="I am", status=Status.STREAMING, created_at=at)
    return person.add_message(half)


def shown(browser: TestClient, reply: Message) -> set[str]:
    """What is said of it, by page and by API."""
    page = browser.get(f"/chat/{reply.session_id}").text
    api = browser.get(f"/api/sessions/{reply.session_id}/messages").json()[-1]
    assert api["content"] == "I am"
    return {api["status"], page.partition('data-status="')[2].partition('"')[0]}


@pytest.fixture
def other(house: House) -> Processes:
    """Another process of the house."""
    return Processes(house.hosted.application.database)


def test_what_a_killed_process_left_is_stopped_and_can_be_asked_for_again(house: House) -> None:
    user_id, browser = house.somebody()
    reply = cut(house.person(user_id), 61)
    assert shown(browser, reply) == {"stopped"}
    assert "Stopped here." in browser.get(f"/chat/{reply.session_id}").text
    kinds = [event.kind for event in house.heard(browser, f"/api/sessions/{reply.session_id}/again")]
    assert kinds[-1] == "finished"


def test_a_young_one_is_let_be_for_it_may_be_another_programs(house: House) -> None:
    user_id, browser = house.somebody()
    assert shown(browser, cut(house.person(user_id), 30)) == {"streaming"}


def test_one_that_a_living_process_may_be_giving_is_let_be_until_no_reply_takes_so_long(
    house: House, other: Processes
) -> None:
    user_id, browser = house.somebody()
    other._begun -= dt.timedelta(hours=1)
    other.live()
    try:
        person = house.person(user_id)
        assert shown(browser, cut(person, 90)) == {"streaming"}
        assert shown(browser, cut(person, 300)) == {"stopped"}
    finally:
        other.leave()


def test_a_process_that_began_later_gives_none_of_those_before(house: House, other: Processes) -> None:
    user_id, browser = house.somebody()
    other.live()
    try:
        assert shown(browser, cut(house.person(user_id), 90)) == {"stopped"}
    finally:
        other.leave()


def test_one_whose_end_could_not_be_kept_is_stopped_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id, browser = house.somebody()
    with monkeypatch.context() as away:
        away.setattr("stoic_emperor.companion.keeping.Keeper._keep", _away)
        told = house.heard(browser, "/api/chat/stream", message="Hello")
    assert told[-1].kind == "failed"
    session_id = told[0].data["session"]["id"]
    assert house.person(user_id).recent_messages()[-1].status is Status.STREAMING
    assert browser.get(f"/api/sessions/{session_id}/messages").json()[-1]["status"] == "stopped"


def _away(*_: object) -> None:
    raise capsa.DatabaseUnavailable("the database went away")
