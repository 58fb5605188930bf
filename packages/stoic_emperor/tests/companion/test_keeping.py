"""A reply under way: kept as it comes, and ended when it was stopped or erased from elsewhere."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from typing import Any

import pytest

import capsa
from stoic_emperor.companion import Companion, Finished, Piece, keeping
from stoic_emperor.companion.keeping import Keeper, Keeping
from stoic_emperor.config import MemorySettings
from stoic_emperor.infrastructure.person import SILENT, Person
from stoic_emperor.library import Library
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message, Status, now
from stoic_emperor.safety import SafetyDesk
from stoic_emperor.testing.models import FakeModel, Reply

_LONG = "It rains on the roof, and it rains in the garden. " * 20


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_EVERY", 0.02)


def interrupted(anna: Person, do: Callable[[str], object]) -> tuple[FakeModel, list[object]]:
    """A reply to which ``do`` happens, from elsewhere, when its first words have been shown; the events after that."""
    model = FakeModel([Reply(_LONG, delay=0.005)])
    library = Library(anna.database.engine)
    companion = Companion(anna.database, model=model, libraries=[library], embedder=None, memory=MemorySettings())
    session = anna.begin_session()

    async def run() -> list[object]:
        after: list[object] = []
        done = False
        async with aclosing(companion.reply("anna", session.id, "Hello")) as events:
            async for event in events:
                if isinstance(event, Piece) and not done:
                    done = True
                    await asyncio.to_thread(do, session.id)
                elif done:
                    after.append(event)
        return after

    return model, asyncio.run(run())


def test_a_reply_that_is_stopped_from_elsewhere_ends_and_what_was_shown_is_kept(anna: Person) -> None:
    model, after = interrupted(anna, anna.stop_replies)
    assert model.stopped == 1
    assert isinstance(after[-1], Finished)
    assert after[-1].reply.status is Status.STOPPED
    (_, reply) = anna.messages(after[-1].reply.session_id)
    assert reply.status is Status.STOPPED
    assert reply.content == after[-1].reply.content
    assert 0 < len(reply.content) < len(_LONG)


def test_a_reply_whose_conversation_is_erased_ends_and_leaves_nothing_behind(anna: Person) -> None:
    forgetting = Forgetting(anna, Recall(anna.database.store, "anna"))
    model, after = interrupted(anna, forgetting.session)
    assert model.stopped == 1
    assert isinstance(after[-1], Finished)
    assert anna.recent_messages() == []
    assert anna.sessions() == []


def test_a_reply_whose_model_is_silent_shows_that_it_is_given_and_has_its_own_time_again_in_the_end(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_SIGN", 0.02)
    at = now() - dt.timedelta(hours=1)
    session = anna.begin_session()
    reply = Message(session_id=session.id, role="emperor", content="", status=Status.STREAMING, created_at=at)
    anna.add_message(reply)

    async def silent() -> None:
        async with Keeper(Keeping(), anna, reply, SafetyDesk().guard()):
            for _ in range(200):
                await asyncio.sleep(0.02)
                if (kept := anna.message(reply.id)) and kept.created_at > at:
                    break
            else:
                raise AssertionError("nobody could tell that it is given")
            assert anna.stop_replies(session.id, before=now() - SILENT) == []

    asyncio.run(silent())
    (kept,) = anna.messages(session.id)
    assert (kept.status, kept.created_at) == (Status.COMPLETE, at)


def test_a_reply_that_cannot_be_kept_any_more_ends(anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    session = anna.begin_session()
    reply = Message(session_id=session.id, role="emperor", content="", status=Status.STREAMING)
    anna.add_message(reply)

    async def speak() -> None:
        async with Keeper(Keeping(), anna, reply, SafetyDesk().guard()) as keeper:
            with monkeypatch.context() as away:
                away.setattr(Person, "finish_message", _away)
                for _ in range(200):
                    keeper.add("word ")
                    await asyncio.sleep(0.02)

    with pytest.raises(capsa.DatabaseUnavailable):
        asyncio.run(speak())
    (kept,) = anna.messages(session.id)
    assert kept.status is Status.STOPPED, "it came back in time for what there is to be kept"
    assert kept.content.startswith("word word")


def _away(*_: object, **__: object) -> None:
    raise capsa.DatabaseUnavailable("the database went away")


def test_what_many_hear_at_once_is_kept_in_one_transaction_each_bound_to_its_own(
    anna: Person, boris: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping_all, replies = Keeping(), [under_way(person) for person in (anna, boris, anna)]
    bound: list[list[str]] = []
    write = anna.database.engine.write

    @contextmanager
    def counted(owner: str) -> Iterator[capsa.Transaction]:
        with write(owner) as tx:
            bound.append([])
            rebind = tx.rebind

            def noted(to: str) -> None:
                bound[-1].append(to)
                rebind(to)

            monkeypatch.setattr(tx, "rebind", noted)
            yield tx

    async def speak() -> list[tuple[str, Status]]:
        async with AsyncExitStack() as stack:
            for number, (person, reply) in enumerate(replies):
                keeper = await stack.enter_async_context(Keeper(keeping_all, person, reply, SafetyDesk().guard()))
                keeper.add(f"words of {number}")
            monkeypatch.setattr(anna.database.engine, "write", counted)
            await asyncio.sleep(0.5)
            monkeypatch.setattr(anna.database.engine, "write", write)
            kept = [person.message(reply.id) for person, reply in replies]
        return [(each.content, each.status) for each in kept if each is not None]

    assert asyncio.run(speak()) == [(f"words of {number}", Status.STREAMING) for number in range(3)]
    # Of each person one row a transaction: whoever erases all of theirs cannot wait for us while we wait for them.
    assert sorted(sorted(owners) for owners in bound) == [["anna"], ["anna", "boris"]]


def under_way(person: Person) -> tuple[Person, Message]:
    session = person.begin_session()
    return person, person.add_message(
        Message(session_id=session.id, role="emperor", content="", status=Status.STREAMING)
    )


def test_one_reply_that_ends_leaves_the_others_kept(anna: Person, boris: Person) -> None:
    keeping_all = Keeping()

    async def speak() -> str:
        (_, hers), (_, his) = under_way(anna), under_way(boris)
        async with Keeper(keeping_all, boris, his, SafetyDesk().guard()) as keeper:
            async with Keeper(keeping_all, anna, hers, SafetyDesk().guard()) as other:
                other.add("Hers.")
            keeper.add("His.")
            await asyncio.sleep(0.3)
            kept = boris.message(his.id)
        return "" if kept is None else kept.content

    # In two loops, one after the other.
    assert [asyncio.run(speak()), asyncio.run(speak())] == ["His.", "His."]


def test_one_reply_that_cannot_be_kept_takes_no_other_with_it(
    anna: Person, boris: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping_all = Keeping()
    (_, hers), (_, his) = under_way(anna), under_way(boris)
    finish = Person.finish_message

    def not_hers(person: Person, message_id: str, *rest: Any, **more: Any) -> Status | None:
        if message_id == hers.id:
            raise capsa.DatabaseUnavailable("her row is held by somebody")
        return finish(person, message_id, *rest, **more)

    async def speak() -> tuple[Exception | None, str]:
        async with AsyncExitStack() as stack:
            keepers = [
                await stack.enter_async_context(Keeper(keeping_all, person, reply, SafetyDesk().guard()))
                for person, reply in ((anna, hers), (boris, his))
            ]
            for keeper in keepers:
                keeper.add("Words.")
            with monkeypatch.context() as held:
                held.setattr(Person, "finish_message", not_hers)
                await asyncio.sleep(0.5)
            assert keepers[1].failure is None
            kept = boris.message(his.id)
            return keepers[0].failure, "" if kept is None else kept.content

    failure, words = asyncio.run(speak())
    assert isinstance(failure, capsa.DatabaseUnavailable)
    assert words == "Words."


def test_a_turn_that_has_not_ended_does_not_wait_for_its_analysis(anna: Person) -> None:
    waiting: list[int] = []
    interrupted(anna, lambda _: waiting.append(len(anna.unprocessed_replies())))
    assert waiting == [0]
    assert len(anna.unprocessed_replies()) == 1
