"""Asked to end, a real process begins no reply any more, and ends within its time, whichever way it was started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from stoic_emperor.infrastructure.database import Database
from stoic_emperor.testing.models import Drips, FakeServer, Says
from stoic_emperor.web.wording import CUT_OFF, ENDING

#: As they are typed, with less time for replies than they have.
_START = """
import sys
from stoic_emperor.web import running
running.GRACE = 2.0
port = int(sys.argv[2])
if sys.argv[1] == "uvicorn":
    import uvicorn
    uvicorn.run("stoic_emperor.web.api:app", port=port)
else:
    from stoic_emperor.cli.serve import command
    command(["--port", str(port)])
"""
WAYS = ["uvicorn", "stoic serve"]
LONG = "One word, and then another word. " * 400
SHORT = "Nearly done already, and now it is."


@contextmanager
def served(way: str, home: Path, model: FakeServer) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """A process of its own, and the one person at its machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"memory": {"embedding_model": "none"}, "safety": {"second_opinion": False}}
    (home / "config").mkdir()
    (home / "config" / "settings.yaml").write_text(json.dumps(settings))
    environment = os.environ | {
        "STOIC_HOME": str(home),
        "DATABASE_URL": f"sqlite:///{home}/memory.db",
        "LLM_MAIN_MODEL": "any",
        "LLM_BASE_URL": model.openai_url,
    }
    command = [sys.executable, "-c", _START, way, str(port)]
    with (
        subprocess.Popen(command, env=environment, cwd=home, stderr=subprocess.PIPE) as process,
        httpx2.Client(base_url=f"http://localhost:{port}", timeout=60) as client,
    ):
        try:
            deadline = time.monotonic() + 60
            while True:
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                assert time.monotonic() < deadline, "it does not answer"
                try:
                    client.get("/health")
                    break
                except httpx2.TransportError:
                    time.sleep(0.1)
            client.put("/api/user", json={"adult": True}).raise_for_status()
            yield process, client
        finally:
            process.kill()


def answer_to(words: dict[str, Drips | Says]) -> FakeServer:
    """A model that says this, by what it is told."""

    def answer(seen: object) -> Drips | Says:
        said = json.dumps(getattr(seen, "body", {}))
        return next((move for word, move in words.items() if word in said), Says("{}"))

    return FakeServer([answer])


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_reply_that_takes_too_long_is_kept_as_stopped_and_whoever_hears_it_is_told_to_ask_again(
    way: str, home: Path
) -> None:
    with answer_to({"at length": Drips(LONG, 0.05)}) as model, served(way, home, model) as (process, client):
        told, asked = "", 0.0
        with client.stream("POST", "/api/chat/stream", json={"message": "Speak at length"}) as response:
            for line in response.iter_lines():
                if line == "event: piece" and not asked:
                    process.send_signal(signal.SIGTERM)
                    asked = time.monotonic()
                if line.startswith("data:"):
                    told = line
        heard = json.loads(told.removeprefix("data:"))
        assert heard["detail"] == CUT_OFF
        assert heard["reply"]["status"] == "stopped"
        process.wait(20)
        assert 1.5 < time.monotonic() - asked < 15
    with Database(f"sqlite:///{home}/memory.db") as database:
        said, reply = database.person("default_user").recent_messages()
    assert said.content == "Speak at length"
    assert reply.status == "stopped"
    assert reply.content.startswith("One word")


@contextmanager
def half_sent(client: httpx2.Client, body: bytes) -> Iterator[Callable[[], str]]:
    """A message of which only half has come; calling it sends the rest, and gives the answer."""
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=20) as line:
        head = f"POST /api/chat/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        line.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body[:5])
        time.sleep(0.3)

        def rest() -> str:
            line.sendall(body[5:])
            return line.makefile("rb").read().decode()

        yield rest


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_reply_that_ends_in_time_is_heard_to_its_end_and_no_other_is_begun(way: str, home: Path) -> None:
    words: dict[str, Drips | Says] = {"not long": Drips(SHORT, 0.2)}
    with answer_to(words) as model, served(way, home, model) as (process, client):
        kinds = []
        with client.stream("POST", "/api/chat/stream", json={"message": "It is not long"}) as response:
            for line in response.iter_lines():
                if line == "event: started":
                    with half_sent(client, b'{"message": "And another thing"}') as rest:
                        process.send_signal(signal.SIGTERM)
                        time.sleep(0.3)
                        refused = rest()
                if line.startswith("event:"):
                    kinds.append(line)
        assert kinds[-1] == "event: finished"
        assert refused.startswith("HTTP/1.1 503")
        assert ENDING in refused
        process.wait(20)
    with Database(f"sqlite:///{home}/memory.db") as database:
        assert len(database.person("default_user").sessions()) == 1, "what is refused leaves nothing"
