"""Whether the hooks that are installed work: each is run as its client runs it, where no shell's profile reaches."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shlex
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterimage.agents import CLIENTS, plugins, servers, switched_off, switched_off_here
from afterimage.agents.clients import OURS, Client
from afterimage.agents.reading import setting_at
from afterimage.hook import seen, spool
from afterimage.sync import put_aside, strangers
from capsa.terminal import Check

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig

_RUNS = 3
_TIMEOUT = 10
#: Waiting events that say that nobody takes them in.
_MANY = 200


def examine_hooks(config: AfterImageConfig, environ: Mapping[str, str]) -> Iterator[Check]:
    """Look at the hooks of every client that has ours, and at what they leave behind. Raises nothing it can say."""
    installed = False
    for client in CLIENTS.values():
        programs = installed_programs(client, config, environ)
        if programs:
            installed = True
            why = switched_off(client, config.home, environ, config.directory)
            if why:
                name = f"hooks of {client.title}"
                yield Check(
                    name, "fail", f"switched off: {why}", f"take it out, or: afterimage uninstall {client.name}"
                )
            else:
                yield _run_all(client, programs, config)
            if why := switched_off_here(client, config.home, environ, config.directory):
                yield Check(
                    f"{client.title} here", "note", f"it runs no hooks in this project: {why}", "take it out there"
                )
            yield _server(client, config, environ)
    if not installed:
        yield Check("hooks", "note", "in no coding agent", "afterimage setup")
        return
    yield from left_behind(config)


def installed_programs(client: Client, config: AfterImageConfig, environ: Mapping[str, str]) -> dict[str, list[str]]:
    """Event -> our program and its arguments, as the client's file or the plugin has them."""
    places = [client.files(config.home, environ)[0]]
    if client.name == "claude-code" and plugins.installed(places[0], config.directory):
        places.append(plugins.hooks_file(config.directory))
    found: dict[str, list[str]] = {}
    for place in places:
        hooks = setting_at(place, "hooks")
        for event, entries in hooks.items() if isinstance(hooks, dict) else ():
            for entry in entries if isinstance(entries, list) else ():
                if program := _program(entry):
                    found[event] = program
    return found


def _program(entry: Any) -> list[str]:
    """Our program in an entry, which anybody may have written; empty if there is none."""
    if not isinstance(entry, dict):
        return []
    handlers = entry.get("hooks")
    for handler in (entry, *(handlers if isinstance(handlers, list) else ())):
        command, arguments = (
            (handler.get("command"), handler.get("args")) if isinstance(handler, dict) else (None, None)
        )
        if not isinstance(command, str):
            continue
        words = [str(word) for word in (command, *(arguments if isinstance(arguments, list) else ()))]
        if any(OURS in word for word in words):
            with contextlib.suppress(ValueError):
                return words if len(words) > 1 else shlex.split(command)
    return []


def _server(client: Client, config: AfterImageConfig, environ: Mapping[str, str]) -> Check:
    """Whether the client is told of our MCP server, and that can run."""
    name = f"MCP server of {client.title}"
    hooks_file, place = client.files(config.home, environ)
    if client.name == "claude-code" and plugins.installed(hooks_file, config.directory):
        place = plugins.servers_file(config.directory)
    server = servers.named_in(place)
    ours = servers.starts_afterimage(server)
    again = f"afterimage setup {client.name}"
    if importlib.util.find_spec("mcp") is None:
        remedy = f'pip install "ai-afterimage[mcp]", then: {again}'
        if ours:
            return Check(name, "fail", "it is named to the client, and its library is not installed", remedy)
        return Check(name, "note", "not there: its library is not installed", remedy)
    if server is None:
        return Check(name, "note", "the client is not told of it", again)
    if not ours:
        found = f"{place} has another by the name {servers.SERVER!r} ({servers.described(server)}) instead of ours"
        return Check(name, "note", found, f"if ours is to be there too, rename that one, then: {again}")
    if shutil.which(server["command"]) is None:
        return Check(name, "fail", f"{place} names a program that cannot be run: {server['command']}", again)
    return Check(name, "ok", "the client starts it by itself")


