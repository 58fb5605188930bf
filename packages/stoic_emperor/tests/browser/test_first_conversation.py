"""The way of somebody new, as docs/web.md tells it: the command, the first page, the first reply."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.debian("chromium"), pytest.mark.slow]


@pytest.fixture
def served(home: Path, tmp_path: Path) -> Iterator[str]:
    """``stoic serve`` in an empty home, as it is typed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "STOIC_HOME": str(home), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "stoic_emperor.cli", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment, cwd=home, stderr=subprocess.DEVNULL) as process:
        url = f"http://localhost:{port}"
        deadline = time.monotonic() + 90
        while not _answers(url):
            assert process.poll() is None, "it ended"
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.2)
        yield url
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_from_the_command_to_a_first_reply(served: str, chromium: Browser) -> None:
    context = chromium.new_context(base_url=served, reduced_motion="reduce")
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")
    expect(page.get_by_text("Without accounts, for this machine only.")).to_be_visible()
    page.get_by_label("How do you want to be called?").fill("Helena")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is on your mind, Helena?")
    page.get_by_label("Your message").fill("I am angry with my brother, and I would rather not be.")
    page.keyboard.press("Enter")
    expect(page.locator(".reply .prose")).to_contain_text("?", timeout=90_000)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible(timeout=60_000)
    expect(page.locator(".reply blockquote").first).to_be_visible()
    page.goto("/journey")
    expect(page.get_by_text("needs a language model, and none is connected")).to_be_visible()
    context.close()
