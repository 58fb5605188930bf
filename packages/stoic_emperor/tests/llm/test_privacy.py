"""Nothing of a conversation gets into a log, whatever the environment asks the SDKs to log."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, io, json, logging, sys
logged = io.StringIO()
logging.basicConfig(level=logging.DEBUG, stream=logged)

from pydantic import BaseModel
import stoic_emperor.llm._effort as effort
import stoic_emperor.llm._hosted as hosted
from stoic_emperor.errors import StoicError
from stoic_emperor.llm import Prompt, Turn
from stoic_emperor.llm.anthropic_messages import AnthropicModel
from stoic_emperor.llm.openai_compatible import OpenAICompatible
from stoic_emperor.testing.models import Breaks, FakeServer, Refuses, Says

effort._PAUSES = (0.01, 0.01)

class Form(BaseModel):
    mood: str

async def talk(model):
    prompt = Prompt("private system", (Turn("user", "private words"),), 50)
    for _ in range(2):
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

def talk_to_all():
    logged.truncate(0)
    script = [Says("private reply"), Refuses(400, message="private words"), Refuses(500, message="private words"),
              Breaks("private reply", 1), Says('{"mood": "private"}')]
    for make in (lambda s: OpenAICompatible("m", s.openai_url, api_key="private-key"),
                 lambda s: AnthropicModel("m", "private-key", base_url=s.url)):
        with FakeServer(script) as server:
            asyncio.run(talk(make(server)))
            assert len(server.requests) > 4
    return logged.getvalue()

kept, hosted.keep_out_of_logs = hosted.keep_out_of_logs, lambda: None
unfiltered = talk_to_all()
hosted.keep_out_of_logs = kept
print(json.dumps([unfiltered, talk_to_all()]))
"""


@pytest.mark.slow
def test_nothing_is_logged_even_where_the_sdks_are_asked_to() -> None:
    asked = {
        "OPENAI_LOG": "debug",
        "ANTHROPIC_LOG": "debug",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=200, env=asked
    )
    assert done.returncode == 0, done.stderr
    unfiltered, filtered = json.loads(done.stdout)
    # Left alone, they write out the conversation: this test would see it.
    assert "private words" in unfiltered
    assert "private" not in filtered
    # The only one that speaks is Python's own event loop, of itself.
    assert {line.strip("\0").split(":")[1] for line in filtered.splitlines()} <= {"asyncio"}
    assert done.stderr == ""
