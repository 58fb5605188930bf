"""SQLite's module is loaded without `functools`, and leaves no trace of how."""

import subprocess
import sys
from pathlib import Path

from afterimage import hook


def test_functools_is_its_own_afterwards_and_statements_are_cached() -> None:
    script = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from hook.sqlite import sqlite3\n"
        "assert 'functools' not in sys.modules\n"
        "c = sqlite3.connect(':memory:', cached_statements=5)\n"
        "assert [c.execute('SELECT ?', (n,)).fetchone() for n in range(9)] == [(n,) for n in range(9)]\n"
        "import functools, sqlite3 as whole\n"
        "assert functools.reduce and whole.Connection is sqlite3.Connection\n"
    )
    folder = str(Path(str(hook.__file__)).parents[1])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, folder], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
