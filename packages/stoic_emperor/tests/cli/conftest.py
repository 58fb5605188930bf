"""Running ``stoic``, in this process or in one of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stoic_emperor.cli import main
from stoic_emperor.testing.models import FakeServer, Says, Seen


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Stoic = Callable[..., Ran]


@pytest.fixture(autouse=True)
def settings(home: Path) -> Path:
    """No model to load, and one call a turn."""
    (home / "config").mkdir()
    file = home / "config" / "settings.yaml"
    file.write_text("memory:\n  embedding_model: none\nsafety:\n  second_opinion: false\n")
    return file


@pytest.fixture
def stoic(store_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stoic:
    """Runs a command in this process, on a database of its own."""
    monkeypatch.setenv("DATABASE_URL", store_url)
    monkeypatch.setattr("stoic_emperor.library.starter.starter_library", lambda: None)

    def run(*arguments: str, said: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        capsys.readouterr()
        status = main(list(arguments))
        shown = capsys.readouterr()
        return Ran(status, shown.out, shown.err)

    return run


def answer(seen: Seen) -> Says:
    """A reply if one is streamed, a form filled in otherwise."""
    if seen.body.get("stream"):
        return Says("Begin with what is yours to do.")
    if "helplines" in json.dumps(seen.body):
        return Says('{"concern": "explicit", "category": "suicide"}')
    return Says(
        '{"emotional_state": "tired", "semantic_assertions": [{"text": "They build boats.", "confidence": 0.9}]}'
    )


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A model on a server of this machine; the configuration points at it."""
    with FakeServer([answer]) as server:
        monkeypatch.setenv("LLM_BASE_URL", server.openai_url)
        monkeypatch.setenv("LLM_MAIN_MODEL", "any")
        yield server


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A ``stoic`` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "stoic_emperor.cli", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
