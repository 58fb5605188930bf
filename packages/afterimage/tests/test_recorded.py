"""A session of each client, event by event, through what ``afterimage setup`` puts into that client's own settings.

The recordings are made after the clients' documents (see docs/afterimage.md): each line is what the client sends and
what it must be told, or between two sessions, what must have been stored.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from afterimage.cli import main
from afterimage.hook.payloads import ALWAYS_ANSWERED
from afterimage.storage import get_storage_backend

RECORDED = Path(__file__).parent / "recorded"
#: Client -> its folder in a home, and the file there that names its hooks.
SETTINGS = {
    "claude-code": (".claude", "settings.json"),
    "codex": (".codex", "hooks.json"),
    "gemini": (".gemini", "settings.json"),
    "cursor": (".cursor", "hooks.json"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with a remote."""
    git = tmp_path / "work" / "clock" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text('[remote "origin"]\n\turl = git@example.org:team/clock.git\n')
    return git.parent


@pytest.fixture(autouse=True)
def client_folders(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CONFIG_DIR", "CURSOR_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    for folder, _ in SETTINGS.values():
        (home / folder).mkdir()


def recording(client: str, home: Path, project: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    text = (RECORDED / f"{client}.jsonl").read_text()
    for line in text.replace("{project}", str(project)).replace("{home}", str(home)).splitlines():
        step = json.loads(line)
        yield step["send"], step["expect"]


def commands(client: str, home: Path, event: Mapping[str, Any]) -> Iterator[list[str]]:
    """What the client starts at this event, by its settings: program and arguments, or a line for a shell."""
    folder, file = SETTINGS[client]
    installed = json.loads((home / folder / file).read_text())["hooks"]
    for entry in installed.get(event["hook_event_name"], []):
        matcher = entry.get("matcher", "")
        if matcher and not re.fullmatch(matcher, event.get("tool_name", "")):
            continue
        for handler in entry.get("hooks", [entry]):
            line = handler["command"]
            yield [line, *handler["args"]] if "args" in handler else ["/bin/sh", "-c", line]


def told(client: str, home: Path, event: Mapping[str, Any]) -> str:
    """What the model is given to read."""
    found = ""
    for command in commands(client, home, event):
        done = subprocess.run(
            command,
            input=json.dumps(event).encode(),
            capture_output=True,
            timeout=20,
            check=True,
            env={"HOME": str(home)},
        )
        assert done.stderr == b""
        assert done.stdout or client not in ALWAYS_ANSWERED
        answer = json.loads(done.stdout) if done.stdout else {}
        assert "permissionDecision" not in json.dumps(answer), "nobody asked for a decision"
        inside = answer.get("hookSpecificOutput", {})
        found += str(inside.get("additionalContext", "")) + str(answer.get("additional_context", ""))
    return found


@pytest.mark.parametrize("client", sorted(SETTINGS))
def test_a_recorded_session_is_remembered_and_recalled(
    client: str, home: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["setup", client]) == 0
    for number, (event, expected) in enumerate(recording(client, home, project), 1):
        if "between" in event:
            assert main(["sync"]) == 0
            with get_storage_backend() as memory:
                entries = list(memory.iterate())
            assert sorted(entry.file_path for entry in entries) == sorted(
                str(project / path) for path in expected["stored"]
            )
            assert {entry.metadata["project_name"] for entry in entries} == {"clock"}
            everything = "\n".join(str(entry) for entry in entries)
            assert not [text for text in expected["nowhere"] if text in everything]
            for path in expected["stored"]:
                # As the session left them: a hook writes none.
                (project / path).parent.mkdir(parents=True, exist_ok=True)
                (project / path).touch()
            continue
        context = told(client, home, event)
        where = f"{client}, line {number}: {event['hook_event_name']}"
        if expected["context"]:
            assert [text for text in expected["context"] if text not in context] == [], where
            assert len(context) <= 10_000, where
        else:
            assert context == "", where
    capsys.readouterr()
    assert main(["uninstall", client]) == 0
    folder, file = SETTINGS[client]
    left = home / folder / file
    assert "afterimage" not in (left.read_text() if left.exists() else "")


def test_there_is_a_recording_of_every_client() -> None:
    assert {path.stem for path in RECORDED.glob("*.jsonl")} == set(SETTINGS)
