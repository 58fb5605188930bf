"""A reply under way: kept as it comes, and ended when it was stopped or erased from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from stoic_emperor.companion import Companion, Finished, Piece, keeping
from stoic_emperor.config import MemorySettings
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.library import Library
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Status
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


def test_a_turn_that_has_not_ended_does_not_wait_for_its_analysis(anna: Person) -> None:
    waiting: list[int] = []
    interrupted(anna, lambda _: waiting.append(len(anna.unprocessed_replies())))
    assert waiting == [0]
    assert len(anna.unprocessed_replies()) == 1
