"""`stoic chat` from the command to its prompt, in a terminal, beside an interpreter that does nothing.

A new process each time, over a database that holds the starter library; made without a model, as only the number of
passages is asked. The median of so many starts; the least of them is what a quiet machine would show.
"""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Figure, at_most, milliseconds
from benchmarks.servers import Servers
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.library import Library
from stoic_emperor.library.starter import starter_library

_STARTS = 7
#: The prompt at the beginning of a line, after whatever colour; the greeting has no such sign.
_PROMPT = re.compile(rb"[mJ\n]>")
#: Seconds after which a start has failed.
_WAIT = 60.0


def run(rows: int, servers: Servers) -> Iterator[Figure]:  # noqa: ARG001 - always the same size
    """See the module."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        url = f"sqlite:///{home / 'chat.db'}"
        texts = starter_library()
        assert texts is not None
        with Database(url) as database:
            Library(database.engine).import_path(texts)
        environment = {**os.environ, "STOIC_HOME": folder, "DATABASE_URL": url, "TERM": "xterm"}
        for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LLM_MAIN_MODEL", "LLM_BASE_URL"):
            environment.pop(name, None)
        # The first one compiles what was never imported.
        _start(environment)
        seconds, processors, bare = [], [], []
        for _ in range(_STARTS):
            taken, processor = _start(environment)
            seconds.append(taken)
            processors.append(processor)
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            bare.append(time.perf_counter() - began)
    yield at_most(
        1.5,
        what="stoic chat, to its prompt",
        ours=milliseconds(seconds) / 1000,
        unit="s",
        beside=milliseconds(bare) / 1000,
        beside_what="python -c pass",
        detail={
            "least": min(seconds),
            "seconds of a processor, to the end": milliseconds(processors) / 1000,
            "least of a processor": min(processors),
        },
    )


def _start(environment: dict[str, str]) -> tuple[float, float]:
    """Seconds until the prompt, and seconds of a processor until it is left."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-m", "stoic_emperor.cli", "chat"], environment)
    try:
        shown = b""
        while not _PROMPT.search(shown):
            if not select.select([terminal], [], [], _WAIT)[0]:
                raise AssertionError(f"no prompt within {_WAIT:g} s: {shown!r}")
            shown += os.read(terminal, 4096)
        seconds = time.perf_counter() - started
        # Where the cursor is, as every terminal answers when it is asked, and Ctrl-D.
        os.write(terminal, b"\x1b[1;1R\x04")
        _drain(terminal)
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _drain(terminal: int) -> None:
    """Read until it is gone, or it would wait for a reader."""
    while select.select([terminal], [], [], _WAIT)[0]:
        try:
            if not os.read(terminal, 4096):
                return
        except OSError:
            # How Linux says that the other side has closed.
            return
