"""The command as a shell runs it: a process of its own, and many at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

AFTERIMAGE = [sys.executable, "-m", "afterimage"]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AFTERIMAGE, *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=120,
        env={**os.environ, **environ},
    )


def test_store_search_and_rollback_note_in_order(home: Path, older: Path) -> None:
    first = run("stats", "--json")
    assert first.returncode == 0
    # What a program reads has nothing else in it, even on the first use.
    assert json.loads(first.stdout)["total_entries"] == 60
    assert "carried over" in first.stderr
    second = run("search", "copy", "--json")
    assert second.returncode == 0
    assert json.loads(second.stdout)
    assert "carried" not in second.stderr


def test_version_and_help_load_nothing_heavy(home: Path) -> None:
    assert run("--version").stdout.startswith("afterimage, version 1.")
    script = (
        "import sys\n"
        "from afterimage.cli import main\n"
        "main(['search', '--help'])\n"
        "heavy = ('numpy', 'yaml', 'rich', 'psycopg', 'sqlite3', 'json', 'capsa.records', 'capsa.errors')\n"
        "sys.exit([m for m in heavy if m in sys.modules] or 0)"
    )
    heavy = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (heavy.returncode, heavy.stderr) == (0, "")


def test_a_mistake_is_one_line_without_a_traceback(home: Path) -> None:
    failed = run("stats", AFTERIMAGE_BACKEND="postgresql", AFTERIMAGE_PG_PORT="1", AFTERIMAGE_PG_PASSWORD="p@ss/w:rd#1")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.count("\n") == 1
    assert "p@ss" not in failed.stderr
    assert run("no-such-command").returncode == 2


def test_a_reader_that_stops_reading_is_no_error(home: Path, older: Path) -> None:
    run("stats")
    shell = f"{' '.join(AFTERIMAGE)} export | head -c 100"
    piped = subprocess.run(["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, check=False)
    assert len(piped.stdout) == 100
    assert piped.stderr == ""


def test_interrupting_it_is_no_traceback(home: Path, older: Path) -> None:
    process = subprocess.Popen(
        [*AFTERIMAGE, "clear"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    while b"?" not in (read := os.read(process.stdout.fileno(), 100)):
        assert read
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in err


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_poor_terminal_shows_what_it_can(home: Path, encoding: str) -> None:
    script = "from afterimage import KnowledgeBase; KnowledgeBase().store('/p/\u65e5.py', 'x = \u65e5 needle \\ud800')"
    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True).returncode == 0
    for command in (("search", "needle"), ("recent",), ("export",), ("stats",)):
        shown = run(*command, PYTHONIOENCODING=encoding)
        assert shown.returncode == 0, shown.stderr
        assert "Traceback" not in shown.stderr


@pytest.mark.slow
def test_ten_processes_write_at_once(home: Path) -> None:
    script = (
        "import sys\n"
        "from afterimage import KnowledgeBase\n"
        "with KnowledgeBase() as base:\n"
        "    for n in range(10): base.store('/p', f'{sys.argv[1]} {n}')"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(n)], stderr=subprocess.PIPE, text=True) for n in range(10)
    ]
    assert [process.communicate(timeout=120)[1] for process in processes] == [""] * 10
    assert json.loads(run("stats", "--json").stdout)["total_entries"] == 100


def test_sync_waits_for_a_run_in_the_background_and_says_so_if_that_does_not_end(home: Path) -> None:
    script = "import sys, time\nfrom pathlib import Path\nfrom afterimage.sync import _alone\n"
    held = f"{script}with _alone(Path({str(home / '.afterimage')!r})):\n    print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        impatient = (
            "import afterimage.cli.background as b; b._PATIENCE = 0.2; from afterimage.cli import main; main(['sync'])"
        )
        failed = subprocess.run(
            [sys.executable, "-c", f"import sys; {impatient.replace('main([', 'sys.exit(main([')})"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (failed.returncode, failed.stdout) == (1, "")
        assert "still is: nothing was done here" in failed.stderr
        assert run("sync", "--background").returncode == 0, "a hook's own run leaves it to that one"
        waiting = subprocess.Popen([*AFTERIMAGE, "sync"], stdout=subprocess.PIPE)
        time.sleep(1)
        assert waiting.poll() is None
        other.kill()
        out, _ = waiting.communicate(timeout=60)
        assert (waiting.returncode, out) == (0, b"0 entries stored from 0 events, 0 embedded, 0 indexed.\n")
