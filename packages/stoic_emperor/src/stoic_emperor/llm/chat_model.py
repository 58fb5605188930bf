"""What a language model is to the rest of the application, whoever made it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from stoic_emperor.errors import ReplyTooLong

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a model is told. There is no temperature: not every provider still takes one.

    Raises:
        ValueError: there is no turn, the last one is not the user's, or nothing may be answered.
    """

    #: What the model is to be. Nothing that a user or a text said belongs here.
    system: str
    #: The conversation, oldest first; the last turn is the user's.
    turns: tuple[Turn, ...]
    #: How long the answer may be.
    max_tokens: int

    def __post_init__(self) -> None:
        if not self.turns or self.turns[-1].role != "user":
            raise ValueError("a prompt ends with what the user said")
        if self.max_tokens < 1:
            raise ValueError(f"a prompt allows at least one token, not {self.max_tokens}")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a model may take, in seconds. What the reader of a stream takes is not counted."""

    #: To reach the server.
    connect: float = 10.0
    #: Until the first words: a small machine reads a long prompt slowly.
    first: float = 120.0
    #: Between two signs of life after that. A model that thinks unseen gives them too.
    idle: float = 45.0
    #: In all, with every retry and every pause between them.
    total: float = 300.0


@runtime_checkable
class ChatModel(Protocol):
    """A model that talks and that fills in forms.

    Every failure is a :class:`~stoic_emperor.errors.ModelUnavailable` whose message holds neither a secret nor a
    word of the conversation.
    """

    @property
    def name(self) -> str:
        """The model's name, as the provider knows it."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """The reply, piece by piece.

        Closing the generator (``contextlib.aclosing``) or cancelling the task that reads it ends the request at once.

        Raises:
            ModelUnavailable: before the first piece or after any of them; what came before it stands.
        """

    async def extract(self, prompt: Prompt, schema: type[T]) -> T:
        """A form filled in: an answer that ``schema`` accepts.

        Raises:
            InvalidAnswer: the model answered, even when asked again, with something else.
            ModelUnavailable: it did not answer.
        """

    async def close(self) -> None:
        """Let go of connections. Closing twice is no error."""


async def collected(pieces: AsyncGenerator[str, None]) -> str:
    """A reply that nobody hears while it comes; of one that came to the end of its length, what there is of it."""
    heard: list[str] = []
    async with aclosing(pieces) as stream:
        with suppress(ReplyTooLong):
            async for piece in stream:
                heard.append(piece)  # noqa: PERF401 - an error must not take along what came before it
    return "".join(heard)
