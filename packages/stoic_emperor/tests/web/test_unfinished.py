"""A reply that nobody gives any more is shown as stopped to whoever looks; one that somebody gives is let be."""

from __future__ import annotations

import datetime as dt

import pytest
from starlette.testclient import TestClient

import capsa
from stoic_emperor.infrastructure.person import SILENT, Person
from stoic_emperor.models import Message, Session, Status, now
from stoic_emperor.testing.house import House

_LATE = SILENT.total_seconds() + 1


def cut(person: Person, ago: float, session: Session | None = None) -> Message:
    """A reply that was kept so many seconds ago and has come half-way."""
    at = now() - dt.timedelta(seconds=ago)
    session = session or person.begin_session(created_at=at)
    person.add_message(Message(session_id=session.id, role="user", content="Are you there?", created_at=at))
    half = Message(session_id=session.id, role="emperor", content="I am", status=Status.STREAMING, created_at=at)
    return person.add_message(half)


def shown(browser: TestClient, reply: Message) -> set[str]:
    """What is said of it, by page and by API."""
    page = browser.get(f"/chat/{reply.session_id}").text
    api = browser.get(f"/api/sessions/{reply.session_id}/messages").json()[-1]
    assert api["content"] == "I am"
    return {api["status"], page.rpartition('data-status="')[0].rpartition('data-status="')[2].partition('"')[0]}


def test_what_a_killed_process_left_is_stopped_and_can_be_asked_for_again(house: House) -> None:
    user_id, browser = house.somebody()
    reply = cut(house.person(user_id), _LATE)
    assert shown(browser, reply) == {"stopped"}
    assert "Stopped here." in browser.get(f"/chat/{reply.session_id}").text
    kinds = [event.kind for event in house.heard(browser, f"/api/sessions/{reply.session_id}/again")]
    assert kinds[-1] == "finished"


def test_one_that_another_process_gives_is_let_be_however_long_it_takes(house: House) -> None:
    user_id, browser = house.somebody()
    person = house.person(user_id)
    reply = cut(person, 3_600)
    person.finish_message(reply.id, "I am", Status.STREAMING, now())
    assert shown(browser, reply) == {"streaming"}


def test_beside_one_that_was_cut_off_another_goes_on(house: House) -> None:
    user_id, browser = house.somebody()
    person = house.person(user_id)
    session = person.begin_session()
    cut_off, given = cut(person, _LATE, session), cut(person, 1, session)
    told = {m["id"]: m["status"] for m in browser.get(f"/api/sessions/{session.id}/messages").json()}
    assert (told[cut_off.id], told[given.id]) == ("stopped", "streaming")


def test_one_whose_end_could_not_be_kept_is_stopped_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id, browser = house.somebody()
    with monkeypatch.context() as away:
        away.setattr("stoic_emperor.infrastructure.person.Person.finish_message", _away)
        told = house.heard(browser, "/api/chat/stream", message="Hello")
    assert told[-1].kind == "failed"
    session_id = told[0].data["session"]["id"]
    assert house.person(user_id).recent_messages()[-1].status is Status.STREAMING
    assert browser.get(f"/api/sessions/{session_id}/messages").json()[-1]["status"] == "stopped"


def _away(*_: object, **__: object) -> None:
    raise capsa.DatabaseUnavailable("the database went away")
