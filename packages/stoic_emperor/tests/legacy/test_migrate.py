"""The two commands: what they show, what they refuse, how they go on, and the way back."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import click
import numpy as np
import psycopg
import pytest

from capsa import PUBLIC_OWNER, DatabaseUrl, Store
from stoic_emperor.cli import run
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.command import guide_command, migrate_command, verify_command
from stoic_emperor.legacy.together import Together
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message
from stoic_emperor.testing.chroma import ChromaWriter
from stoic_emperor.testing.legacy import OldDatabase, Version, write_chained, write_past

CHROMA_FILE = "chroma.sqlite3"
REPOSITORY = Path(__file__).resolve().parents[4]


def command(which: click.Command, *arguments: object) -> int:
    return run(which, [str(argument) for argument in arguments], "stoic")


@pytest.fixture
def older(home: Path) -> Path:
    """The predecessor's file where it always was."""
    path = home / "data" / "stoic_emperor.db"
    with OldDatabase(path, Version.V1) as old:
        write_past(old)
    return path


def configure(home: Path, url: str) -> None:
    (home / ".env").write_text(f"DATABASE_URL={url}\n")


def facts(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z][^:\n]*): +(.*)$", text, re.MULTILINE))


def fingerprint(path: Path) -> dict[str, tuple[str, int]]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {str(f): (hashlib.sha256(f.read_bytes()).hexdigest(), f.stat().st_mtime_ns) for f in files}


# The guide's command


