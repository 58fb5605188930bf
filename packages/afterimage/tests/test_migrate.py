"""The migration as the guide types it: what it shows, what it refuses, and its exit status."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from afterimage.migrate import main, verify_main
from afterimage.storage import get_storage_backend
from afterimage.testing import write_legacy_memory
from capsa import DatabaseUrl, Record, Store, open_database

REPORT = """\
Starting migration...
Reading source data: 60/60 (100.0%)
Migrating entries: 60/60 (100.0%)
Validating migration: 1/1 (100.0%)

============================================================
AI-AfterImage Migration Report
============================================================
Source entries:     60
Migrated:           60
Skipped (existing): 0
Failed:             0
Success rate:       100.0%
Elapsed time:       #.#s
"""


@pytest.fixture
def older(home: Path) -> Path:
    file = home / ".afterimage" / "memory.db"
    write_legacy_memory(file, 60, lambda texts: [[0.1 + 0.01 * n] * 384 for n, _ in enumerate(texts)])
    return file


@pytest.fixture
def server(home: Path, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> DatabaseUrl:
    """The guide's user and database, configured as in the guide."""
    url = DatabaseUrl.parse(guide_postgres_url)
    configure(home, url)
    monkeypatch.setenv("AFTERIMAGE_PG_PASSWORD", url.password or "")
    return url


def configure(home: Path, url: DatabaseUrl, backend: str = "postgresql") -> None:
    file = home / ".afterimage" / "config.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        f"storage:\n  backend: {backend}\n  sqlite:\n    path: ~/.afterimage/memory.db\n  postgresql:\n"
        f"    host: {url.host}\n    port: {url.port}\n    database: {url.database}\n    user: {url.user}\n"
    )


def numbers(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z][^:\n]*): +(.*)$", text, re.MULTILINE))


def test_it_shows_what_the_guide_shows(older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]) -> None:
    before = hashlib.sha256(older.read_bytes()).hexdigest()
    assert main(["--sqlite", str(older), "--validate"]) == 0
    out, err = capsys.readouterr()
    assert re.sub(r"\d+\.\ds\n", "#.#s\n", out, count=1).startswith(REPORT)
    assert out.endswith("=" * 60 + "\n")
    assert err == ""
    assert numbers(out)["Target"] == str(server)
    assert quote(server.password or "", safe="") not in out
    assert (server.password or "?") not in out
    assert hashlib.sha256(older.read_bytes()).hexdigest() == before
    assert not older.with_name("memory.capsa.db").exists()


def test_again_it_skips_what_is_there(older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sqlite", str(older)]) == 0
    capsys.readouterr()
    assert main(["--sqlite", str(older)]) == 0
    shown = numbers(capsys.readouterr().out)
    assert (shown["Migrated"], shown["Skipped (existing)"], shown["Success rate"]) == ("0", "60", "100.0%")


def test_the_way_back_brings_what_was_written_since(
    older: Path, server: DatabaseUrl, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older)]) == 0
    with open_database(server) as database:
        Store(database, embedder=None).collection("code", owner="local").add([Record(id="new", text="x", path="/x")])
    assert main(["--to-sqlite", str(home / "back.db")]) == 0
    assert numbers(capsys.readouterr().out.rpartition("Migration Report")[2])["Migrated"] == "61"
    with open_database(DatabaseUrl.for_path(home / "back.db")) as database:
        assert Store(database, embedder=None).collection("code", owner="local").count() == 61


