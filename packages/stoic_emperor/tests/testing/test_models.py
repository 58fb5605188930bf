"""The scripted model that others test with."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from pydantic import BaseModel

from stoic_emperor.errors import InvalidAnswer, ModelBusy, ModelUnavailable
from stoic_emperor.llm import Prompt, Turn
from stoic_emperor.testing.models import FakeModel, FakeServer, Reply

PROMPT = Prompt("", (Turn("user", "hello"),), 10)


class Form(BaseModel):
    mood: str


async def heard(model: FakeModel) -> list[str]:
    return [piece async for piece in model.stream(PROMPT)]


def test_it_follows_its_script_and_remembers_what_it_was_asked() -> None:
    model = FakeModel(["Good day.", ModelBusy("wait")])
    assert asyncio.run(heard(model)) == ["Good ", "day."]
    with pytest.raises(ModelBusy):
        asyncio.run(heard(model))
    with pytest.raises(ModelUnavailable, match="no reply left"):
        asyncio.run(heard(model))
    assert model.prompts == [PROMPT] * 3


def test_it_can_fail_after_it_has_begun() -> None:
    async def listen() -> list[str]:
        model, pieces = FakeModel([Reply("one two", error=ModelUnavailable("cut"))]), []
        try:
            async for piece in model.stream(PROMPT):
                pieces.append(piece)  # noqa: PERF401  # an error must not take along what came before it
        except ModelUnavailable:
            pieces.append("cut")
        return pieces

    assert asyncio.run(listen()) == ["one ", "two", "cut"]


def test_it_counts_who_did_not_listen_to_the_end() -> None:
    async def leave() -> None:
        async with aclosing(model.stream(PROMPT)) as reply:
            await anext(reply)

    async def cancel() -> None:
        task = asyncio.create_task(heard(model))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    model = FakeModel(["one two", Reply("one two", delay=60)])
    asyncio.run(leave())
    asyncio.run(cancel())
    assert model.stopped == 2


def test_it_fills_in_forms_as_strictly_as_a_real_one() -> None:
    model = FakeModel(answers=[{"mood": "calm"}, Form(mood="x"), {"mood": 1}, ModelBusy("wait")])
    assert asyncio.run(model.extract(PROMPT, Form)) == Form(mood="calm")
    assert asyncio.run(model.extract(PROMPT, Form)) == Form(mood="x")
    with pytest.raises(InvalidAnswer):
        asyncio.run(model.extract(PROMPT, Form))
    with pytest.raises(ModelBusy):
        asyncio.run(model.extract(PROMPT, Form))
    with pytest.raises(ModelUnavailable, match="no answer left"):
        asyncio.run(model.extract(PROMPT, Form))
    assert model.forms == [(PROMPT, Form)] * 5
    asyncio.run(model.close())
    assert model.closed


def test_a_server_needs_a_script() -> None:
    with pytest.raises(ValueError, match="at least one move"):
        FakeServer([])
