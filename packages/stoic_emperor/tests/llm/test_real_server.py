"""A real llama.cpp server with a small real model. Its answers are poor; the protocol is real."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from stoic_emperor.errors import PromptTooLong, ReplyTooLong
from stoic_emperor.llm import ChatModel, ModelSettings, Prompt, Timeouts, Turn, open_chat_model

pytestmark = pytest.mark.slow

#: A busy machine with two cores takes its time.
PATIENCE = Timeouts(connect=10, first=200, idle=100, total=250)


class Mood(BaseModel):
    mood: Literal["angry", "calm", "sad"]
    themes: list[str] = Field(max_length=2)


def opened(address: str) -> ChatModel:
    model = open_chat_model(ModelSettings(main="smollm2", base_url=address, timeouts=PATIENCE))
    assert model is not None
    return model


def asked(words: str, max_tokens: int = 24) -> Prompt:
    return Prompt("You are a calm companion. Answer briefly.", (Turn("user", words),), max_tokens)


def test_it_streams_and_stops_at_the_length_it_was_given(llama_server: str) -> None:
    pieces: list[str] = []

    async def listen() -> None:
        async for piece in opened(llama_server).stream(asked("Say hello to me.")):
            pieces.append(piece)  # noqa: PERF401 - an error must not take along what came before it

    with pytest.raises(ReplyTooLong, match="24 tokens"):
        asyncio.run(listen())
    assert 2 <= len(pieces) <= 24
    assert "".join(pieces).strip()


def test_a_form_is_filled_in_as_the_schema_says(llama_server: str) -> None:
    prompt = asked("My brother shouted at me and I am furious. Which mood is that, and which themes?", 120)
    found = asyncio.run(opened(llama_server).extract(prompt, Mood))
    assert found.mood in {"angry", "calm", "sad"}


def test_a_stopped_reply_frees_the_server_for_the_next(llama_server: str) -> None:
    async def stop_then_ask() -> tuple[float, float]:
        model = opened(llama_server)
        async with aclosing(model.stream(asked("Tell me a long story about a king and his horse.", 900))) as reply:
            await anext(reply)
            started = time.monotonic()
            for _ in range(4):
                await anext(reply)
            a_piece = (time.monotonic() - started) / 4
        # The server has one place: had it gone on, this would wait for nearly nine hundred pieces.
        started = time.monotonic()
        async with aclosing(model.stream(asked("Say yes.", 4))) as reply:
            await anext(reply)
        return a_piece, time.monotonic() - started

    a_piece, waited = asyncio.run(stop_then_ask())
    assert waited < 300 * a_piece


def test_a_conversation_too_long_for_it_is_told_as_such(llama_server: str) -> None:
    async def listen() -> None:
        async for _ in opened(llama_server).stream(asked("word " * 3000)):
            pass

    with pytest.raises(PromptTooLong):
        asyncio.run(listen())
