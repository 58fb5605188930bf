"""Talking by the web: a reply belongs to the conversation, not to the request that asked for it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NoReturn

import pytest

import capsa
from stoic_emperor.application import Application
from stoic_emperor.errors import ModelBusy, ReplyTooLong, StoicError
from stoic_emperor.hosting.usage import Usage
from stoic_emperor.infrastructure.person import SILENT, Person
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message, Status, now
from stoic_emperor.testing.house import House


def until(what: Callable[[], Any], seconds: float = 8.0) -> Any:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return found


def slow(house: House, words: int = 400) -> None:
    """A reply that takes so many hundredths of a second; its paragraphs are short."""
    house.talker.words, house.talker.delay, house.talker.paragraphs = words, 0.01, words // 10


def test_a_reply_is_told_from_its_beginning_to_its_end(house: House) -> None:
    user_id, browser = house.somebody()
    told = house.heard(browser, "/api/chat/stream", message="I mind the *rain*\ntoday")
    assert [event.id for event in told] == list(range(1, len(told) + 1))
    started, *between, finished = told
    assert started.kind == "started"
    assert started.data["session"]["title"] == "I mind the *rain* today"
    assert "<em>rain</em>" in started.data["said"]["html"]
    assert "computer program" in started.data["notice"]
    assert {event.kind for event in between} == {"piece", "rendered"}
    shown = "".join(event.data["text"] for event in between if event.kind == "piece")
    rendered = [event.data for event in between if event.kind == "rendered"][-1]
    assert shown[: rendered["upto"]].endswith("nobody*.") or rendered["upto"] <= len(shown)
    assert "<em>asks nobody</em>" in rendered["html"]
    assert finished.kind == "finished"
    said, reply = house.person(user_id).messages(started.data["session"]["id"])
    assert (said.id, said.content) == (started.data["said"]["id"], "I mind the *rain*\ntoday")
    assert (reply.id, reply.content) == (finished.data["reply"]["id"], shown)
    assert finished.data["reply"]["status"] == reply.status.value == "complete"


def test_that_it_is_a_program_is_said_at_the_beginning_and_not_with_every_word(house: House) -> None:
    _, browser = house.somebody()
    first = house.heard(browser, "/api/chat/stream", message="Hello")[0]
    second = house.heard(browser, "/api/chat/stream", message="Again", session_id=first.data["session"]["id"])[0]
    assert first.data["notice"]
    assert second.data["notice"] is None
    assert second.data["session"]["title"] == "Hello"


def test_help_comes_before_anything_else(house: House) -> None:
    _, browser = house.somebody()
    told = house.heard(browser, "/api/chat/stream", message="I want to kill myself")
    assert told[0].kind == "help"
    assert "<strong>" in told[0].data["html"]
    assert not told[0].data["to_be_safe"]


def test_without_streaming_the_answer_has_the_shape_that_programs_know(house: House) -> None:
    user_id, browser = house.somebody()
    first = browser.post("/api/chat", json={"message": "Hello"}).json()
    assert first["response"] == house.talker.text
    assert first["help"] is None
    assert first["sources"] == []
    second = browser.post("/api/chat", json={"message": "And again"}).json()
    assert second["session_id"] == first["session_id"], "it goes on where one spoke last"
    assert second["message_id"] == house.person(user_id).messages(second["session_id"])[-1].id


def test_why_a_reply_stops_in_the_middle_is_told_where_that_names_no_server(house: House) -> None:
    _, browser = house.somebody()
    house.talker.failure = ReplyTooLong("the reply came to the end of its length, 5 tokens")
    failed = house.heard(browser, "/api/chat/stream", message="Hello there")[-1]
    assert (failed.kind, failed.data["detail"]) == ("failed", "the reply came to the end of its length, 5 tokens")


def test_a_model_that_fails_is_told_of_and_what_was_said_is_kept(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    user_id, browser = house.somebody()
    house.talker.failure = ModelBusy("models.inside.example asks to wait")
    failed = house.heard(browser, "/api/chat/stream", message="Hello there")[-1]
    assert failed.kind == "failed"
    assert failed.data["detail"] == "the model did not answer: wait a little, and ask again"
    assert "models.inside.example" in caplog.text, "which one is for whoever keeps the server"
    assert failed.data["reply"]["status"] == "failed"
    refused = browser.post("/api/chat", json={"message": "Hello again"})
    assert refused.status_code == 503
    assert refused.json()["detail"] == "the model did not answer: wait a little, and ask again; what you wrote is kept"
    house.talker.failure = None
    session_id = house.person(user_id).sessions()[0].session.id
    told = house.heard(browser, f"/api/sessions/{session_id}/again")
    assert told[-1].data["reply"]["status"] == "complete"
    assert [m.role for m in house.person(user_id).messages(session_id)] == ["user", "emperor"] * 2


def test_who_goes_away_loses_nothing_and_who_comes_back_hears_the_rest(house: House) -> None:
    user_id, browser = house.somebody()
    slow(house, 200)
    with house.hearing(browser, "/api/chat/stream", message="Hello") as told:
        session_id = next(told).data["session"]["id"]
        first = [next(told), next(told)]
    with house.resuming(browser, session_id, first[-1].id) as told:
        rest = list(told)
    assert rest[0].id == first[-1].id + 1
    assert rest[-1].kind == "finished"
    shown = "".join(event.data["text"] for event in [*first, *rest] if event.kind == "piece")
    assert shown == house.person(user_id).messages(session_id)[1].content == house.talker.text
    assert house.talker.stopped == 0
    with house.resuming(browser, session_id, last_event_id="1") as told:
        late = list(told)
    assert [event.id for event in late] == list(range(2, rest[-1].id + 1)), "it is kept for a while after its end"


def test_where_nothing_is_under_way_there_is_nothing_to_hear(house: House) -> None:
    _, browser = house.somebody()
    session_id = browser.post("/api/sessions").json()["id"]
    assert browser.get(f"/api/sessions/{session_id}/stream").status_code == 204
    assert browser.get("/api/sessions/none/stream").status_code == 404


def test_stopping_keeps_what_was_shown(house: House) -> None:
    user_id, browser = house.somebody()
    slow(house)
    with house.hearing(browser, "/api/chat/stream", message="Hello") as told:
        session_id = next(told).data["session"]["id"]
        shown = next(event for event in told if event.kind == "piece").data["text"]
        assert browser.post(f"/api/sessions/{session_id}/stop").status_code == 204
        *more, last = list(told)
    shown += "".join(event.data["text"] for event in more if event.kind == "piece")
    assert last.kind == "finished"
    assert last.data["reply"]["status"] == "stopped"
    reply = house.person(user_id).messages(session_id)[1]
    assert reply.status.value == "stopped"
    assert reply.content.startswith(shown)
    assert len(reply.content) < len(house.talker.text)
    assert house.talker.stopped == 1


def test_a_stop_in_the_database_reaches_a_reply_of_another_process(house: House) -> None:
    user_id, browser = house.somebody()
    slow(house, 1_000)
    with house.hearing(browser, "/api/chat/stream", message="Hello") as told:
        session_id = next(told).data["session"]["id"]
        next(told)
        begun = time.monotonic()
        house.person(user_id).stop_replies(session_id)
        assert list(told)[-1].data["reply"]["status"] == "stopped"
    assert time.monotonic() - begun < 3


def test_a_model_that_is_silent_is_found_out_about_too(house: House) -> None:
    user_id, browser = house.somebody()
    house.talker.words, house.talker.delay = 1, 60
    with house.hearing(browser, "/api/chat/stream", message="Hello") as told:
        session_id = next(told).data["session"]["id"]
        house.person(user_id).stop_replies(session_id)
        assert list(told)[-1].data["reply"]["status"] == "stopped"


def test_a_conversation_has_one_reply_at_a_time_and_a_person_a_few(house: House) -> None:
    _, browser = house.somebody()
    slow(house)
    sessions = [browser.post("/api/sessions").json()["id"] for _ in range(4)]
    with ExitStack() as stack:
        for session_id in sessions[:3]:
            next(stack.enter_context(house.hearing(browser, "/api/chat/stream", message="Hi", session_id=session_id)))
        again = browser.post("/api/chat/stream", json={"message": "And?", "session_id": sessions[0]})
        assert again.status_code == 409
        assert "still being answered" in again.json()["detail"]
        other = browser.post("/api/chat/stream", json={"message": "And?", "session_id": sessions[3]})
        assert other.status_code == 429
        assert other.headers["Retry-After"]
        for session_id in sessions[:3]:
            browser.post(f"/api/sessions/{session_id}/stop")


def test_editing_while_it_is_answered_stops_that_and_asks_anew(house: House) -> None:
    user_id, browser = house.somebody()
    first = house.heard(browser, "/api/chat/stream", message="I plant tulips")[0].data
    session_id = first["session"]["id"]
    slow(house)
    with house.hearing(browser, "/api/chat/stream", message="My brother", session_id=session_id) as told:
        wrong = next(told).data["said"]["id"]
        next(told)
        house.talker.words = 20
        anew = house.heard(browser, f"/api/sessions/{session_id}/edit", message_id=wrong, message="My sister")
        assert list(told)[-1].data["reply"]["status"] == "stopped"
    assert anew[-1].kind == "finished"
    kept = [message.content for message in house.person(user_id).messages(session_id) if message.role == "user"]
    assert kept == ["I plant tulips", "My sister"]
    assert house.talker.stopped == 1


def test_what_was_erased_is_not_told_again_to_who_comes_back(house: House) -> None:
    user_id, browser = house.somebody()
    for erase in ("message", "session", "elsewhere"):
        told = house.heard(browser, "/api/chat/stream", message=f"my secret, {erase}")[0].data
        session_id, stream = told["session"]["id"], f"/api/sessions/{told['session']['id']}/stream"
        assert "my secret" in browser.get(stream).text
        if erase == "message":
            assert browser.delete(f"/api/messages/{told['said']['id']}").status_code == 200
            assert browser.get(stream).status_code == 204
        elif erase == "session":
            assert browser.delete(f"/api/sessions/{session_id}").status_code == 200
            assert browser.get(stream).status_code == 404
        else:
            # As another process does it, which knows nothing of the turns of this one.
            person = house.person(user_id)
            Forgetting(person, Recall(person.database.store, user_id)).message(told["said"]["id"])
            assert browser.get(stream).status_code == 204


def test_editing_forgets_what_came_after_if_it_is_known_of(house: House) -> None:
    user_id, browser = house.somebody()
    first = house.heard(browser, "/api/chat/stream", message="one")[0].data
    session_id = first["session"]["id"]
    for word in ("two", "three"):
        last = house.heard(browser, "/api/chat/stream", message=word, session_id=session_id)[0].data
    before = [(message.id, message.content) for message in house.person(user_id).messages(session_id)]
    # A page on which the first is the last thing that was said.
    edited = {"message_id": first["said"]["id"], "message": "uno"}
    for refused in (
        browser.post(f"/api/sessions/{session_id}/edit", json=edited),
        browser.post(f"/api/sessions/{session_id}/again", params={"said": first["said"]["id"]}),
    ):
        assert refused.status_code == 409
        assert "went on elsewhere" in refused.json()["detail"]
    assert [(message.id, message.content) for message in house.person(user_id).messages(session_id)] == before
    house.heard(browser, f"/api/sessions/{session_id}/again?said={last['said']['id']}")
    house.heard(browser, f"/api/sessions/{session_id}/edit", **edited, and_after=True)
    said, reply = house.person(user_id).messages(session_id)
    assert said.content == "uno"
    refused = browser.post(f"/api/sessions/{session_id}/edit", json={"message_id": reply.id, "message": "no"})
    assert refused.status_code == 404, "only one's own words can be edited"


@pytest.mark.parametrize("step", ["add_message", "rename_session"])
def test_if_the_database_goes_away_while_words_are_reworded_nothing_is_forgotten(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    user_id, browser = house.somebody()
    first = house.heard(browser, "/api/chat/stream", message="one")[0].data
    session_id = first["session"]["id"]
    before = [(m.id, m.content) for m in house.person(user_id).messages(session_id)]
    used = Usage(house.hosted.application.database).today(user_id)

    def away(*_: object, **__: object) -> NoReturn:
        raise capsa.DatabaseUnavailable("the database went away")

    with monkeypatch.context() as broken:
        broken.setattr(Person, step, away)
        edited = {"message_id": first["said"]["id"], "message": "uno"}
        assert browser.post(f"/api/sessions/{session_id}/edit", json=edited).status_code == 503
    assert [(m.id, m.content) for m in house.person(user_id).messages(session_id)] == before
    assert Usage(house.hosted.application.database).today(user_id) == used
    house.heard(browser, f"/api/sessions/{session_id}/edit", **edited)
    assert next(m.content for m in house.person(user_id).messages(session_id)) == "uno"


def test_erasing_a_conversation_ends_its_reply_and_nothing_of_it_comes_back(house: House) -> None:
    user_id, browser = house.somebody()
    slow(house)
    with house.hearing(browser, "/api/chat/stream", message="Hello") as told:
        session_id = next(told).data["session"]["id"]
        next(told)
        receipt = browser.delete(f"/api/sessions/{session_id}").json()
        list(told)
    assert receipt["erased"]["messages"] == 2
    until(lambda: house.talker.stopped == 1)
    assert house.person(user_id).recent_messages() == []
    assert house.person(user_id).sessions() == []


def test_erasing_oneself_while_a_reply_streams_leaves_nothing_behind(house: House) -> None:
    user_id, browser = house.somebody()
    slow(house)
    with house.hearing(browser, "/api/chat/stream", message="Hello") as told:
        next(told)
        next(told)
        receipt = browser.request("DELETE", "/api/user", json={"confirm": "erase"})
        assert receipt.status_code == 200, receipt.text
        list(told)
    assert receipt.json()["erased"]["users"] == 1
    assert receipt.headers["Clear-Site-Data"]
    until(lambda: house.talker.stopped == 1)
    time.sleep(0.2)
    assert house.person(user_id).get() is None
    assert house.person(user_id).recent_messages() == []
    assert house.hosted.accounts.account(user_id) is None
    assert browser.get("/api/sessions").status_code == 401


def test_a_turn_is_analysed_soon_after_and_not_in_the_request(house: House) -> None:
    user_id, browser = house.somebody()
    house.heard(browser, "/api/chat/stream", message="It rains and I am glad of it")
    until(lambda: not house.person(user_id).unprocessed_replies())
    journey = browser.get("/api/journey").json()
    assert journey["weeks"][0]["moods"] == {"calm": 1}
    assert journey["themes"][0]["name"] == "looks at the weather"
    until(lambda: not browser.get("/api/analysis/status").json()["tasks"])


def test_what_another_process_left_unfinished_is_kept_as_stopped_when_one_goes_on(house: House) -> None:
    user_id, browser = house.somebody()
    person = house.person(user_id)
    session = person.begin_session()
    person.add_message(Message(session_id=session.id, role="user", content="Hello"))
    long_ago = now() - SILENT - dt.timedelta(seconds=1)
    cut = Message(session_id=session.id, role="emperor", content="It ra", status=Status.STREAMING, created_at=long_ago)
    person.add_message(cut)
    house.heard(browser, "/api/chat/stream", message="Are you there?", session_id=session.id)
    statuses = [m["status"] for m in browser.get(f"/api/sessions/{session.id}/messages").json()]
    assert statuses == ["complete", "stopped", "complete", "complete"]


def test_while_a_reply_is_given_elsewhere_nothing_else_is_and_nothing_is_stored_or_counted(house: House) -> None:
    user_id, browser = house.somebody()
    person = house.person(user_id)
    session = person.begin_session()
    said = person.add_message(Message(session_id=session.id, role="user", content="Hello"))
    given = Message(session_id=session.id, role="emperor", content="It ra", status=Status.STREAMING)
    person.add_message(given)
    for path, asked in (
        ("/api/chat/stream", {"message": "And now?", "session_id": session.id}),
        ("/api/chat", {"message": "And now?", "session_id": session.id}),
        (f"/api/sessions/{session.id}/again", None),
    ):
        refused = browser.post(path, json=asked)
        assert refused.status_code == 409
        assert "answered elsewhere" in refused.json()["detail"]
    assert [(m.id, m.status) for m in person.messages(session.id)] == [
        (said.id, Status.COMPLETE),
        (given.id, Status.STREAMING),
    ]
    assert Usage(house.hosted.application.database).today(user_id) == 0
    assert browser.post(f"/api/sessions/{session.id}/stop").status_code == 204
    assert house.heard(browser, f"/api/sessions/{session.id}/again")[-1].kind == "finished"


@pytest.mark.parametrize("message", ["", " \n ", "\u202e\u200b", "x" * 20_001])
def test_nothing_and_too_much_are_refused(house: House, message: str) -> None:
    _, browser = house.somebody()
    refused = browser.post("/api/chat", json={"message": message})
    assert refused.status_code == 422
    assert isinstance(refused.json()["detail"], str)
    assert house.talker.asked == 0


def test_what_is_said_is_stored_with_the_beginning_of_its_reply_before_the_companion_is_loaded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id, browser = house.somebody()
    person = house.person(user_id)
    stored: list[list[tuple[str, Status]]] = []

    def companion(_: Application) -> NoReturn:
        stored.append([(message.content, message.status) for message in person.recent_messages()])
        raise StoicError("it cannot be loaded")

    with monkeypatch.context() as broken:
        broken.setattr(Application, "companion", property(companion))
        broken.setattr(house.hosted.talking, "_companion", None)
        told = house.heard(browser, "/api/chat/stream", message="first *words*")
    assert stored == [[("first *words*", Status.COMPLETE), ("", Status.STREAMING)]]
    (failed,) = told
    said, reply = person.recent_messages()
    assert reply.status is Status.STOPPED, "nobody waits for what nobody gives"
    assert (failed.kind, failed.data["detail"]) == ("failed", "it cannot be loaded")
    assert failed.data["said"]["id"] == said.id, "so that a page leaves it where it is"
    assert "<em>words</em>" in failed.data["said"]["html"]
    again = house.heard(browser, f"/api/sessions/{said.session_id}/again")
    assert again[-1].kind == "finished"
    assert [message.role for message in person.recent_messages()] == ["user", "emperor"]


def test_a_new_conversation_is_stored_with_its_first_words_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id, browser = house.somebody()

    def away(*_: object, **__: object) -> NoReturn:
        raise capsa.DatabaseUnavailable("the database went away")

    with monkeypatch.context() as broken:
        broken.setattr(Person, "add_message", away)
        assert browser.post("/api/chat/stream", json={"message": "Hello"}).status_code == 503
    assert house.person(user_id).sessions() == []
    assert browser.get("/api/sessions").json() == []
