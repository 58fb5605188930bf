"""Looking creates nothing: where no memory is, a command says so, and a mistyped folder is an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterimage.cli import main
from afterimage.errors import ConfigError
from afterimage.state import remember_postgresql
from afterimage.storage import PostgreSQLBackend, get_storage_backend
from capsa import DatabaseUrl

LOOKING = (
    ["search", "needle"],
    ["recent"],
    ["show", "3f2a"],
    ["stats", "--json"],
    ["export"],
    ["backup", "copy.db"],
    ["reembed"],
    ["clear", "--yes"],
)


def everything_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize("arguments", LOOKING, ids=" ".join)
def test_what_only_looks_creates_nothing(
    arguments: list[str], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"afterimage: no memory at {home}/.afterimage/memory.db yet: the first entry stored makes it\n"
    assert everything_in(home) == []


@pytest.mark.parametrize("arguments", LOOKING, ids=" ".join)
def test_a_mistyped_file_is_said_and_not_made(
    arguments: list[str], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("AFTERIMAGE_SQLITE_PATH", str(home / "memroy.db"))
    assert main(arguments) == 1
    assert f"no memory at {home}/memroy.db yet" in capsys.readouterr().err
    assert everything_in(home) == []


def test_the_first_entry_makes_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with get_storage_backend() as backend:
        backend.store("/p/a.py", "needle")
    assert main(["search", "needle"]) == 0


def test_an_import_makes_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = home / "export.json"
    export.write_text(json.dumps([{"file_path": "/p/a.py", "new_code": "needle", "id": "a"}]))
    assert main(["import", str(export)]) == 0
    assert main(["show", "a"]) == 0


@pytest.mark.parametrize("arguments", [*LOOKING, ["import", "/dev/null"], ["doctor"]], ids=" ".join)
def test_a_folder_that_is_not_there_is_one_error_that_names_where_it_was_configured(
    arguments: list[str], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AFTERIMAGE_SQLITE_PATH", str(home / "mistyped" / "memory.db"))
    if arguments == ["import", "/dev/null"]:
        arguments = ["import", str(home / "export.json")]
        (home / "export.json").write_text("[]")
    before = everything_in(home)
    assert main(arguments) == 1
    said = capsys.readouterr()
    told = f"there is no folder {home}/mistyped: make it, or correct AFTERIMAGE_SQLITE_PATH; nothing was created"
    assert told in " ".join((said.out + said.err).split())
    assert everything_in(home) == before


def test_the_error_names_the_configuration_file(home: Path) -> None:
    file = home / ".afterimage" / "config.yaml"
    file.parent.mkdir()
    file.write_text(f"storage:\n  sqlite:\n    path: {home}/mistyped/memory.db\n")
    with pytest.raises(ConfigError, match=f"correct storage.sqlite.path in {file}"):
        get_storage_backend()


def test_the_default_folder_is_made_even_if_it_is_spelled_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_SQLITE_PATH", "~/.afterimage/memory.db")
    with get_storage_backend() as backend:
        backend.store("/p/a.py", "needle")
    assert (home / ".afterimage" / "memory.capsa.db").exists()


def test_doctor_says_that_there_is_none_and_makes_none(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["memory"]["found"] == "none yet: the first entry stored makes it"
    assert everything_in(home) == []


def test_what_only_the_server_has_is_told_before_anything_is_here(
    home: Path, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = DatabaseUrl.parse(guide_postgres_url)
    with PostgreSQLBackend(connection_string=url, embedder=lambda: None) as server:
        server.store("/p/a.py", "needle")
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", guide_postgres_url)
    monkeypatch.setenv("AFTERIMAGE_BACKEND", "sqlite")
    remember_postgresql(home / ".afterimage", url)
    assert main(["recent"]) == 1
    err = capsys.readouterr().err
    assert "1 entry exists only in" in err
    assert "no memory at" in err
    assert not list(home.rglob("*.db"))
