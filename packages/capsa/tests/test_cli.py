"""The command ``capsa``: what it prints, and with which status it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click
import psycopg
import pytest

from capsa.cli import group, main
from capsa.url import DatabaseUrl


@dataclass(frozen=True)
class Ran:
    """What a command printed, and how it ended."""

    exit_code: int
    output: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process."""

    def run(*arguments: str | Path) -> Ran:
        status = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert said.err == ""
        return Ran(status, said.out)

    return run


def every_command(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, *path, name)


@pytest.mark.parametrize("path", [path for path, _ in every_command(group)], ids=" ".join)
def test_every_command_explains_itself_with_an_example(run: Run, path: tuple[str, ...]) -> None:
    shown = run(*path, "--help")
    assert shown.exit_code == 0
    assert "Example:\n" in shown.output
    assert "capsa postgres" in shown.output.split("Example:")[1]


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version").output == f"capsa {version('capsa')}\n"


def test_start_prints_the_url_alone_status_reports_and_stop_stops(run: Run, server_directory: Path) -> None:
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
        assert (found["state"], found["url"], found["version"]) == ("running", str(DatabaseUrl.parse(url)), 18)
    finally:
        stopped = run("postgres", "stop", server_directory)
    assert stopped.output == f"stopped: {server_directory}\n"
    again = run("postgres", "stop", server_directory)
    assert (again.exit_code, again.output) == (0, f"was not running: {server_directory}\n")
    status = run("postgres", "status", server_directory)
    assert (status.exit_code, status.output) == (3, f"stopped: PostgreSQL 18 in {server_directory}\n")


def test_status_shows_the_password_only_when_it_is_asked_to(run: Run, server_directory: Path) -> None:
    url = run("postgres", "start", server_directory).output.strip()
    password = DatabaseUrl.parse(url).password
    assert password
    try:
        for options in ([], ["--json"]):
            assert password not in run("postgres", "status", server_directory, *options).output
            assert url in run("postgres", "status", server_directory, "--show-password", *options).output
    finally:
        run("postgres", "stop", server_directory)


def test_status_of_nothing_creates_nothing(run: Run, server_directory: Path) -> None:
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
    assert done.stderr.startswith("capsa: ")
    assert done.stderr.count("\n") == 1
    assert str(tmp_path) in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
