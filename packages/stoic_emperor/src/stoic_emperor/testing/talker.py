"""A language model that never runs out of words, for tests of the web and its benchmark.

app = web_app(configured(home, url, "single"))
talker = give_model(app, Talker(delay=0.01))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from fastapi import FastAPI
from pydantic import BaseModel

from stoic_emperor.errors import InvalidAnswer
from stoic_emperor.llm import Prompt
from stoic_emperor.llm.chat_model import T
from stoic_emperor.models import PsychUpdate
from stoic_emperor.testing.web import hosted_by

#: What it says, unless it is told otherwise.
WORDS = ("It", "rains", "today,", "and", "the", "rain", "*asks", "nobody*.")


class Talker:
    """Says the same to everybody, word by word, and has read every turn."""

    name = "talker"

    def __init__(self, *, words: int = 40, delay: float = 0.0, paragraphs: int = 2) -> None:
        """Nobody asks yet.

        Args:
            words: of a reply.
            delay: seconds before each.
            paragraphs: among which the words are divided.
        """
        self.words = words
        self.delay = delay
        self.paragraphs = paragraphs
        #: Raised instead of the next replies.
        self.failure: Exception | None = None
        #: Replies that were asked for, that came to their end, and that were stopped.
        self.asked = self.ended = self.stopped = 0
        #: What it understood of every turn.
        self.noticed = PsychUpdate(detected_patterns=["looks at the weather"], emotional_state="calm", confidence=0.8)

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(self._pieces())

    def _pieces(self) -> list[str]:
        each = max(1, self.words // self.paragraphs)
        return [
            WORDS[i % len(WORDS)] + ("\n\n" if (i + 1) % each == 0 and i + 1 < self.words else " ")
            for i in range(self.words)
        ]

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:  # noqa: ARG002 - the interface's
        """The reply, a word at a time."""
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        try:
            for piece in self._pieces():
                await asyncio.sleep(self.delay)
                yield piece
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped += 1
            raise
        self.ended += 1

    async def extract(self, prompt: Prompt, schema: type[T]) -> T:  # noqa: ARG002 - the interface's
        """What it noticed; other forms it cannot fill in."""
        await asyncio.sleep(0)
        noticed: BaseModel = self.noticed
        if isinstance(noticed, schema):
            return noticed
        raise InvalidAnswer(f"{self.name} does not fill in {schema.__name__}")

    async def close(self) -> None:
        """Nothing is open."""


def give_model(app: FastAPI, model: Talker) -> Talker:
    """Let a model speak in a web application that was not opened yet."""
    application = hosted_by(app).application
    application.use_models(main=model)
    return model