def sample_event(event: str, folder: str) -> dict[str, Any]:
    """An event as a client sends it, of which nothing is remembered: the tool failed, and its file is a log."""
    path = f"{folder}/afterimage-doctor.log"
    tool = "write_file" if event in {"BeforeTool", "AfterTool"} else "Write"
    return {
        "session_id": "afterimage-doctor",
        "conversation_id": "afterimage-doctor",
        "cwd": folder,
        "workspace_roots": [folder],
        "hook_event_name": event,
        "source": "startup",
        "prompt": "doctor",
        "tool_name": tool,
        "tool_input": {"file_path": path, "content": "def doctor() -> None:\n    return None\n"},
        "tool_response": {"is_error": True},
        "file_path": path,
        "edits": [],
    }


def _run_all(client: Client, programs: Mapping[str, list[str]], config: AfterImageConfig) -> Check:
    name = f"hooks of {client.title}"
    times = []
    for event, program in programs.items():
        data = json.dumps(sample_event(event, str(config.directory))).encode()
        for _ in range(_RUNS):
            started = time.monotonic()
            try:
                # No shell's profile, and nothing else either.
                done = subprocess.run(
                    program,
                    input=data,
                    capture_output=True,
                    timeout=_TIMEOUT,
                    check=False,
                    env={"HOME": str(config.home)},
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return Check(name, "fail", f"{event}: {type(error).__name__}: {program[0]}", "afterimage setup")
            times.append(time.monotonic() - started)
            if done.returncode != 0 or done.stderr:
                return Check(name, "fail", f"{event}: exit status {done.returncode}", "afterimage setup")
            if done.stdout and not _is_object(done.stdout):
                return Check(name, "fail", f"{event}: its answer is no JSON", "afterimage setup")
    return Check(
        name,
        "ok",
        f"{len(programs)} events in an empty environment: {statistics.median(times) * 1000:.0f} ms, "
        f"at most {max(times) * 1000:.0f} ms",
    )


def recalled(config: AfterImageConfig) -> tuple[int, int]:
    """In how many sessions of the last weeks hooks showed entries, and how often; noted so that none is shown twice."""
    places = map(Path, seen.places(str(config.directory)))
    counts = [len(list(folder.glob("entry-*"))) for place in places for folder in place.glob("*")]
    return sum(map(bool, counts)), sum(counts)


def _is_object(answer: bytes) -> bool:
    try:
        return isinstance(json.loads(answer), dict)
    except ValueError:
        return False


def left_behind(config: AfterImageConfig) -> Iterator[Check]:
    """What waits in the spool, what was put aside, and what went wrong last."""
    waiting = len(spool.waiting(str(config.directory)))
    if waiting >= _MANY:
        yield Check("spool", "fail", f"{waiting} events wait to be taken in", "afterimage sync")
    else:
        yield Check("spool", "ok", f"{waiting} events wait to be taken in" if waiting else "everything is taken in")
    if strange := strangers(config.directory):
        what = f"{len(strange)} in the spool are no events and stay there, such as {strange[0]}"
        yield Check("strangers", "note", what, "take away what is not needed")
    sessions, shown = recalled(config)
    if sessions:
        yield Check("recalled", "ok", f"{shown:,} times an entry was shown, in {sessions:,} sessions of two weeks")
    if aside := put_aside(config.directory):
        size = sum(path.stat().st_size for path in aside)
        yield Check(
            "put aside",
            "note",
            f"{len(aside)} events could not be taken in ({size / 1000:,.0f} kB, each kept for 30 days at most)",
            f"look into {aside[0].parent}",
        )
    log = config.directory / "hook.log"
    if log.exists():
        last = log.read_text("utf-8", "replace").splitlines()[-1:]
        age = (time.time() - log.stat().st_mtime) / 86_400
        if last and age < 7:
            yield Check("hook.log", "note", last[0], f"if it comes again, report it with {log}")
