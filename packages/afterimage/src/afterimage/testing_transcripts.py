"""For tests: sessions as the clients write them down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afterimage.testing_hooks import CODE

_MOMENT = "2026-01-05T10:00:{:02d}.000Z"


@dataclass
class Transcript:
    """A transcript that grows line by line."""

    path: Path
    lines: int = field(default=0)

    def line(self, value: object, end: str = "\n") -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write((value if isinstance(value, str) else json.dumps(value)) + end)
        self.lines += 1

    @property
    def now(self) -> str:
        return _MOMENT.format(self.lines)


class Claude(Transcript):
    """As Claude Code writes one, in the folder /p."""

    client = "claude-code"

    def say(self, *content: dict[str, Any], kind: str = "assistant", **more: Any) -> None:
        self.line(
            {
                "type": kind,
                "uuid": str(self.lines),
                "sessionId": "s1",
                "cwd": "/p",
                "gitBranch": "main",
                "timestamp": self.now,
                "isSidechain": False,
                "message": {"role": kind, "content": list(content)},
                **more,
            }
        )

    def write(self, call: str, path: str = "/p/a.py", content: str = CODE, **more: Any) -> None:
        self.say(use(call, "Write", {"file_path": path, "content": content}), **more)

    def answer(self, call: str, *, failed: bool = False) -> None:
        self.say({"type": "tool_result", "tool_use_id": call, "content": "…", "is_error": failed}, kind="user")


class Codex(Transcript):
    """As Codex writes one; it begins with a head."""

    client = "codex"

    def item(self, kind: str, payload: dict[str, Any]) -> None:
        self.line({"timestamp": self.now, "type": kind, "payload": payload})

    def head(self, session: str = "s1", **more: Any) -> None:
        self.item("session_meta", {"id": session, "cwd": "/p", "git": {"branch": "main"}, **more})

    def write(self, call: str, path: str = "a.py", content: str = CODE) -> None:
        body = "\n".join(f"+{line}" for line in content.rstrip("\n").split("\n"))
        patch = f"*** Begin Patch\n*** Add File: {path}\n{body}\n*** End Patch"
        self.item("response_item", {"type": "custom_tool_call", "name": "apply_patch", "call_id": call, "input": patch})

    def answer(self, call: str, *, failed: bool = False) -> None:
        output = json.dumps({"output": "…", "metadata": {"exit_code": int(failed)}})
        self.item("response_item", {"type": "custom_tool_call_output", "call_id": call, "output": output})


def use(call: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """A call of a tool, as a part of a message to Claude Code."""
    return {"type": "tool_use", "id": call, "name": name, "input": given}
