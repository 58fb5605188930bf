"""A team: two machines, one PostgreSQL database, whose memory it is, and who wrote what."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from afterimage.authors import author_of
from afterimage.cli import main
from afterimage.config import load_config
from afterimage.errors import ConfigError
from afterimage.retrieval.retriever import Retriever
from afterimage.retrieval.where import Where
from afterimage.storage import SQLiteBackend, get_storage_backend
from afterimage.testing_hooks import CODE, Hooks, context
from capsa import LocalPostgres
from capsa.testing.databases import fresh_database, guide_database

#: What both clones have checked out.
OBJECT = b"commit 11\0the first\n\n"
COMMIT = hashlib.sha1(OBJECT, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Machine:
    """A home with a clone of the team's project, at a place of its own."""

    hooks: Hooks
    environment: pytest.MonkeyPatch

    def use(self, author: str, owner: str = "clockmakers") -> None:
        self.environment.setenv("HOME", str(self.hooks.home))
        self.environment.setenv("AFTERIMAGE_AUTHOR", author)
        self.environment.setenv("AFTERIMAGE_OWNER", owner)

    @property
    def where(self) -> Where:
        return Where.at([str(self.hooks.project)], self.hooks.directory)


def machine(folder: Path, environment: pytest.MonkeyPatch) -> Machine:
    home, project = folder / "home", folder / "checkout"
    git = project / ".git"
    git.mkdir(parents=True)
    home.mkdir()
    (git / "HEAD").write_text(f"{COMMIT}\n")
    (git / "objects" / COMMIT[:2]).mkdir(parents=True)
    (git / "objects" / COMMIT[:2] / COMMIT[2:]).write_bytes(zlib.compress(OBJECT))
    (git / "config").write_text('[remote "origin"]\n\turl = git@example.org:team/clock.git\n')
    return Machine(Hooks(home, project), environment)


@pytest.fixture(params=["superuser", "guide"])
def url(request: pytest.FixtureRequest, postgres_server: LocalPostgres) -> Iterator[str]:
    make = fresh_database if request.param == "superuser" else guide_database
    with make(postgres_server) as address:
        yield address


@pytest.fixture
def two(home: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Machine, Machine]:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", url)
    return machine(tmp_path / "anna", monkeypatch), machine(tmp_path / "ben", monkeypatch)


def test_what_one_writes_the_other_recalls_with_the_writers_name(two: tuple[Machine, Machine]) -> None:
    anna, ben = two
    anna.use("Anna")
    anna.hooks.write()
    assert anna.hooks.sync().stored == 1
    ben.use("Ben")
    assert ben.hooks.sync().indexed == 1
    assert "parse_duration" in context(ben.hooks.before()), "the same project, at another place"
    with get_storage_backend() as memory:
        found = Retriever(memory, load_config().directory).search("parse_duration", ben.where)
    (item,) = found.items
    assert (item.author, item.project) == ("Anna", "clock")


def test_whether_it_still_stands_is_looked_up_in_ones_own_clone(two: tuple[Machine, Machine]) -> None:
    anna, ben = two
    anna.use("Anna")
    anna.hooks.write()
    anna.hooks.sync()
    ben.use("Ben")
    clone = ben.hooks.project / "durations.py"

    def standing() -> str:
        with get_storage_backend() as memory:
            (item,) = Retriever(memory, load_config().directory).search("parse_duration", ben.where).items
        return item.standing

    assert standing() == "STALE: the file is not there now", "it was not pulled yet"
    clone.write_text(CODE)
    assert standing() == "FRESH"
    clone.write_text("# all is different now\n")
    assert standing() == "STALE: the file has changed since"


def test_the_hook_says_who_wrote_it_and_how_it_stands_in_ones_own_clone(two: tuple[Machine, Machine]) -> None:
    anna, ben = two
    anna.use("Anna")
    anna.hooks.write()
    anna.hooks.sync()
    ben.use("Ben")
    ben.hooks.sync()
    clone = ben.hooks.project / "durations.py"

    def said(session: str, path: str = "elsewhere.py") -> str:
        return context(ben.hooks.before(session=session, path=path))

    assert "STALE: the file is not there now" in said("not pulled yet")
    clone.write_text(CODE)
    assert f"{clone} (the same code; " in said("pulled")
    assert "; by Anna; " in said("pulled, too")
    assert "FRESH" in said("pulled as well")
    assert said("into the same file", "durations.py") == "", "its own code is no news to a file"
    clone.write_text("# all is different now\n")
    assert "STALE: the file has changed since" in said("changed")
    other = {"file_path": str(clone), "content": "# all is different now\n"}
    ben.hooks.write(session="of ben", call="later", tool_input=other)
    ben.hooks.sync()
    assert "SUPERSEDED: a later write changed it" in said("written again")
    begun = ben.hooks.call(ben.hooks.event("SessionStart", session="new", source="startup"))
    (line,) = [line for line in context(begun).splitlines() if line.startswith("- ")]
    assert line.startswith(f"- {clone} (2 changes, last "), "one file, wherever it was written"
    assert ", by Ben" in line