def test_the_guides_command_as_it_is_typed(older: Path, home: Path, postgres_url: str) -> None:
    configure(home, postgres_url)
    before = fingerprint(older)
    script = [sys.executable, str(REPOSITORY / "scripts" / "migrate_sqlite_to_postgres.py")]
    assert os.access(script[1], os.X_OK)
    # The shell's DATABASE_URL is not set: what is in .env is meant.
    done = subprocess.run(
        [*script, "--sqlite", "./data/stoic_emperor.db", "--postgres", ""],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Migration complete: every row is there, equal" in done.stdout
    assert facts(done.stdout)["Rows"] == "46"
    assert facts(done.stdout)["Unchanged"] == str(older)
    password = DatabaseUrl.parse(postgres_url).password or "?"
    assert password not in done.stdout
    assert quote(password, safe="") not in done.stdout
    assert fingerprint(older) == before
    with Database(postgres_url) as database:
        assert len(database.person("anna").insights()) == 6


def test_again_it_skips_what_is_there(older: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(guide_command, "--sqlite", older, "--postgres", postgres_url) == 0
    capsys.readouterr()
    assert command(guide_command, "--sqlite", older, "--postgres", postgres_url) == 0
    shown = facts(capsys.readouterr().out)
    assert (shown["Migrated"], shown["Already there"], shown["Not carried"]) == ("0", "46", "0")


def test_what_differs_there_is_kept_and_named_and_replaced_when_asked(
    older: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Database(postgres_url) as database:
        database.person("anna").ensure("Anna herself")
    assert command(guide_command, "--sqlite", older, "--postgres", postgres_url) == 1
    out = capsys.readouterr().out
    assert "In the target, but different" in out
    assert "users anna" in out
    with Database(postgres_url) as database:
        assert [user.name for user in database.users() if user.id == "anna"] == ["Anna herself"]
    assert command(guide_command, "--sqlite", older, "--postgres", postgres_url, "--on-conflict", "replace") == 0
    with Database(postgres_url) as database:
        assert [user.name for user in database.users() if user.id == "anna"] == [None]


def test_an_empty_url_without_another_says_what_to_write(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(guide_command, "--sqlite", older, "--postgres", "") == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "DATABASE_URL=postgresql://" in err
    assert str(home / ".env") in err


@pytest.mark.parametrize("what", ["missing.db", "data"])
def test_a_mistyped_path_is_one_line_and_creates_nothing(
    what: str, home: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import psycopg

    assert command(guide_command, "--sqlite", home / what, "--postgres", postgres_url) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(home / what) in err
    assert sorted(path.name for path in home.rglob("*")) == ["data"]
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert found == (0,)


def test_a_server_that_is_not_there_is_one_line(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql://stoic:secret@127.0.0.1:1/stoic"
    assert command(guide_command, "--sqlite", older, "--postgres", url) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "secret" not in err


# stoic migrate


def test_without_a_word_the_past_comes_into_a_file_beside_it(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = fingerprint(older)
    assert command(migrate_command) == 0
    own = older.with_name("stoic_emperor.capsa.db")
    assert facts(capsys.readouterr().out)["Target"].endswith(str(own))
    assert own.stat().st_mode & 0o077 == 0
    assert fingerprint(older) == before
    with Database(older) as database:
        assert len(database.users()) == 2


def test_once_all_of_it_is_there_doing_it_again_changes_nothing(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(migrate_command) == 0
    own = older.with_name("stoic_emperor.capsa.db")
    before = fingerprint(own)
    capsys.readouterr()
    assert command(migrate_command) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert f"{older} was carried over into {own} before, every row of it: there is nothing to do" in out
    assert command(migrate_command, "--json") == 0
    assert json.loads(capsys.readouterr().out)["complete"]
    assert fingerprint(own) == before
    folder = home / "data" / "vector_db"
    remembered(folder)
    assert command(migrate_command, "--json") == 0, "a Chroma folder that turns up later still comes along"
    out, err = capsys.readouterr()
    assert f"migrating {folder} alone" in err
    assert json.loads(out)["unchanged"] == [str(folder)]


def test_a_named_chroma_folder_does_not_leave_the_older_file_out(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home / "elsewhere"
    remembered(folder)
    assert command(migrate_command, "--chroma", folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == [str(older), str(folder)]


def test_a_receipt_names_the_files_that_the_past_came_from_wherever_they_lie(
    older: Path, home: Path, store_url: str, tmp_path: Path
) -> None:
    (elsewhere := tmp_path / "old computer").mkdir()
    moved, folder = elsewhere / "stoic.db", elsewhere / "vectors"
    older.rename(moved)
    remembered(folder)
    assert command(migrate_command, "--from", moved, "--chroma", folder, "--to", store_url) == 0
    with Database(store_url) as database:
        anna = database.person("anna")
        assert set(Forgetting(anna, Recall(database.store, "anna")).everything().elsewhere) == {moved, folder}
        shutil.rmtree(folder)
        bob = database.person("bob")
        assert Forgetting(bob, Recall(database.store, "bob")).everything().elsewhere == (moved,)


def test_what_was_carried_over_goes_on_from_the_newer_file(
    older: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(migrate_command) == 0
    with Database(older) as database:
        person = database.person("anna")
        session = person.latest_session()
        assert session is not None
        person.add_message(Message(session_id=session.id, role="user", content="since then"))
    capsys.readouterr()
    assert command(guide_command, "--sqlite", older, "--postgres", postgres_url) == 0
    assert "was carried over into" in capsys.readouterr().err
    with Database(postgres_url) as database:
        assert [message.content for message in database.person("anna").recent_messages(1)] == ["since then"]


def test_a_chroma_that_was_not_carried_over_is_not_dropped_with_the_older_file(
    older: Path, home: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(migrate_command) == 0
    folder = home / "elsewhere"
    with ChromaWriter(folder) as writer:
        writer.collection("semantic").add("a", bytes(12), "text", {"user_id": "anna"})
    capsys.readouterr()
    words = ("--from", older, "--to", store_url, "--json")
    assert command(migrate_command, *words, "--chroma", home / "nowhere") == 1
    assert str(home / "nowhere") in capsys.readouterr().err
    assert command(migrate_command, *words, "--chroma", folder) == 0
    found = json.loads(capsys.readouterr().out)
    assert {part["name"]: part["source"] for part in found["parts"]}["chroma semantic"] == 1
    # Once it has come into the newer file, that has it, and what was changed there since.
    assert command(migrate_command, "--chroma", folder) == 0
    capsys.readouterr()
    assert command(migrate_command, *words, "--chroma", folder) == 0
    out, err = capsys.readouterr()
    assert f"{folder} was carried over into" in err
    assert "chroma semantic" not in {part["name"] for part in json.loads(out)["parts"]}


def test_a_zone_that_would_change_nothing_is_refused(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(migrate_command, "--timezone", "Europe/Rome") == 0
    capsys.readouterr()
    words = ("--from", older, "--to", home / "b.db", "--timezone")
    assert command(migrate_command, *words, "Asia/Tokyo") == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "its times read in Europe/Rome, so --timezone Asia/Tokyo would change nothing" in err
    assert not (home / "b.db").exists()
    assert command(migrate_command, *words, "Europe/Rome") == 0


@pytest.mark.parametrize("kept_out", ["refused", "different there"])
def test_a_file_that_was_not_carried_over_whole_is_read_itself(
    kept_out: str, older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = older.with_name("stoic_emperor.capsa.db")
    if kept_out == "refused":
        with closing(sqlite3.connect(older)) as connection:
            connection.execute("INSERT INTO messages (id, session_id, role, content) VALUES ('m', 'no', 'user', 'x')")
            connection.commit()
    else:
        with Database(older) as database:
            database.person("anna").ensure("Anna herself")
    assert command(migrate_command) == 1
    # What is the target itself is not left out.
    assert "not part of this" not in capsys.readouterr().err
    assert command(migrate_command, "--from", older, "--to", home / "b.db", "--json") == (kept_out == "refused")
    out, err = capsys.readouterr()
    assert "was carried over" not in err
    assert f"{own} holds what was written since; it is not part of this" in err
    assert json.loads(out)["unchanged"] == [str(older)]


def test_two_files_in_use_are_not_taken_for_one(
    older: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Database(older) as database:
        database.person("carla").ensure()
    assert command(migrate_command, "--to", postgres_url) == 1
    assert "run `stoic migrate` first" in capsys.readouterr().err


def test_a_dry_run_reads_everything_and_writes_nothing(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(home.rglob("*"))
    assert command(migrate_command, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "Dry run: nothing was written" in out
    assert facts(out)["Can be carried"] == "46"
    assert sorted(home.rglob("*")) == before


def test_a_dry_run_looks_at_its_target_and_tells_what_is_there_and_what_would_be_in_the_way(
    older: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def dry_run(*more: str) -> tuple[int, str]:
        status = command(migrate_command, "--dry-run", "--from", older, "--to", postgres_url, *more)
        return status, capsys.readouterr().out

    status, out = dry_run()
    assert status == 0
    assert "no tables of ours were seen" in facts(out)["Target"]
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)

    assert command(migrate_command, "--from", older, "--to", postgres_url) == 0
    capsys.readouterr()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE users SET name = 'Somebody else', consent_at = now() WHERE id = 'anna'")
        connection.execute("DELETE FROM profiles")
    status, out = dry_run()
    told = facts(out)
    assert status == 1, out
    assert told["There, different"] == "1"
    assert 0 < int(told["There, equal"]) < int(told["Rows"]) - 1
    assert dry_run("--on-conflict", "replace")[0] == 0

    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE capsa_migrations SET version = 999 WHERE package = 'stoic_emperor'")
    status, out = dry_run("--json")
    (problem,) = json.loads(out)["target_looked_at"]["problems"]
    assert status == 1
    assert "newer version (stoic_emperor schema 999" in problem
    status, out = dry_run()
    assert "newer version" in facts(out)["Stops at"]
    assert "would stop at the target" in out


def test_a_dry_run_says_that_an_earlier_programs_tables_are_in_the_way_or_that_nothing_was_seen(
    older: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE messages (id text)")
    assert command(migrate_command, "--dry-run", "--from", older, "--to", postgres_url) == 1
    assert "tables of an earlier program" in facts(capsys.readouterr().out)["Stops at"]
    away = "postgresql://me:secret@127.0.0.1:1/memory"
    assert command(migrate_command, "--dry-run", "--from", older, "--to", away) == 1
    out = capsys.readouterr().out
    assert "whether a migration would succeed is not known" in out
    assert "refused" in facts(out)["Not looked at"]
    assert "secret" not in out


def test_a_dry_run_counts_people_who_are_here_already_as_those_they_are(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = home / "data" / "new.db"
    with Database(target) as database:
        database.person("anna").ensure()
        before = database.person("anna").get()
    assert command(migrate_command, "--dry-run", "--from", older, "--to", target) == 0
    told = facts(capsys.readouterr().out)
    assert (told["There, equal"], told["There, different"]) == ("1", "0")
    with Database(target) as database:
        assert database.person("anna").get() == before, "nothing was written"


def test_where_there_is_nothing_it_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(migrate_command) == 1
    assert "name what to migrate with --from" in capsys.readouterr().err
    assert command(migrate_command, "--from", home / "x.db", "--to", home / "x.db") == 1
    assert "are the same" in capsys.readouterr().err
    with Database(home / "y.db"):
        pass
    (home / "link.db").symlink_to(home / "y.db")
    assert command(migrate_command, "--from", home / "y.db", "--to", home / "link.db") == 1
    assert "are the same" in capsys.readouterr().err


def remembered(folder: Path) -> None:
    with ChromaWriter(folder, "1.5") as writer:
        vector = np.random.default_rng(1).standard_normal(384).astype("<f4").tobytes()
        writer.collection("episodic").add("e1", vector, "we spoke of boats", {"user_id": "anna"})


def test_a_chroma_folder_that_lies_there_alone_comes_along(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / "data" / "vector_db"
    remembered(folder)
    assert command(migrate_command, "--no-chroma") == 1
    assert "--chroma" in capsys.readouterr().err
    assert command(migrate_command) == 0
    assert f"migrating what {folder} holds, without the conversations" in capsys.readouterr().err
    with Database() as database:
        assert [record.text for record in database.store.collection("episodic", owner="anna").iterate()] == [
            "we spoke of boats"
        ]
    assert command(migrate_command) == 0, "again, and it finds everything there"


@pytest.mark.parametrize(
    ("locked", "terminal"),
    [("stoic_emperor.db", True), ("vector_db/chroma.sqlite3", True), ("vector_db/chroma.sqlite3", False)],
)
def test_a_person_is_told_at_once_that_another_program_is_waited_for(
    older: Path, locked: str, terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    remembered(older.with_name("vector_db"))
    monkeypatch.setattr("capsa.transfer.snapshot._WAIT_SECONDS", 0.05)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with closing(sqlite3.connect(older.parent / locked, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert command(migrate_command, "--from", older, "--to", older.with_name("new.db")) == 1
    told = capsys.readouterr().err
    assert (f"{older.parent / locked} is in use by another program: waiting" in told) is terminal
    assert "has been locked by another program" in told


def test_json_is_for_programs(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(migrate_command, "--json", "--timezone", "Europe/Rome") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert found["complete"] is True
    assert found["zone"] == "Europe/Rome"
    assert {part["name"]: part["migrated"] for part in found["parts"]}["messages"] == 24
    assert found["remarks"]["time without zone, read as Europe/Rome"] == 46
    assert found["unchanged"] == [str(older)]


def test_the_zone_decides(older: Path, home: Path) -> None:
    for zone, name in (("UTC", "a.db"), ("Asia/Tokyo", "b.db")):
        assert command(migrate_command, "--from", older, "--to", home / name, "--timezone", zone) == 0
    with Database(home / "a.db") as utc, Database(home / "b.db") as tokyo:
        (first,), (second,) = ([u for u in d.users() if u.id == "anna"] for d in (utc, tokyo))
        assert (first.created_at - second.created_at).total_seconds() == 9 * 3600


def test_vectors_are_counted_by_model(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_chained(home / "data" / "stoic_emperor.db")
    assert command(migrate_command) == 0
    out = capsys.readouterr().out
    assert "10 of all-MiniLM-L6-v2" in out
    assert "6 of predecessor:hash-384" in out
    assert "6 rows: vector is a hash of words" in out


def test_what_cannot_be_carried_is_listed_and_the_status_says_it(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(older)) as connection:
        connection.execute(
            "INSERT INTO messages (id, session_id, role, content) VALUES ('m', 'gone', 'user', 'x\033[2J')"
        )
        connection.commit()
    assert command(migrate_command) == 1
    out = capsys.readouterr().out
    assert "Could not be carried, kept in quarantine" in out
    assert "its session is missing" in out
    assert "\033[2J" not in out


@pytest.mark.parametrize("which", [migrate_command, verify_command])
def test_the_help_shows_each_example_on_its_line(which: click.Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(which, "--help") == 0
    out = capsys.readouterr().out
    assert "\\b" not in out
    assert re.search(rf"Examples?:\n +stoic {which.name} [^\n]+\n", out)
    assert all(line.count("stoic ") <= 1 for line in out.split("Example", 1)[1].splitlines())


# The way back


def test_the_way_back_of_what_was_carried_over_before_is_told_with_where_it_goes(
    older: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(migrate_command) == 0
    capsys.readouterr()
    assert command(migrate_command, "--from", older, "--to", postgres_url) == 0
    told = facts(capsys.readouterr().out)["Next"]
    own = older.with_name("stoic_emperor.capsa.db")
    assert told.endswith(f"--to {older} (it goes into {own}, beside the old file)")


def test_rows_that_were_put_aside_do_not_stand_in_the_way_to_a_server(
    older: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("INSERT INTO messages (id, session_id, role, content) VALUES ('m', 'no', 'user', 'x')")
        connection.commit()
    assert command(migrate_command) == 1
    capsys.readouterr()
    assert command(migrate_command, "--to", postgres_url) == 0
    assert facts(capsys.readouterr().out)["Source"].startswith(str(older.with_name("stoic_emperor.capsa.db")))


def test_the_way_back_brings_everything_written_since(
    older: Path, home: Path, postgres_url: str, kit: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(home, postgres_url)
    before = fingerprint(older)
    assert command(guide_command, "--sqlite", older, "--postgres", "") == 0
    advice = capsys.readouterr().out
    with Database(postgres_url) as database:
        person = database.person("anna")
        session = person.begin_session(title="Since then")
        person.add_message(Message(session_id=session.id, role="user", content="written on the server"))
        Store(database.engine, embedder=None).collection("episodic", owner="anna")
    there = kit.contents(postgres_url)
    # As the report of the migration says it; the password is in .env.
    assert "stoic migrate --from postgresql://" in advice
    assert command(migrate_command, "--to", older) == 0
    out = capsys.readouterr().out
    own = older.with_name("stoic_emperor.capsa.db")
    assert facts(out)["Target"].endswith(str(own))
    assert f"the older program's {older} lies there unchanged" in out
    assert fingerprint(older) == before
    came_back = kit.contents(f"sqlite:///{own}")
    # Where it came from now is known there alone.
    assert set(there.pop("origins")) < set(came_back.pop("origins"))
    assert came_back == there
    with Database(older) as database:
        assert [m.content for m in database.person("anna").recent_messages(1)] == ["written on the server"]


def test_weeks_later_the_report_tells_what_has_changed(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = home / "migration.json"
    assert command(migrate_command, "--report", report) == 0
    capsys.readouterr()
    assert command(verify_command, report) == 0
    assert facts(capsys.readouterr().out)["Unchanged"] == "46"
    with Database(older) as database, database.engine.maintain() as tx:
        tx.execute("UPDATE messages SET content = 'another' WHERE role = 'user' AND user_id = 'ben'")
        tx.execute("DELETE FROM profiles WHERE user_id = 'ben'")
        tx.execute("INSERT INTO users (id, created_at) VALUES ('new', 0)")
    assert command(verify_command, report, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["changed_count"], found["deleted_count"]) == (6, 2)
    assert command(verify_command, report, "--database", home / "none.db") == 1
    assert not (home / "none.db").exists()


def test_a_report_of_another_database_than_the_configured_one_says_so(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = home / "migration.json"
    assert command(migrate_command, "--from", older, "--to", home / "b.db", "--report", report) == 0
    with Database(older):
        pass
    capsys.readouterr()
    assert command(verify_command, report) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"{home / 'b.db'}; this looks at" in err
    assert command(verify_command, report, "--database", home / "b.db") == 0
    assert capsys.readouterr().err == ""


def test_only_what_was_part_of_the_run_is_said_to_be_unchanged(
    older: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    another = older.with_name("another.db")
    another.write_bytes(older.read_bytes())
    assert command(migrate_command, "--from", older, "--to", older.with_name("new.db")) == 0
    out = capsys.readouterr().out
    assert f"the older program's {older} lies there unchanged" in out
    assert str(another) not in out


# Killed


@pytest.mark.parametrize("dialect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_killed_at_any_time_it_goes_on_where_it_was(
    dialect: str,
    home: Path,
    new_postgres: Callable[[], str],
    kit: SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    older = home / "data" / "old.db"
    with OldDatabase(older, Version.V2) as old:
        write_past(old, [f"person {n}" for n in range(8)], turns=100)
    target = new_postgres() if dialect == "postgresql" else f"sqlite:///{home}/new.db"
    words = [sys.executable, "-c", _KILLABLE, str(older), target]
    for _ in range(2):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=home)
        assert process.stdout is not None
        # Some ranges are in, and it is in the middle of the next.
        process.stdout.readline()
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    capsys.readouterr()
    assert command(migrate_command, "--from", older, "--to", target, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["resumed"] is True
    assert {part["name"]: part["source"] for part in found["parts"]}["messages"] == 1600
    assert kit.rows(target, "SELECT count(*), count(DISTINCT id) FROM messages") == [(1600, 1600)]
    with Database(target) as database:
        contents = [message.content for message in database.person("person 7").recent_messages(1600)]
    assert contents[0].startswith("person 7: morning 0")
    assert contents[-1].startswith("Reply 99")


_KILLABLE = """
import sys
from capsa import transfer
from stoic_emperor.config import load_configuration
from stoic_emperor.legacy import migrate
small = transfer.Options
migrate.transfer.Options = lambda **given: small(range_rows=100, **given)
def progress(phase, done, total):
    if phase == "copy" and done > 300:
        print(done, flush=True)
migrate.migrate(migrate.Request(source=sys.argv[1], target=sys.argv[2]), load_configuration(), progress)
"""


# Chroma beside it, and the real files


def test_two_sources_with_parts_of_one_name_are_refused(older: Path) -> None:
    from capsa import TransferError
    from stoic_emperor.legacy.sqlite import open_file

    sources = [open_file(older), open_file(older)]
    try:
        with pytest.raises(TransferError, match="one by one"):
            Together(sources)
    finally:
        for source in sources:
            source.close()


def test_a_damaged_chroma_directory_stops_it_before_anything_is_made(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = older.parent / "vector_db"
    folder.mkdir()
    (folder / CHROMA_FILE).write_bytes(b"SQLite format 3\0 and then nothing")
    assert command(migrate_command) == 1
    assert str(folder) in capsys.readouterr().err
    assert not older.with_name("stoic_emperor.capsa.db").exists()
    assert command(migrate_command, "--no-chroma") == 0


@pytest.mark.parametrize("file", ["index_metadata.pickle", "data_level0.bin"])
def test_vectors_that_damaged_files_have_lost_are_no_success(
    file: str, older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = older.parent / "vector_db"
    with ChromaWriter(folder, "1.5", sync_threshold=8) as writer:
        semantic = writer.collection("semantic")
        for n in range(12):
            semantic.add(f"r{n}", bytes(12), f"text {n}", {"user_id": "anna"})
    os.truncate(folder / semantic.vector_segment / file, 50)
    assert command(migrate_command) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(folder) in err
    assert "7 of 12 vectors of semantic" in err
    assert not older.with_name("stoic_emperor.capsa.db").exists()
    assert command(migrate_command, "--allow-missing-vectors") == 0
    assert re.search(r"7 rows: no vector in Chroma", capsys.readouterr().out)


def test_what_a_damaged_index_lost_and_the_queue_still_has_is_carried(older: Path) -> None:
    folder = older.parent / "vector_db"
    with ChromaWriter(folder, "0.5", sync_threshold=8) as writer:
        semantic = writer.collection("semantic")
        for n in range(12):
            semantic.add(f"r{n}", bytes(12), f"text {n}", {"user_id": "anna"})
    os.truncate(folder / semantic.vector_segment / "data_level0.bin", 50)
    assert command(migrate_command) == 0


def test_a_single_vector_that_chroma_never_had_stays_a_remark(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ChromaWriter(older.parent / "vector_db") as writer:
        writer.collection("semantic").add("a", None, "text", {"user_id": "anna"})
    assert command(migrate_command) == 0
    assert "no vector in Chroma (Chroma has no vector of it)" in capsys.readouterr().out


@pytest.fixture
def real(data: Path, home: Path) -> Path:
    """The real file and the Chroma directory of the same version beside it."""
    older = home / "data" / "stoic_emperor.db"
    older.write_bytes((data / "v1_sqlite3_811642f.db").read_bytes())
    unpack(data / "chroma_0.5.5.tar.xz", home / "data")
    return older


def unpack(archive: Path, folder: Path) -> Path:
    with lzma.open(archive) as opened, tarfile.open(fileobj=opened) as tar:
        top = tar.getnames()[0].split("/")[0]
        tar.extractall(folder, filter="data")
    return (folder / top).rename(folder / "vector_db")


def everything(store: Store, collection: str, owners: Sequence[str]) -> dict[str, tuple[object, ...]]:
    """id -> document, metadata and the vector's bytes, of all these owners."""
    found: dict[str, tuple[object, ...]] = {}
    for owner in owners:
        mine = store.collection(collection, owner=owner)
        for record, vector in mine.iterate_with_vectors(model="chroma:unknown-384"):
            found[record.id] = (record.text, dict(record.metadata), None if vector is None else vector.tobytes())
    return found


@pytest.mark.slow
def test_the_real_past_comes_along_vectors_and_all(
    real: Path, data: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {**fingerprint(real), **fingerprint(real.parent / "vector_db")}
    words = ("--from", real, "--to", store_url, "--timezone", "Europe/London", "--json")
    assert command(migrate_command, *words) == 0
    found = json.loads(capsys.readouterr().out)
    counts = {part["name"]: part["migrated"] for part in found["parts"]}
    assert {name: counts[name] for name in ("users", "sessions", "messages", "semantic_insights", "profiles")} == {
        "users": 4, "sessions": 60, "messages": 3000, "semantic_insights": 743, "profiles": 6,
    }  # fmt: skip
    # The published files were filled with made-up vectors, which a sample shows.
    assert found["vectors_by_model"] == {"chroma:unknown-384": 2512}
    assert any("stoic reembed" in line for line in found["advice"])
    assert found["unchanged"] == [str(real), str(real.parent / "vector_db")]
    assert {**fingerprint(real), **fingerprint(real.parent / "vector_db")} == before
    truth = json.loads((data / "truth_chroma_0.5.5.json").read_text("utf-8"))
    with np.load(data / "truth_chroma_0.5.5.npz") as arrays, Database(store_url) as database:
        owners = [*(user.id for user in database.users()), PUBLIC_OWNER]
        store = Store(database.engine, embedder=None)
        for name, expected in truth.items():
            there = everything(store, name, owners)
            assert set(there) == set(expected)
            for id_, vector in zip(arrays[f"{name}_ids"], arrays[name], strict=True):
                assert there[str(id_)] == (*expected[str(id_)], vector.astype("<f4").tobytes())
