"""A command at a terminal of its own, as a person would sit there."""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 120.0


@dataclass(frozen=True, slots=True)
class Sitting:
    """How it went."""

    #: Everything that was shown, with what steers the terminal.
    shown: str
    #: How many of the answers were given.
    answered: int
    status: int


def sit_at(
    arguments: Iterable[str], answers: Iterable[tuple[str, str]], *, folder: Path, environment: Mapping[str, str]
) -> Sitting:
    """Run ``stoic`` at a terminal that answers no question of its kind.

    Args:
        answers: what is waited for, and what is typed when it is shown, one after the other.
        folder: where it is run.
        environment: all that it knows; it gets a PATH and a TERM.
    """
    pid, line = pty.fork()
    if pid == 0:
        os.chdir(folder)
        variables = {"PATH": os.environ["PATH"], "TERM": "xterm", **environment}
        command = [sys.executable, "-m", "stoic_emperor.cli", *arguments]
        os.execve(sys.executable, command, variables)  # noqa: S606 - ours
    shown, since, waiting = b"", 0, list(answers)
    answered = len(waiting)
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end:
        if select.select([line], [], [], 0.1)[0]:
            try:
                shown += os.read(line, 65_536)
            except OSError:
                # It has ended.
                break
        if waiting and (at := shown.find(waiting[0][0].encode(), since)) >= 0:
            since = at + len(waiting[0][0].encode())
            os.write(line, waiting.pop(0)[1].encode())
    os.close(line)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Sitting(shown.decode(errors="replace"), answered - len(waiting), status)
