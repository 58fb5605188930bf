"""One conversation has one reply at a time, whoever gives it; what was said meanwhile is answered after it, once."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from stoic_emperor.companion import Companion, Elsewhere, Event, Finished, Piece, elsewhere
from stoic_emperor.companion.beginning import begun
from stoic_emperor.config import MemorySettings
from stoic_emperor.errors import NotFound
from stoic_emperor.infrastructure.person import SILENT, Person
from stoic_emperor.library import Library
from stoic_emperor.models import Message, Role, Status, now
from stoic_emperor.safety import SafetyDesk
from stoic_emperor.testing.models import FakeModel, Reply


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_LOOK", 0.02)


def companion(person: Person, *replies: str | Reply) -> Companion:
    """One of a process of its own."""
    library = Library(person.database.engine)
    model = FakeModel(replies)
    return Companion(person.database, model=model, libraries=[library], embedder=None, memory=MemorySettings())


def said(person: Person, session_id: str, words: str) -> Message:
    return person.add_message(Message(session_id=session_id, role=Role.USER, content=words))


def given(person: Person, session_id: str, at: dt.datetime | None = None) -> Message:
    """A reply that somebody else has begun."""
    half = Message(
        session_id=session_id, role=Role.EMPEROR, content="Half", status=Status.STREAMING, created_at=at or now()
    )
    return person.add_message(half)


def ended(person: Person, other: Message, then: str) -> None:
    """A reply comes to its end, and whoever gave it answers what was said since."""
    theirs = Message(session_id=other.session_id, role=Role.EMPEROR, content=then)
    with person.writing() as tx:
        person.finish_message(other.id, "Whole.", Status.COMPLETE, other.created_at, tx=tx)
        person.add_message(theirs, tx=tx)


def heard(events: AsyncGenerator[Event, None], meanwhile: Callable[[], object] | None = None) -> list[Event]:
    """All of it; at the first sign that somebody else answers, ``meanwhile`` happens."""

    async def collect() -> list[Event]:
        told: list[Event] = []
        async with aclosing(events):
            async for event in events:
                if meanwhile is not None and isinstance(event, Elsewhere) and not told:
                    await asyncio.to_thread(meanwhile)
                told.append(event)
        return told

    return asyncio.run(collect())


def test_two_who_answer_in_one_conversation_do_so_one_after_the_other_and_each_once(anna: Person) -> None:
    session = anna.begin_session()
    long = Reply("word " * 40, delay=0.005)
    processes = [companion(anna, long), companion(anna, long)]

    async def both() -> list[list[Event]]:
        async def one(each: Companion, words: str) -> list[Event]:
            return [event async for event in each.reply("anna", session.id, words)]

        return await asyncio.gather(*map(one, processes, ("first", "second")))

    told = asyncio.run(both())
    assert sorted(any(isinstance(event, Elsewhere) for event in events) for events in told) == [False, True]
    assert all(isinstance(events[-1], Finished) for events in told)
    kept = anna.messages(session.id)
    assert sorted(m.content for m in kept if m.role == Role.USER) == ["first", "second"]
    assert [m.status for m in kept] == [Status.COMPLETE] * 4
    assert [len(each.model.prompts) for each in processes if isinstance(each.model, FakeModel)] == [1, 1]


def test_however_many_begin_at_the_same_instant_one_does(anna: Person) -> None:
    session = anna.begin_session()
    words = [said(anna, session.id, f"words {n}") for n in range(6)]
    barrier = threading.Barrier(len(words))
    verdict = SafetyDesk().before("")

    def begin(message: Message) -> bool:
        barrier.wait(20)
        return asyncio.run(begun(anna, message, verdict, [], stored=True, waited=None))[1]

    with ThreadPoolExecutor(len(words)) as pool:
        assert sorted(pool.map(begin, words)) == [False] * 5 + [True]
    assert [m.status for m in anna.messages(session.id)].count(Status.STREAMING) == 1


def test_who_waits_is_shown_the_other_reply_and_then_has_their_own(anna: Person) -> None:
    session = anna.begin_session()
    said(anna, session.id, "On the page")
    other = given(anna, session.id)

    def end() -> None:
        anna.finish_message(other.id, "Half and whole.", Status.COMPLETE, other.created_at)

    told = heard(companion(anna, "Yours.").reply("anna", session.id, "In the terminal"), end)
    overheard = [event.reply for event in told if isinstance(event, Elsewhere)]
    assert [(reply.content, reply.status) for reply in overheard] == [
        ("Half", Status.STREAMING),
        ("Half and whole.", Status.COMPLETE),
    ]
    assert "".join(event.text for event in told if isinstance(event, Piece)) == "Yours."
    contents = [m.content for m in anna.messages(session.id)]
    assert contents == ["On the page", "Half and whole.", "In the terminal", "Yours."]


def test_words_are_stored_before_they_wait(anna: Person) -> None:
    session = anna.begin_session()
    given(anna, session.id)
    stored: list[str] = []

    def look() -> None:
        stored.extend(m.content for m in anna.messages(session.id))
        anna.stop_replies(session.id)

    heard(companion(anna, "Yours.").reply("anna", session.id, "Mine"), look)
    assert stored == ["Half", "Mine"]


def test_a_reply_that_nobody_gives_any_more_is_not_waited_for(anna: Person) -> None:
    session = anna.begin_session()
    cut = given(anna, session.id, now() - SILENT - dt.timedelta(seconds=1))
    told = heard(companion(anna, "Yours.").reply("anna", session.id, "Mine"))
    assert not any(isinstance(event, Elsewhere) for event in told)
    kept = anna.message(cut.id)
    assert kept is not None
    assert kept.status is Status.STOPPED


def test_one_that_falls_silent_while_it_is_waited_for_is_given_up(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = anna.begin_session()
    cut = given(anna, session.id)
    monkeypatch.setattr(elsewhere, "SILENT", dt.timedelta(seconds=0.2))
    told = heard(companion(anna, "Yours.").reply("anna", session.id, "Mine"))
    assert [event.reply.status for event in told if isinstance(event, Elsewhere)] == [Status.STREAMING, Status.STOPPED]
    assert isinstance(told[-1], Finished)
    assert (kept := anna.message(cut.id)) is not None
    assert kept.status is Status.STOPPED


def test_what_was_answered_by_another_while_it_waited_is_not_answered_twice(anna: Person) -> None:
    session = anna.begin_session()
    said(anna, session.id, "On the page")
    other = given(anna, session.id)

    told = heard(
        companion(anna).reply("anna", session.id, "Mine"), lambda: ended(anna, other, then="Given by another.")
    )
    assert isinstance(told[-1], Finished)
    assert told[-1].reply.content == "Given by another."


def test_where_two_wait_each_is_answered(anna: Person) -> None:
    session = anna.begin_session()
    said(anna, session.id, "On the page")
    other = given(anna, session.id)

    said(anna, session.id, "Another's, who waits")
    told = heard(
        companion(anna, "To me.").reply("anna", session.id, "Mine"), lambda: ended(anna, other, then="To another.")
    )
    assert isinstance(told[-1], Finished)
    assert told[-1].reply.content == "To me."


@pytest.mark.parametrize(("end", "content"), [(Status.COMPLETE, "Whole."), (Status.STOPPED, "Anew.")])
def test_who_asks_again_for_what_is_just_being_answered_gets_that_unless_it_is_stopped(
    anna: Person, end: Status, content: str
) -> None:
    session = anna.begin_session()
    said(anna, session.id, "On the page")
    other = given(anna, session.id)

    def finish() -> None:
        anna.finish_message(other.id, "Whole.", end, other.created_at)

    told = heard(companion(anna, "Anew.").again("anna", session.id), finish)
    assert isinstance(told[-1], Finished)
    assert [m.content for m in anna.messages(session.id)] == ["On the page", content]


@pytest.mark.parametrize("all_of_it", [True, False])
def test_what_is_forgotten_while_it_waits_is_not_answered(anna: Person, all_of_it: bool) -> None:
    session = anna.begin_session()
    other = given(anna, session.id)

    def forget() -> None:
        with anna.writing() as tx:
            for message in anna.last_messages(session.id, 2, tx=tx):
                if all_of_it or message.id != other.id:
                    anna.run(tx, "delete_message", id=message.id)
        anna.stop_replies(session.id)

    with pytest.raises(NotFound, match="forgotten"):
        heard(companion(anna).reply("anna", session.id, "Mine"), forget)


def test_who_leaves_at_the_very_beginning_leaves_no_reply_that_others_would_wait_for(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = anna.begin_session()
    beginning, go_on = threading.Event(), threading.Event()
    replace = Person.replace_replies

    def slowly(*args: object, **more: object) -> None:
        beginning.set()
        go_on.wait(10)
        replace(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Person, "replace_replies", slowly)

    async def leave() -> None:
        task = asyncio.ensure_future(anext(companion(anna, "Never.").reply("anna", session.id, "Mine")))
        await asyncio.to_thread(beginning.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert [(m.content, m.status) for m in anna.messages(session.id)] == [
        ("Mine", Status.COMPLETE),
        ("", Status.STOPPED),
    ]