def test_another_owner_in_the_same_database_sees_nothing_of_it(
    two: tuple[Machine, Machine], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    anna, ben = two
    anna.use("Anna")
    anna.hooks.write()
    anna.hooks.sync()
    ben.use("Ben", owner="watchmakers")
    ben.hooks.sync()
    assert ben.hooks.before() == {}
    assert ben.hooks.stored() == []
    assert main(["search", "parse_duration"]) == 1
    assert main(["clear", "--yes"]) == 0
    ben.hooks.write(session="of ben", content="x")
    ben.hooks.sync()
    assert len(ben.hooks.stored()) == 1
    anna.use("Anna")
    assert len(anna.hooks.stored()) == 1, "what another clears is theirs alone"
    with psycopg.connect(url) as connection:
        # Where policies bind even the tables' owner, as for the guide's user, nobody sees any without saying whose.
        owners = connection.execute("SELECT owner FROM capsa_records").fetchall()
    assert not owners or sorted(owners) == [("clockmakers",), ("watchmakers",)]
    capsys.readouterr()


def test_a_memory_of_ones_own_moves_into_the_shared_one_and_only_that_comes_back(
    two: tuple[Machine, Machine], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anna, ben = two
    own = tmp_path / "own.db"
    with SQLiteBackend(own_file=own, embedder=lambda: None) as memory:
        memory.store("own.py", "def of_my_own(): ...", session_id="s")
    ben.use("Ben", owner="watchmakers")
    ben.hooks.write()
    ben.hooks.sync()
    anna.use("Anna")
    assert main(["migrate", "--sqlite", str(own), "--report", str(tmp_path / "report.json")]) == 0
    with get_storage_backend() as memory:
        assert [entry.new_code for entry in memory.iterate()] == ["def of_my_own(): ..."]
    assert main(["verify", str(tmp_path / "report.json")]) == 0
    back = tmp_path / "back.db"
    assert main(["migrate", "--to-sqlite", str(back)]) == 0
    with SQLiteBackend(own_file=back, embedder=lambda: None) as memory:
        assert [entry.new_code for entry in memory.iterate()] == ["def of_my_own(): ..."]
    assert main(["backup", str(tmp_path / "backup.db")]) == 0
    with SQLiteBackend(own_file=tmp_path / "backup.db", embedder=lambda: None) as memory:
        assert [entry.new_code for entry in memory.iterate()] == ["def of_my_own(): ..."]
    capsys.readouterr()


def test_who_wrote_an_entry_is_shown(two: tuple[Machine, Machine], capsys: pytest.CaptureFixture[str]) -> None:
    anna, _ = two
    anna.use("Anna")
    anna.hooks.write()
    anna.hooks.sync()
    capsys.readouterr()
    (entry,) = anna.hooks.stored()
    assert main(["show", entry]) == 0
    assert "Anna" in capsys.readouterr().out
    assert main(["show", entry, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metadata"]["author"] == "Anna"
    for command in (["search", "parse_duration"], ["recent"]):
        assert main(command) == 0
        assert "Anna" in capsys.readouterr().out
        assert main([*command, "--json"]) == 0
        (found,) = json.loads(capsys.readouterr().out)
        assert found.get("author", found.get("metadata", {}).get("author")) == "Anna"


def test_without_a_configured_author_it_is_gits(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    (home / "gitconfig").write_text("[user]\n\tname = Anna  of\tthe Clocks\n")
    assert author_of(load_config()) == "Anna of the Clocks"


@pytest.mark.parametrize("name", ["@public", " ", "a\nb", "x" * 101])
def test_an_owner_that_cannot_be_one_is_refused(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_OWNER", name)
    with pytest.raises(ConfigError, match="AFTERIMAGE_OWNER must be a name"):
        load_config()
