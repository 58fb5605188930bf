"""Nothing of a conversation gets into a log, whatever the environment asks the SDKs to log."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from pydantic import BaseModel
from stoic_emperor.errors import StoicError
from stoic_emperor.llm import Prompt, Turn
from stoic_emperor.llm.anthropic_messages import AnthropicModel
from stoic_emperor.llm.openai_compatible import OpenAICompatible
from stoic_emperor.testing.models import Breaks, FakeServer, Refuses, Says
import stoic_emperor.llm._effort as effort
effort._PAUSES = (0.01, 0.01)

class Form(BaseModel):
    mood: str

async def talk(model):
    prompt = Prompt("private system", (Turn("user", "private words"),), 50)
    for _ in range(4):
        try:
            [piece async for piece in model.stream(prompt)]
        except StoicError:
            pass
        try:
            await model.extract(prompt, Form)
        except StoicError:
            pass
        # Somebody turns the loggers up later on.
        for name in list(logging.root.manager.loggerDict):
            logging.getLogger(name).setLevel(logging.DEBUG)
    await model.close()

script = [Says("private reply"), Refuses(400, message="private words"), Refuses(500, message="private words"),
          Breaks("private reply", 1), Says('{"mood": "private"}')]
for make in (lambda s: OpenAICompatible("m", s.openai_url, api_key="private-key"),
             lambda s: AnthropicModel("m", "private-key", base_url=s.url)):
    with FakeServer(script) as server:
        asyncio.run(talk(make(server)))
        assert len(server.requests) > 5
print("done")
"""


@pytest.mark.parametrize("level", ["debug", "info"])
def test_nothing_is_logged_even_where_the_sdks_are_asked_to(level: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={
            "OPENAI_LOG": level,
            "ANTHROPIC_LOG": level,
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
        },
    )
    assert done.stdout == "done\n", done.stderr
    assert "private" not in done.stderr
    # The only one that speaks is Python's own event loop, of itself.
    assert {line.split(":")[1] for line in done.stderr.splitlines()} <= {"asyncio"}


def test_the_test_above_would_see_it() -> None:
    """Without the filter, Anthropic's SDK writes out the whole conversation."""
    unfiltered = f"import stoic_emperor.llm._hosted as hosted\nhosted.keep_out_of_logs = int\n{SCRIPT}"
    done = subprocess.run(
        [sys.executable, "-c", unfiltered], capture_output=True, text=True, check=False, timeout=120, env={}
    )
    assert "private words" in done.stderr