def test_a_memory_that_was_carried_over_is_taken_from_its_newer_file(
    older: Path, server: DatabaseUrl, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:

    configure(home, server, "sqlite")
    with get_storage_backend() as backend:
        backend.store(file_path="/new.py", new_code="new = 1")
    capsys.readouterr()
    assert main(["--sqlite", str(older)]) == 0
    out, err = capsys.readouterr()
    assert numbers(out)["Migrated"] == "61"
    assert re.search(r"memory\.db was carried over into .*memory\.capsa\.db", err)


@pytest.fixture
def with_patterns(older: Path) -> Path:
    """An older memory in which 0.8 has noted patterns: two clusters and three members."""
    with closing(sqlite3.connect(older)) as file, file:
        file.execute("CREATE TABLE pattern_clusters (cluster_id TEXT, normalized_code TEXT, first_seen TEXT)")
        file.execute("CREATE TABLE pattern_members (entry_id TEXT, cluster_id TEXT, timestamp TEXT)")
        moment = "2026-01-06T12:00:00+00:00"
        file.executemany("INSERT INTO pattern_clusters VALUES (?, 'x = V', ?)", [("c1", moment), ("c2", moment)])
        file.executemany("INSERT INTO pattern_members VALUES (?, 'c1', ?)", [(f"m{n}", moment) for n in range(3)])
    return older


def test_entries_are_counted_and_patterns_beside_them(
    with_patterns: Path, server: DatabaseUrl, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = "5 of 5 (2 pattern clusters, 3 pattern members)"
    assert main(["--sqlite", str(with_patterns), "--dry-run"]) == 0
    shown = numbers(capsys.readouterr().out)
    assert (shown["Source entries"], shown["Can be carried"], shown["Beside them"]) == ("60", "60", beside)
    for migrated, skipped in (("60", "0"), ("0", "60")):
        assert main(["--sqlite", str(with_patterns)]) == 0
        out = capsys.readouterr().out
        shown = numbers(out)
        assert "Migrating entries and patterns: 65/65" in out
        assert (shown["Source entries"], shown["Beside them"]) == ("60", beside)
        assert (shown["Migrated"], shown["Skipped (existing)"], shown["Failed"]) == (migrated, skipped, "0")
    for migrated, skipped in (("60", "0"), ("0", "60")):
        assert main(["--to-sqlite", str(home / "back.db")]) == 0
        shown = numbers(capsys.readouterr().out.rpartition("Migration Report")[2])
        assert (shown["Source entries"], shown["Beside them"]) == ("60", beside)
        assert (shown["Migrated"], shown["Skipped (existing)"], shown["Failed"]) == (migrated, skipped, "0")


def test_a_pattern_that_cannot_be_carried_is_no_entry_that_failed(
    with_patterns: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(with_patterns)) as file, file:
        file.execute("INSERT INTO pattern_clusters VALUES (NULL, 'x', '2026-01-06')")
    assert main(["--sqlite", str(with_patterns)]) == 1
    out = capsys.readouterr().out
    shown = numbers(out)
    assert (shown["Failed"], shown["Success rate"]) == ("0", "100.0%")
    assert shown["Beside them"] == "5 of 6 (3 pattern clusters, 3 pattern members)"
    assert "Cannot be carried, kept in quarantine (1)" in out


@pytest.mark.parametrize("what", ["missing.db", "."])
def test_a_mistyped_path_is_one_line_and_creates_nothing(
    what: str, server: DatabaseUrl, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(home / what)]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert not (home / "missing.db").exists()


def test_a_pipe_is_no_memory_and_nobody_waits_for_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(home / "pipe")
    assert main(["--sqlite", str(home / "pipe")]) == 1
    assert "is not a file" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", "a first page"])
def test_what_a_full_disk_left_of_a_target_is_gone_on_with(
    older: Path, server: DatabaseUrl, home: Path, content: bytes | str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older)]) == 0
    back = home / "back.db"
    back.write_bytes(b"")
    if content:
        with closing(sqlite3.connect(back)) as connection:
            connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (x); DROP TABLE t; VACUUM;")
    assert main(["--to-sqlite", str(back)]) == 0
    capsys.readouterr()


def test_a_report_that_would_be_a_folder_is_refused_before_anything_is_done(
    older: Path, server: DatabaseUrl, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older), "--report", str(home)]) == 1
    said = capsys.readouterr()
    assert "it is a folder" in said.err
    assert "Validating" not in said.out
    assert verify_main([str(home / "report.json"), "--sqlite", str(home / "nowhere.db")]) == 1
    assert "there is no memory at" in capsys.readouterr().err


