"""The command ``capsa``: what it prints, and with which status it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner, Result

from capsa.cli import main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def every_command(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, *path, name)


@pytest.mark.parametrize("path", [path for path, _ in every_command(main)], ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...]) -> None:
    shown = run(*path, "--help")
    assert shown.exit_code == 0
    assert "Example:\n" in shown.output
    assert "capsa postgres" in shown.output.split("Example:")[1]


def test_the_version_is_the_packages() -> None:
    assert run("--version").output == f"capsa {version('capsa')}\n"


def test_start_prints_the_url_alone_status_reports_and_stop_stops(server_directory: Path) -> None:
    started = run("postgres", "start", server_directory)
    assert started.exit_code == 0
    url = started.output.strip()
    try:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("capsa",)
        assert run("postgres", "start", server_directory).output.strip() == url
        status = run("postgres", "status", server_directory)
        assert status.exit_code == 0
        assert status.output.startswith("running: PostgreSQL 18")
        found = json.loads(run("postgres", "status", server_directory, "--json").output)
        assert (found["state"], found["url"], found["version"]) == ("running", url, 18)
    finally:
        stopped = run("postgres", "stop", server_directory)
    assert stopped.output == f"stopped: {server_directory}\n"
    again = run("postgres", "stop", server_directory)
    assert (again.exit_code, again.output) == (0, f"was not running: {server_directory}\n")
    status = run("postgres", "status", server_directory)
    assert (status.exit_code, status.output) == (3, f"stopped: PostgreSQL 18 in {server_directory}\n")


def test_status_of_nothing_creates_nothing(server_directory: Path) -> None:
    missing = server_directory / "missing"
    status = run("postgres", "status", missing)
    assert (status.exit_code, status.output) == (3, f"absent: there is no server in {missing}\n")
    assert not missing.exists()


@pytest.mark.parametrize("command", ["start", "stop"])
def test_an_error_is_one_line_with_what_to_do_and_status_1(command: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "capsa.cli", "postgres", command, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert str(tmp_path) in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
