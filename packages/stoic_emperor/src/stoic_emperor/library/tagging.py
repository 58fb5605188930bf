"""Having a model say what a passage is about."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel

from stoic_emperor.library.importing import Tagger
from stoic_emperor.library.passages import Tags
from stoic_emperor.llm import ChatModel, Prompt, Turn
from stoic_emperor.llm.answers import Phrases
from stoic_emperor.memory.quoting import quoted
from stoic_emperor.prompts import prompt

_MOST = 5


class PassageTags(BaseModel):
    """What a model says of a passage."""

    classical_tags: Phrases = []
    modern_tags: Phrases = []
    themes: Phrases = []


def tagger_of(model: ChatModel) -> Tagger:
    """A function that asks ``model``; whatever it raises leaves a text without tags of its own."""
    # One loop for all calls: connections belong to the loop that made them.
    runner = asyncio.Runner()

    def tags(text: str) -> Tags:
        asked = Prompt(system=prompt("tagging"), turns=(Turn("user", quoted("passage", text)),), max_tokens=300)
        found = runner.run(model.extract(asked, PassageTags))
        return Tags.of(found.classical_tags[:_MOST], found.modern_tags[:_MOST], found.themes[:_MOST])

    return tags