def test_a_dry_run_tells_a_program_what_it_tells_a_person(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older), "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["can_be_carried"], found["cannot_be_carried"]) == (found["source_rows"], 0)
    assert (found["complete"], found["success_rate"]) == (None, None)
    assert found["target"] == str(server)
    assert found["target_looked_at"]["software"].startswith("PostgreSQL ")
    assert found["target_looked_at"]["schema"] is None


def test_a_dry_run_says_what_is_there_already(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    dry = ["--sqlite", str(older), "--dry-run"]
    assert main(dry) == 0
    assert "no tables of ours were seen" in capsys.readouterr().out
    with psycopg.connect(server.with_password()) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    assert main(["--sqlite", str(older)]) == 0
    with open_database(server) as database:
        code = Store(database).collection("code")
        (id_, other, *_) = code.ids()
        code.update(id_, text="changed there", embed=False)
        code.delete([other])
    capsys.readouterr()
    assert main(dry) == 1
    shown = numbers(capsys.readouterr().out)
    assert (shown["Can be carried"], shown["There, equal"], shown["There, different"]) == ("60", "58", "1")
    assert "59 rows are there" in shown["Target"]
    assert main([*dry, "--on-conflict", "replace", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["conflicts"] == [f"code_memory local code {id_}"]
    assert (document["complete"], document["failed"], document["cannot_be_carried"]) == (None, 0, 0)
    assert main([*dry, "--on-conflict", "replace"]) == 0
    out = capsys.readouterr().out
    assert numbers(out)["There, different"] == "1"
    assert "replaced by the source's (1):" in out
    assert "--on-conflict" not in out
    assert main([*dry, "--on-conflict", "fail", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["failed"] == 1
    (problem,) = document["target_looked_at"]["problems"]
    assert "1 rows are there, but different" in problem
    with open_database(server) as database:
        assert Store(database).collection("code").count() == 59


def test_a_dry_run_says_what_a_migration_would_stop_at(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older)]) == 0
    with psycopg.connect(server.with_password(), autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON capsa_embeddings FROM CURRENT_USER")
    capsys.readouterr()
    assert main(["--sqlite", str(older), "--dry-run"]) == 1
    out = capsys.readouterr().out
    assert "A migration, or the first use after it, would stop at this (1):" in out
    assert "lacks rights on capsa_embeddings" in out
    assert "rows are there; not compared, because the user of" in numbers(out)["Target"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--pg-password", "s3cret-wrong"], "AFTERIMAGE_PG_PASSWORD"),
        (["--pg-database", "not_there"], "create it first"),
        (["--pg-port", "99999"], "not a number from 1 to 65535"),
    ],
)
def test_a_dry_run_at_a_target_that_cannot_be_opened_fails(
    older: Path, server: DatabaseUrl, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dry = ["--sqlite", str(older), "--dry-run", *given]
    assert main(dry) == 1
    out = capsys.readouterr().out
    assert "A migration, or the first use after it, would stop at this (1):" in out
    assert said in out
    assert "s3cret" not in out
    assert "tables of ours" not in out
    assert main([*dry, "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["target_looked_at"]["problems"]) == 1


@pytest.mark.parametrize("statement", ["ALTER TABLE {} RENAME TO gone", "REVOKE INSERT ON {} FROM CURRENT_USER"])
@pytest.mark.parametrize("table", ["capsa_records", "capsa_lexical_segments", "capsa_transfer_ranges"])
def test_what_stops_the_next_run_too_is_not_to_be_run_again(
    older: Path, server: DatabaseUrl, statement: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    open_database(server).close()
    with psycopg.connect(server.with_password(), autocommit=True) as connection:
        connection.execute(statement.format(table).encode())
    assert main(["--sqlite", str(older)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert table in line
    assert "another program" not in line
    assert "run the same command again" not in line


def test_two_sources_are_one_too_many(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--to-sqlite", str(home / "a.db"), "--sqlite", str(home / "b.db")])
    assert "name another source" in capsys.readouterr().err


def test_a_file_of_another_program_is_never_a_target(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    before = older.read_bytes()
    assert main(["--to-sqlite", str(older)]) == 1
    assert "never written to: name a new file" in capsys.readouterr().err
    assert older.read_bytes() == before


def test_connection_refused_is_one_line_with_the_remedy(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older), "--pg-port", "1"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "sudo systemctl start postgresql" in err


def test_a_wrong_password_is_one_line_with_the_remedy_and_without_the_password(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older), "--pg-password", "s3cret-wrong"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "AFTERIMAGE_PG_PASSWORD" in err
    assert "pg_hba.conf" in err
    assert "s3cret" not in err


def test_a_dry_run_writes_nothing_anywhere(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older), "--dry-run", "--pg-port", "1"]) == 1
    out = capsys.readouterr().out
    assert "dry run: nothing was written" in out
    assert numbers(out)["Can be carried"] == "60"
    assert "refused" in numbers(out)["Not looked at"]
    assert "would stop at this" not in out


def test_for_a_program_there_is_json_and_nothing_else(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older), "--json", "--batch-size", "7"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["migrated"], document["complete"], document["verified"]) == (60, True, True)


def test_entries_that_differ_make_it_fail_and_are_named(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older)]) == 0
    with open_database(server) as database:
        code = Store(database, embedder=None).collection("code", owner="local")
        first = next(code.iterate())
        code.update(first.id, text="CORRUPTED")
    capsys.readouterr()
    assert main(["--sqlite", str(older)]) == 1
    out = capsys.readouterr().out
    assert numbers(out)["Failed"] == "1"
    assert first.id in out
    assert main(["--sqlite", str(older), "--on-conflict", "replace"]) == 0


def test_an_entry_that_cannot_be_carried_makes_it_fail_and_is_named(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(older) as connection:
        connection.execute("INSERT INTO code_memory (file_path, new_code, timestamp) VALUES ('/a', 'x', 'y')")
    connection.close()
    assert main(["--sqlite", str(older)]) == 1
    out = capsys.readouterr().out
    assert (numbers(out)["Migrated"], numbers(out)["Failed"], numbers(out)["Success rate"]) == ("60", "1", "98.4%")
    assert "it has no id" in out


def test_the_report_can_be_checked_weeks_later(
    older: Path, server: DatabaseUrl, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "migration.json"
    assert main(["--sqlite", str(older), "--report", str(file)]) == 0
    assert verify_main([str(file)]) == 0
    assert numbers(capsys.readouterr().out.rpartition("Verification")[2])["Unchanged"] == "60"
    with open_database(server) as database:
        code = Store(database, embedder=None).collection("code", owner="local")
        code.delete([next(code.iterate()).id])
    assert verify_main([str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["deleted_count"] == 1
    assert verify_main([str(home / "other.json")]) == 1


def test_an_option_that_is_not_one_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--nonsense"], ["--batch-size", "0"], ["--on-conflict", "maybe"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    assert "usage: afterimage migrate" in capsys.readouterr().err


def test_a_folder_that_does_not_exist_is_not_made(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", "postgresql://a@127.0.0.1:1/c")
    assert main(["--to-sqlite", str(home / "none" / "back.db")]) == 1
    assert f"there is no folder {home / 'none'}" in capsys.readouterr().err
    assert not (home / "none").exists()


def test_a_report_overwrites_nothing_but_a_report(
    older: Path, server: DatabaseUrl, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = older.read_bytes()
    assert main(["--sqlite", str(older), "--report", str(older)]) == 1
    assert "that file is no report" in capsys.readouterr().err
    assert older.read_bytes() == before
    for _ in range(2):
        assert main(["--sqlite", str(older), "--report", str(tmp_path / "report.json")]) == 0


def test_a_report_that_is_a_pipe_is_not_waited_for(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert verify_main([str(tmp_path / "pipe"), "--sqlite", str(home / "nowhere.db")]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--sqlite", "--to-sqlite", "--report"])
def test_an_empty_path_is_not_the_folder_that_one_stands_in(
    option: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option, ""])
    assert ended.value.code == 2
    assert f"{option}: it is empty: name a file" in capsys.readouterr().err
