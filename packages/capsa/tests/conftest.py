"""Fixtures of the engine's own tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def server_directory(tmp_path: Path) -> Path:
    """An empty directory for a server."""
    directory = tmp_path / "server directory"
    directory.mkdir()
    return directory


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account may enter, which pytest's tmp_path is not."""
    directory = Path(tempfile.mkdtemp(prefix="capsa-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a Python program, given as its text and arguments; none of them survives the test."""
    running: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()
