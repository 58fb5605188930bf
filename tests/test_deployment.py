"""What is deployed names what exists, and the image's own steps lead to a server that answers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
#: Seconds that a process is given after SIGTERM: more than replies under way get.
GRACE = 40


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


def copied() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )?(\S+) \S+$", DOCKERFILE, re.MULTILINE)
    assert len(lines) > 4
    return lines


def test_the_image_copies_what_exists_and_what_its_context_has() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for path in copied():
        assert (ROOT / path).exists()
        assert path in let_in


def test_the_image_runs_without_root() -> None:
    after = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER stoic$", after, re.MULTILINE)
    assert after.index("USER stoic") < after.index("ENTRYPOINT")


def test_the_hosts_ask_after_health_and_wait_for_replies_to_end() -> None:
    railway, fly = toml("railway.toml")["deploy"], toml("fly.toml")
    assert railway["healthcheckPath"] == fly["http_service"]["checks"][0]["path"] == "/health"
    assert railway["drainingSeconds"] == GRACE
    assert fly["kill_timeout"] == f"{GRACE}s"
    assert fly["env"]["ENVIRONMENT"] == "production"
    assert fly["http_service"]["force_https"] is True
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["stoic"]
    assert compose["stop_grace_period"] == f"{GRACE}s"
    assert compose["ports"] == ["127.0.0.1:8000:8000"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_images_steps_lead_to_a_server_that_answers(tmp_path: Path) -> None:
    wanted = re.findall(r"\./packages/\S+", DOCKERFILE)
    assert wanted
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], cwd=ROOT, check=True)
    environment = {
        "PATH": os.environ["PATH"],
        "STOIC_HOME": str(tmp_path / "home"),
        "ENVIRONMENT": "production",
        "SESSION_SECRET": "made up for this test, and long enough for it",
        "PORT": "0",
    }
    (tmp_path / "home").mkdir()
    command = [str(tmp_path / "venv" / "bin" / "stoic"), "serve"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path / "home", stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            address = next(found[0] for line in server.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            with urllib.request.urlopen(f"{address}/health", timeout=60) as answer:
                assert json.load(answer)["status"] == "ok"
        finally:
            server.terminate()
            server.communicate(timeout=60)
    # uvicorn comes to its end, and then lets the signal do what it would have done.
    assert server.returncode == -signal.SIGTERM
