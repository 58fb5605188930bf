"""Language models for tests: one that follows a script, and a server that speaks the providers' protocols.

model = FakeModel(["First reply.", ModelBusy("…")], answers=[{"text": "…", "confidence": 0.8}])
with FakeServer([Says("Hello."), Refuses(429, retry_after="1")]) as server:
    model = OpenAICompatible("any", server.openai_url)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from stoic_emperor.errors import InvalidAnswer, ModelUnavailable
from stoic_emperor.llm.chat_model import Prompt, T
from stoic_emperor.testing.model_server import Breaks, Drips, FakeServer, Hangs, Refuses, Says, Seen, Writes

__all__ = ["Breaks", "Drips", "FakeModel", "FakeServer", "Hangs", "Refuses", "Reply", "Says", "Seen", "Writes"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted reply."""

    text: str = ""
    #: Seconds before each piece.
    delay: float = 0.0
    #: Raised after the text has been said.
    error: Exception | None = None


class FakeModel:
    """A :class:`~stoic_emperor.llm.ChatModel` that says what it was told to, and remembers what it was asked.

    Args:
        replies: for ``stream``, in order: a text, an exception, or a :class:`Reply`. When they are used up, the model
            is unavailable; a test that goes on asking has found something out.
        answers: for ``extract``, in order: a model, the values for one, or an exception. Values that the schema
            refuses are an ``InvalidAnswer``, as with a real model.
        name: as shown to people.
    """

    def __init__(
        self,
        replies: Sequence[str | Exception | Reply] = (),
        *,
        answers: Sequence[BaseModel | Mapping[str, Any] | Exception] = (),
        name: str = "fake",
    ) -> None:
        self.name = name
        self._replies = list(replies)
        self._answers = list(answers)
        #: What it was asked to reply to, in order.
        self.prompts: list[Prompt] = []
        #: What it was asked to fill in, in order.
        self.forms: list[tuple[Prompt, type[BaseModel]]] = []
        #: How many replies were stopped before their end by whoever listened.
        self.stopped = 0
        self.closed = False

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        self.prompts.append(prompt)
        if not self._replies:
            raise ModelUnavailable(f"the script of {self.name} has no reply left")
        scripted = self._replies.pop(0)
        if isinstance(scripted, str):
            scripted = Reply(scripted)
        elif isinstance(scripted, Exception):
            scripted = Reply(error=scripted)
        try:
            for piece in _pieces(scripted.text):
                await asyncio.sleep(scripted.delay)
                yield piece
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped += 1
            raise
        if scripted.error is not None:
            raise scripted.error

    async def extract(self, prompt: Prompt, schema: type[T]) -> T:
        self.forms.append((prompt, schema))
        if not self._answers:
            raise ModelUnavailable(f"the script of {self.name} has no answer left")
        scripted = self._answers.pop(0)
        await asyncio.sleep(0)
        if isinstance(scripted, Exception):
            raise scripted
        try:
            return schema.model_validate(scripted.model_dump() if isinstance(scripted, BaseModel) else dict(scripted))
        except ValidationError:
            raise InvalidAnswer(f"the model {self.name} did not fill in {schema.__name__} as asked") from None

    async def close(self) -> None:
        self.closed = True


def _pieces(text: str) -> list[str]:
    """The words with the space after them, as models send them."""
    return [piece for piece in text.replace(" ", " \0").split("\0") if piece]
