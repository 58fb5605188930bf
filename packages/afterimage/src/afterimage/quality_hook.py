"""How long a hook takes on this machine, beside the least that any program in Python takes."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from afterimage.hook import run
from afterimage.hook.seen import Seen

_RUNS = 9
_TIMEOUT = 20
_SESSION = "afterimage-quality"


@dataclass(frozen=True, slots=True)
class HookTimes:
    """Medians, in seconds."""

    hook: float
    #: ``python -c pass``, run in turn with it.
    bare: float
    runs: int

    @property
    def ratio(self) -> float:
        """How many times as long as that a hook takes."""
        return self.hook / self.bare


def time_hook(directory: Path, code: str) -> HookTimes:
    """Have a hook look, as before a write of ``code``; nothing is noted of it.

    Raises:
        OSError: Python cannot be started.
    """
    hook = [sys.executable, "-I", "-S", str(run.__file__), "claude-code", str(directory)]
    bare = [sys.executable, "-c", "pass"]
    with tempfile.TemporaryDirectory() as folder:
        event = {
            "session_id": _SESSION,
            "cwd": folder,
            "hook_event_name": "PreToolUse",
            "tool_name": "Write",
            "tool_input": {"file_path": f"{folder}/elsewhere.py", "content": code},
        }
        data = json.dumps(event).encode()
        times = [(_time(bare, b"", folder), _time(hook, data, folder)) for _ in range(_RUNS)]
    _tidy(directory)
    return HookTimes(statistics.median(h for _, h in times), statistics.median(b for b, _ in times), _RUNS)


def _time(program: Sequence[str], data: bytes, home: str) -> float:
    began = time.perf_counter()
    subprocess.run(program, input=data, capture_output=True, timeout=_TIMEOUT, check=False, env={"HOME": home})
    return time.perf_counter() - began


def _tidy(directory: Path) -> None:
    """What the made-up session was shown is nothing to remember."""
    seen = Seen(str(directory), _SESSION)
    seen.forget()
    for folder in seen.folders():
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
