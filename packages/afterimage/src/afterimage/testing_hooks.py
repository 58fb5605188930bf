"""The hook as a client starts it: a process of its own, with nothing in its environment but a home."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterimage.hook import run
from afterimage.storage import StorageBackend, get_storage_backend
from afterimage.sync import Synced, synchronise

#: A function that a session writes.
CODE = '''def parse_duration(spelled: str) -> float:
    """Seconds in a text such as 1h30m."""
    total = 0.0
    for amount, unit in DURATION_PATTERN.findall(spelled):
        total += float(amount) * SECONDS_PER_UNIT[unit]
    if not total and spelled.strip() != "0":
        raise ValueError(f"not a duration: {spelled}")
    return total
'''


@dataclass(frozen=True)
class Hooks:
    """The hooks of one home, with a project to work in."""

    home: Path
    project: Path

    @property
    def directory(self) -> Path:
        return self.home / ".afterimage"

    def command(self, client: str = "claude-code") -> list[str]:
        return [sys.executable, "-I", "-S", str(run.__file__), client]

    def call(
        self,
        payload: Any,
        client: str = "claude-code",
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """What it answered, read; nothing is an empty object, too."""
        answer = self.answer(payload, client, environ, **options)
        return dict(json.loads(answer)) if answer else {}

    def answer(
        self,
        payload: Any,
        client: str = "claude-code",
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> bytes:
        """What it answered. It always ends well, quietly and in time."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        done = subprocess.run(
            self.command(client),
            input=data,
            capture_output=True,
            timeout=20,
            check=False,
            env={"HOME": str(self.home)} if environ is None else environ,
            **options,
        )
        if (done.returncode, done.stderr) != (0, b""):
            raise AssertionError(f"status {done.returncode}: {done.stderr!r}")
        return bytes(done.stdout)

    def event(self, name: str, *, session: str = "s1", call: str = "call-1", **more: Any) -> dict[str, Any]:
        """An event as Claude Code sends it: by default the Write of one file."""
        given = {"file_path": str(self.project / "durations.py"), "content": CODE}
        return {
            "session_id": session,
            "transcript_path": "/dev/null",
            "cwd": str(self.project),
            "permission_mode": "default",
            "hook_event_name": name,
            "tool_name": "Write",
            "tool_input": given,
            "tool_use_id": call,
            **more,
        }

    def write(self, **more: Any) -> dict[str, Any]:
        return self.call(self.event("PostToolUse", **{"tool_response": {"filePath": "durations.py"}, **more}))

    def before(self, *, path: str = "elsewhere.py", content: str = CODE, **more: Any) -> dict[str, Any]:
        given = {"file_path": str(self.project / path), "content": content}
        return self.call(self.event("PreToolUse", **{"session": "s2", "tool_input": given, **more}))

    def sync(self) -> Synced:
        with self.memory() as backend:
            return synchronise(backend, self.directory)

    def memory(self) -> StorageBackend:
        return get_storage_backend()

    def stored(self) -> list[str]:
        with self.memory() as backend:
            return [entry.id for entry in backend.iterate()]

    def spooled(self) -> list[Path]:
        return sorted((self.directory / "spool").glob("*.event"))

    def log(self) -> str:
        path = self.directory / "hook.log"
        return path.read_text() if path.exists() else ""


def context(answer: Mapping[str, Any]) -> str:
    """What an answer has for the model."""
    return str(answer.get("hookSpecificOutput", {}).get("additionalContext", ""))
