"""Language models: one small interface, its adapters, and the library mode for when there is none.

model = open_chat_model(ModelSettings(main="llama3.2", base_url="http://localhost:11434/v1"))
async with aclosing(model.stream(Prompt(system, (Turn("user", "…"),), max_tokens=800))) as reply:
    async for piece in reply: ...
"""

from __future__ import annotations

from stoic_emperor.llm.chat_model import ChatModel, Prompt, Timeouts, Turn, collected
from stoic_emperor.llm.library_mode import Earlier, LibraryMode, Passage
from stoic_emperor.llm.opening import ModelSettings, Role, open_chat_model, preload

__all__ = [
    "ChatModel",
    "Earlier",
    "LibraryMode",
    "ModelSettings",
    "Passage",
    "Prompt",
    "Role",
    "Timeouts",
    "Turn",
    "collected",
    "open_chat_model",
    "preload",
]
