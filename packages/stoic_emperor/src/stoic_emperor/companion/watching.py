"""A model's second look at a message, in the form that the safety desk asks for it."""

from __future__ import annotations

from stoic_emperor.llm import ChatModel, Prompt, Turn
from stoic_emperor.llm.chat_model import T

_TOKENS = 100


class Watcher:
    """Lets a `ChatModel` be asked for a second opinion."""

    def __init__(self, model: ChatModel) -> None:
        """Nothing is asked yet."""
        self._model = model

    async def extract(self, prompt: str, schema: type[T]) -> T:
        """An answer that ``schema`` accepts.

        Raises:
            InvalidAnswer, ModelUnavailable: then help is shown to be safe.
        """
        return await self._model.extract(Prompt(system="", turns=(Turn("user", prompt),), max_tokens=_TOKENS), schema)
