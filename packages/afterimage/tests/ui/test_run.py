"""The command as a person starts it: a process of its own, a link, and a clean end."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from afterimage.cli import main
from afterimage.storage import get_storage_backend

COMMAND = (sys.executable, "-m", "afterimage", "ui")


@pytest.fixture
def stored(home: Path) -> Path:
    """A memory with one entry."""
    with get_storage_backend() as backend:
        backend.store("/p/secret_plans.py", "def secret_plans(): ...")
    return home


@pytest.fixture
def pages(stored: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_its_link_serves_and_ends_cleanly_without_a_word_of_the_content(
    pages: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert pages.stdout is not None
    link = pages.stdout.readline().strip()
    with httpx2.Client() as client:
        door = client.get(link)
        folder = door.text.split('content="0; url=')[1].split('"')[0].rpartition("/")[0]
        origin = link.partition("/enter")[0]
        assert "secret_plans" in client.get(f"{origin}{folder}/search?q=secret_plans").text
        assert client.get(f"{origin}{folder}/entry?id=secret_plans").status_code == 404
        # With the connection still open.
        pages.send_signal(number)
        out, err = pages.communicate(timeout=30)
    assert pages.returncode == 0
    assert err == "afterimage: ended\n"
    assert "secret" not in out


def test_the_browser_is_not_started_with_the_token(stored: Path, tmp_path: Path) -> None:
    """Every user of this machine can read what a program was started with."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/given\n')
    browser.chmod(0o700)
    environment = {**os.environ, "BROWSER": f"{browser} %s"}
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            link = process.stdout.readline().strip()
            process.stdout.readline()
            given = tmp_path / "given"
            while not given.exists() or not given.read_text().strip():
                assert process.poll() is None
            page = Path(given.read_text().strip().removeprefix("file://"))
            assert link.partition("token=")[2] not in str(page)
            assert link in page.read_text()
            assert stat.S_IMODE(page.stat().st_mode) == 0o600
            # Maybe before it serves: it ends all the same.
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        finally:
            process.kill()
    assert not page.exists()


def test_a_port_that_is_taken_is_one_line(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["ui", "--port", str(port), "--no-browser"]) == 1
    assert f"port {port} cannot be had" in capsys.readouterr().err


def test_without_the_extra_it_is_one_line(
    stored: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "jinja2" else object())
    assert main(["ui"]) == 1
    assert 'jinja2, not installed here: pip install "ai-afterimage[ui]"' in capsys.readouterr().err


def test_where_there_is_no_memory_nothing_is_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui", "--no-browser"]) == 1
    assert "no memory" in capsys.readouterr().err
    assert not (home / ".afterimage").exists()
