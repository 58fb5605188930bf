"""What each client wants to be told, and where: its events, matchers, units and forms."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterimage.hook import run

#: What tells an entry of ours, and one that an earlier AfterImage made, from everybody else's.
OURS = "/afterimage/hook/run.py"
EARLIER = "afterimage_hook.py"

_SECONDS = 5
_DENYING = frozenset({"BeforeTool", "preToolUse"})


@dataclass(frozen=True, slots=True)
class Client:
    """A coding agent that AfterImage can be part of."""

    name: str
    title: str
    #: Its folder in a home.
    folder: Callable[[Path, Mapping[str, str]], Path]
    #: The files with its hooks and its MCP servers, below that folder.
    hooks_file: str
    mcp_file: str
    #: Event -> matcher of the tools, or None for an event without.
    events: Mapping[str, str | None]
    #: One entry for an event: (matcher, program and arguments).
    entry: Callable[[str | None, list[str]], dict[str, Any]]
    #: What else the hooks' file needs.
    preamble: Mapping[str, Any]

    def files(self, home: Path, environ: Mapping[str, str]) -> tuple[Path, Path]:
        """Where its hooks and its MCP servers stand."""
        folder = self.folder(home, environ)
        if self.name == "claude-code" and folder == home / ".claude":
            return folder / self.hooks_file, home / self.mcp_file
        return folder / self.hooks_file, folder / self.mcp_file

    def hooks(self, *, deny_once: bool, directory: str | None) -> dict[str, dict[str, Any]]:
        """Event -> the entry to be in its list."""
        program = hook_program(self.name, directory)
        return {
            event: self.entry(matcher, program)
            for event, matcher in self.events.items()
            # Where a hook before the tool can do nothing but refuse, it is there only if it may.
            if deny_once or event not in _DENYING
        }


def hook_program(client: str, directory: str | None = None) -> list[str]:
    """The hook's program and its arguments: the interpreter by its own path, nothing through a shell's profile.

    The same every time, as one client asks its user again about each command that changed.
    """
    return [_interpreter(), "-I", "-S", str(Path(run.__file__)), client, *([directory] if directory else [])]


def _interpreter() -> str:
    # By one of its names, whichever setup was started with.
    python = Path(sys.executable).with_name("python3")
    return str(python) if python.exists() else sys.executable


def mcp_program() -> list[str]:
    """The MCP server's program and its arguments."""
    return [_interpreter(), "-P", "-m", "afterimage", "mcp"]


def sync_program() -> list[str]:
    """What the hook starts beside the agent."""
    return [_interpreter(), "-P", "-m", "afterimage", "sync", "--background"]


def _exec_form(matcher: str | None, program: list[str]) -> dict[str, Any]:
    handler = {"type": "command", "command": program[0], "args": program[1:], "timeout": _SECONDS}
    return {**({"matcher": matcher} if matcher else {}), "hooks": [handler]}


def _shell_form(matcher: str | None, program: list[str]) -> dict[str, Any]:
    handler = {"type": "command", "command": shlex.join(program), "timeout": _SECONDS}
    return {**({"matcher": matcher} if matcher else {}), "hooks": [handler]}


def _milliseconds(matcher: str | None, program: list[str]) -> dict[str, Any]:
    handler = {
        "name": "afterimage",
        "type": "command",
        "command": shlex.join(program),
        "timeout": _SECONDS * 1000,
    }
    return {**({"matcher": matcher} if matcher else {}), "hooks": [handler]}


def _flat(matcher: str | None, program: list[str]) -> dict[str, Any]:
    entry = {"command": shlex.join(program), "timeout": _SECONDS}
    return {**entry, **({"matcher": matcher} if matcher else {})}


def _at(variable: str, name: str) -> Callable[[Path, Mapping[str, str]], Path]:
    return lambda home, environ: Path(environ.get(variable) or home / name)


_CLAUDE_TOOLS = "Write|Edit|MultiEdit|NotebookEdit"
_CODEX_TOOLS = "apply_patch|Edit|Write|Bash"
_CURSOR_TOOLS = "Write|Edit|MultiEdit|StrReplace|Delete|EditNotebook"

CLIENTS: Mapping[str, Client] = {
    client.name: client
    for client in (
        Client(
            "claude-code",
            "Claude Code",
            _at("CLAUDE_CONFIG_DIR", ".claude"),
            "settings.json",
            ".claude.json",
            {
                "SessionStart": None,
                "UserPromptSubmit": None,
                "PreToolUse": _CLAUDE_TOOLS,
                "PostToolUse": _CLAUDE_TOOLS,
                "SessionEnd": None,
            },
            _exec_form,
            {},
        ),
        Client(
            "codex",
            "Codex",
            _at("CODEX_HOME", ".codex"),
            "hooks.json",
            "config.toml",
            {
                "SessionStart": None,
                "UserPromptSubmit": None,
                "PreToolUse": _CODEX_TOOLS,
                "PostToolUse": _CODEX_TOOLS,
            },
            _shell_form,
            {},
        ),
        Client(
            "gemini",
            "Gemini CLI",
            _at("GEMINI_CONFIG_DIR", ".gemini"),
            "settings.json",
            "settings.json",
            {
                "SessionStart": None,
                "BeforeAgent": None,
                "BeforeTool": "write_file|replace",
                "AfterTool": "write_file|replace",
                "SessionEnd": None,
            },
            _milliseconds,
            {},
        ),
        Client(
            "cursor",
            "Cursor",
            _at("CURSOR_CONFIG_DIR", ".cursor"),
            "hooks.json",
            "mcp.json",
            {
                "sessionStart": None,
                "preToolUse": _CURSOR_TOOLS,
                "postToolUse": _CURSOR_TOOLS,
                "afterFileEdit": None,
                "sessionEnd": None,
            },
            _flat,
            {"version": 1},
        ),
    )
}
