"""The server as clients start it: a process of its own, over both transports."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from starlette.types import Receive, Scope, Send

from afterimage.agents.clients import mcp_program
from afterimage.errors import ConfigError
from afterimage.hook import spool
from afterimage.mcp.run import TokenRequired, token
from afterimage.storage import get_storage_backend
from afterimage.testing_hooks import CODE

_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@contextmanager
def started(*more: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*mcp_program(), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_it_answers_on_stdout_alone_and_ends_with_its_client(home: Path, tmp_path: Path) -> None:
    directory = home / ".afterimage"
    event = {"version": spool.VERSION, "at": 1, "client": "codex", "session": "s", "cwd": str(tmp_path)}
    given = {"file_path": "a.py", "content": CODE}
    spool.note(str(directory), json.dumps({**event, "tool": "Write", "tool_use_id": "1", "input": given}).encode())
    with started(cwd=tmp_path) as process:
        to, back = process.stdin, process.stdout
        assert to is not None
        assert back is not None

        def ask(message: dict[str, Any]) -> dict[str, Any]:
            to.write(json.dumps(message) + "\n")
            to.flush()
            return dict(json.loads(back.readline())) if "id" in message else {}

        first = ask(_INITIALIZE)
        assert first["result"]["serverInfo"]["name"] == "afterimage"
        assert not (directory / "memory.capsa.db").exists(), "nothing is opened for that"
        ask({"jsonrpc": "2.0", "method": "notifications/initialized"})
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}
        text = ""
        while "def parse_duration" not in text:  # what the hook noted is on its way into the memory
            text = json.dumps(ask({**call, "params": {"name": "search", "arguments": {"query": "parse_duration"}}}))
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_greeting_needs_no_arithmetic(home: Path) -> None:
    """The client waits for it, and loading numpy and the model takes as long as a quarter of the library."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom afterimage.cli import serve\n"
        "from afterimage.config import load_config\nfrom afterimage.mcp.run import make_server, serve_stdio\n"
        "from afterimage.storage import get_storage_backend\n"
        "config = load_config()\nmake_server(get_storage_backend(config), config.directory)\n"
        "print({'numpy', 'onnxruntime', 'tokenizers', 'tree_sitter', 'psycopg', 'capsa.store'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_half_a_character_is_answered_like_any_other(home: Path, tmp_path: Path) -> None:
    """Code that was cut within an emoji: a client waited for ever for its answer, and the next answer never came."""
    with get_storage_backend() as backend:
        id_of = backend.store(str(tmp_path / "smile\udc80.py"), CODE + "# \ud83d\n")
    with started(cwd=tmp_path) as process:
        to, back = process.stdin, process.stdout
        assert to is not None
        assert back is not None

        def ask(line: str) -> str:
            to.write(line + "\n")
            to.flush()
            assert select.select([back], [], [], 60)[0], f"no answer to {line}"
            return json.dumps(json.loads(back.readline()), ensure_ascii=False)

        ask(json.dumps(_INITIALIZE))
        call = '{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "%s", "arguments": %s}}'
        assert "def parse_duration" in ask(call % ("search", r'{"query": "parse_duration \ud83d"}'))
        entry = {"uri": f"afterimage://entry/{id_of}"}
        read = ask(json.dumps({"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": entry}))
        assert "# \ufffd" in read
        code = json.dumps(CODE + "# \ud83d\n")
        assert "def parse_duration" in ask(call % ("similar", f'{{"code": {code}}}'))
        note = json.loads(ask(call % ("remember", r'{"text": "A lantern \ud83d \ud83c\udfee \\ud83d."}')))
        id_ = note["result"]["content"][0]["text"].split()[-1].rstrip(".")
        assert "A lantern \ufffd \U0001f3ee \\\\ud83d." in ask(call % ("show", f'{{"id": "{id_}"}}'))


def test_the_client_of_the_library_starts_it_too(home: Path, tmp_path: Path) -> None:
    program = mcp_program()
    environment = {**os.environ, "HOME": str(home)}
    server = StdioServerParameters(command=program[0], args=program[1:], env=environment, cwd=tmp_path)

    async def talk() -> str:
        async with Client(server, mode="auto") as client:
            await client.call_tool("remember", {"text": "Durations are seconds."})
            return client.protocol_version

    assert asyncio.run(talk()) == "2026-07-28"
    with get_storage_backend() as backend:
        assert [entry.new_code for entry in backend.iterate()] == ["Durations are seconds."]


def test_over_http_only_who_has_the_token_and_comes_from_here(home: Path, tmp_path: Path) -> None:
    with started("--http", "0", cwd=tmp_path) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/mcp", line)
        assert address, line
        url = address[0]
        key = (home / ".afterimage" / "mcp-token").read_text()
        assert key not in line
        good = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}
        modern = {"MCP-Protocol-Version": "2026-07-28"}
        for headers, status in (
            (good, 200),
            ({**good, "Authorization": "Bearer " + key[:-1]}, 401),
            ({**good, "Authorization": key}, 401),
            ({**good, "Authorization": f"Basic {key}"}, 401),
            ({**good, "Authorization": f"bearer  {key}"}, 200),
            ({"Accept": good["Accept"]}, 401),
            ({**good, "Host": "evil.example"}, 421),
            ({**good, "Origin": "http://evil.example"}, 403),
            ({**good, **modern, "Host": "evil.example"}, 421),
            ({**good, **modern, "Origin": "http://evil.example"}, 403),
        ):
            assert httpx2.post(url, json=_INITIALIZE, headers=headers).status_code == status, headers

        async def talk(era: str) -> list[str]:
            async with (
                httpx2.AsyncClient(headers=good) as http,
                Client(streamable_http_client(url, http_client=http), mode=era) as client,
            ):
                return [tool.name for tool in (await client.list_tools()).tools]

        for era in ("legacy", "auto"):
            assert len(asyncio.run(talk(era))) == 6
        process.terminate()
        assert process.wait(30) in {0, -15}


def test_the_token_is_made_once_and_for_this_user_only(tmp_path: Path) -> None:
    directory = tmp_path / "afterimage"
    made = token(directory)
    assert len(made) >= 32
    assert token(directory) == made
    assert (directory / "mcp-token").stat().st_mode & 0o777 == 0o600
    (directory / "mcp-token").write_text("\n")
    with pytest.raises(ConfigError, match="delete it"):
        token(directory)


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_without_the_token_nothing_gets_through(kind: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it got through")

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect"}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "headers": [(b"authorization", b"Bearer \xff")]}
    asyncio.run(TokenRequired(app, "secret")(scope, receive, send))
    assert sent


def test_without_the_library_the_command_names_the_extra(home: Path) -> None:
    script = (
        "import sys\nfrom importlib import util\nfrom afterimage.cli import main\n"
        "find = util.find_spec\nutil.find_spec = lambda name, *more: None if name == 'mcp' else find(name, *more)\n"
        "sys.exit(main(['mcp']))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert 'pip install "ai-afterimage[mcp]"' in run.stderr
    assert run.stderr.count("\n") == 1
