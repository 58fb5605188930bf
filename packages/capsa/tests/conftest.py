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


#: Forked rather than started, so that all of them begin in the same instant, their imports behind them.
_OPEN_AT_ONCE = """
import os, sys, traceback
from capsa import Store
from capsa.url import DatabaseUrl
url, count = DatabaseUrl.parse(sys.argv[1]), int(sys.argv[2])
if url.dialect == "postgresql":
    import capsa.postgres.database
start, begin = os.pipe()
children = []
for _ in range(count):
    if child := os.fork():
        children.append(child)
        continue
    status = 1
    try:
        os.close(begin)
        os.read(start, 1)
        with Store.open(url) as store:
            status = store.collection("notes").count()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
os.close(begin)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


@pytest.fixture
def open_at_once(start: Callable[..., subprocess.Popen[str]]) -> Callable[[str, int], None]:
    """Let so many processes open a database in the same instant; all of them must succeed."""

    def open_at_once(url: str, count: int) -> None:
        out, error = start(_OPEN_AT_ONCE, url, count).communicate(timeout=200)
        assert out == f"{[0] * count}\n", error

    return open_at_once
