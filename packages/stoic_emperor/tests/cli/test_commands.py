"""The other commands: help with an example, one line for a mistake, nothing secret shown."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import psycopg
import pytest

from stoic_emperor.cli import group, main
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.models import Message, SemanticInsight
from stoic_emperor.testing.models import FakeServer

from .conftest import Stoic


@pytest.mark.parametrize("name", sorted(group.commands))
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = group.commands[name]
    assert isinstance(command, click.Command)
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"stoic {name}" in shown


def test_a_mistyped_command_or_option_is_one_line(stoic: Stoic) -> None:
    for arguments in (["chatt"], ["chat", "--nope"], ["import"], ["chat", "--session", "x", "-c"]):
        ran = stoic(*arguments)
        assert ran.status == 2
        assert ran.err.count("\n") == 1


def test_importing_again_adds_nothing_and_a_wrong_path_changes_nothing(stoic: Stoic, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("It is the power of the mind to be unconquerable.\n")
    first = stoic("import", "stoic", str(tmp_path), "--author", "Seneca", "--work", "Letters", "--no-tag")
    assert first.status == 0, first.err
    assert "1 new" in first.out
    assert "1 new" not in stoic("import", str(tmp_path), "--author", "Seneca", "--work", "Letters").out
    wrong = stoic("import", str(tmp_path / "nowhere"))
    assert wrong.status == 1
    assert "nothing was imported" in wrong.err
    assert "unconquerable" in stoic("search", "unconquerable mind").out


def test_a_journal_becomes_conversations_once(stoic: Stoic, tmp_path: Path) -> None:
    (tmp_path / "2024-03-01.md").write_text("Planted the pear tree.\n\n" + "Long thoughts. " * 900)
    (tmp_path / "empty.txt").write_text("")
    ran = stoic("import", "journal", str(tmp_path), "--user", "ada")
    assert ran.status == 1, "an empty file was not imported, and is named"
    assert "empty.txt was not imported: it is empty" in ran.err
    (session,) = stoic("sessions", "--user", "ada", "--json").json
    assert session["created_at"].startswith("2024-03-01")
    assert session["messages"] > 2
    stoic("import", "journal", str(tmp_path), "--user", "ada")
    assert len(stoic("sessions", "--user", "ada", "--json").json) == 1


def test_analyze_says_what_is_missing_and_shows_the_last_portrait(stoic: Stoic, model: FakeServer) -> None:
    assert "no portrait" in stoic("analyze", "--show").err
    stoic("chat", said="I build boats\n")
    assert "not allowed the analysis" in stoic("analyze").err
    stoic("consent", "yes")
    stoic("chat", said="I build boats\n")
    assert "--force" in stoic("analyze").err
    ran = stoic("analyze", "--force")
    assert ran.status == 0, ran.err
    assert "at most 1 calls for the portrait" in ran.err
    assert "nobody reviewed it" in ran.out
    assert "Begin with what is yours to do." in stoic("analyze", "--show").out


def test_analyze_without_a_model_names_the_settings(stoic: Stoic) -> None:
    ran = stoic("analyze", "--force")
    assert ran.status == 1
    assert "LLM_MAIN_MODEL" in ran.err


def test_doctor_runs_the_checklist_and_shows_no_secret(
    stoic: Stoic, model: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    ran = stoic("doctor", "--json")
    verdicts = {check["name"]: check["verdict"] for check in ran.json}
    assert verdicts["database connection"] == "ok"
    assert verdicts["migrations"] == "ok"
    assert verdicts["chat"] == "ok"
    assert verdicts["texts imported"] == "note"
    assert {"web", "authentication", ".env"} <= verdicts.keys()
    assert "very-secret" not in ran.out + ran.err


def test_doctor_sees_the_rights_that_only_a_write_would_miss(
    guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", guide_postgres_url)
    Database(guide_postgres_url).close()
    with psycopg.connect(guide_postgres_url) as connection:
        connection.execute("REVOKE INSERT ON tallies FROM CURRENT_USER")
    assert main(["doctor", "--json"]) == 1
    (found,) = [check for check in json.loads(capsys.readouterr().out) if check["name"] == "tables"]
    assert found["verdict"] == "fail"
    assert "lacks rights on tallies (INSERT)" in found["found"]


def test_doctor_says_what_to_do_about_a_server_that_is_not_there(stoic: Stoic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://stoic:hush@127.0.0.1:1/stoic_emperor")
    ran = stoic("doctor")
    assert ran.status == 1
    assert "postgresql://user:password@host:port/database" in ran.out
    assert "hush" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("DATABASE_URL", "mysql://nowhere", "not a database URL"),
        ("SQLITE_DB_PATH", "x.db", "DATABASE_URL"),
        ("ENVIRONMENT", "staging", "development or production"),
        ("LLM_BASE_URL", "not a url", "LLM_BASE_URL"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    stoic: Stoic, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv("LLM_MAIN_MODEL", "any")
    monkeypatch.setenv(variable, value)
    ran = stoic("chat", said="Hello\n")
    assert ran.status == 1
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_an_earlier_memory_that_waits_is_told_of_until_it_has_come_along(
    stoic: Stoic, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stoic_emperor.testing.legacy import OldDatabase, Version, write_past

    monkeypatch.delenv("DATABASE_URL")
    (home / "data").mkdir()
    with OldDatabase(home / "data" / "stoic_emperor.db", Version.V1) as old:
        write_past(old)
    assert "`stoic migrate` brings it along" in stoic("chat", said="exit\n").err
    assert stoic("migrate").status == 0
    assert "stoic migrate" not in stoic("chat", said="exit\n").err
    (found,) = [check for check in stoic("doctor", "--json").json if check["name"] == "older memory"]
    assert found["verdict"] == "ok"


def test_a_past_of_which_rows_were_put_aside_is_not_asked_for_again(
    stoic: Stoic, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stoic_emperor.testing.legacy import OldDatabase, Version, write_past

    monkeypatch.delenv("DATABASE_URL")
    (home / "data").mkdir()
    older = home / "data" / "stoic_emperor.db"
    with OldDatabase(older, Version.V1) as old:
        write_past(old)
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("INSERT INTO messages (id, session_id, role, content) VALUES ('m', 'no', 'user', 'x')")
        connection.commit()
    assert stoic("migrate").status == 1
    assert "stoic migrate" not in stoic("chat", said="exit\n").err
    (found,) = [check for check in stoic("doctor", "--json").json if check["name"] == "older memory"]
    assert found["verdict"] == "note"
    assert "was brought along but for 1 rows" in found["found"]
    again = stoic(*found["remedy"].removesuffix(" names them").split()[1:])
    assert "its session is missing" in again.out


def test_an_older_memory_is_looked_for_beside_a_server_too(stoic: Stoic, home: Path, store_url: str) -> None:
    from stoic_emperor.testing.legacy import OldDatabase, Version, write_past

    folder = Path(store_url.removeprefix("sqlite:///")).parent if store_url.startswith("sqlite") else home / "data"
    older = folder / "stoic_emperor.db"
    with OldDatabase(older, Version.V1) as old:
        write_past(old)

    def told() -> dict[str, str]:
        (found,) = [check for check in stoic("doctor", "--json").json if check["name"] == "older memory"]
        return dict(found)

    assert told()["found"] == f"{older} has not been brought along"
    assert stoic(*told()["remedy"].split()[1:]).status == 0
    assert told()["verdict"] == "ok"
    # What is forgotten here is not taken for something that was written there since.
    assert stoic("erase", "--user", "anna", "--yes").status == 0
    assert told()["verdict"] == "ok"


def test_what_the_earlier_program_writes_after_its_memory_came_along_is_told_of(
    stoic: Stoic, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stoic_emperor.testing.legacy import OldDatabase, Version, write_past

    monkeypatch.delenv("DATABASE_URL")
    (home / "data").mkdir()
    older = home / "data" / "stoic_emperor.db"
    with OldDatabase(older, Version.V1) as old:
        write_past(old)
    assert stoic("migrate").status == 0
    with closing(sqlite3.connect(older)) as connection:
        connection.execute(
            "INSERT INTO messages (id, session_id, role, content, created_at) "
            "SELECT 'late', session_id, role, 'written later', created_at FROM messages LIMIT 1"
        )
        connection.commit()
    (found,) = [check for check in stoic("doctor", "--json").json if check["name"] == "older memory"]
    assert found["verdict"] == "note"
    assert "1 rows of" in found["found"]
    copy = older.with_name("stoic_emperor.db.late")
    assert f"stoic migrate --from {copy}" in found["remedy"]
    copy.write_bytes(older.read_bytes())
    assert stoic("migrate", "--from", str(copy)).status == 0
    (found,) = [check for check in stoic("doctor", "--json").json if check["name"] == "older memory"]
    assert found["verdict"] == "ok"


def test_a_past_is_analysed_after_a_question_that_says_how_much_it_is(
    stoic: Stoic, model: FakeServer, store_url: str
) -> None:
    with Database(store_url) as database:
        person = database.person("default_user")
        session = person.begin_session()
        for role in ("user", "emperor"):
            person.add_message(Message(session_id=session.id, role=role, content="I built boats"))
    stoic("consent", "yes")
    assert "Analysed: 0." in stoic("reflect").out
    asked = stoic("reflect", "--past")
    assert asked.status == 1
    assert "1 turns wait to be analysed" in asked.out
    assert "Analysed: 1." in stoic("reflect", "--past", "--yes").out


def test_memory_shows_what_was_noted_several_times_once(stoic: Stoic, store_url: str) -> None:
    with Database(store_url) as database:
        person = database.person("default_user")
        for text in ("They keep bees.", "They keep bees.", "They build boats."):
            person.add_insight(SemanticInsight(user_id="default_user", assertion=text))
    shown = stoic("memory").out
    assert shown.count("They keep bees.") == 1
    assert "noted 2 times" in shown
    assert len(stoic("memory", "--json").json["insights"]) == 3


def test_what_was_noted_several_times_can_be_forgotten_at_once(stoic: Stoic, store_url: str) -> None:
    with Database(store_url) as database:
        person = database.person("default_user")
        for number in range(3):
            person.add_insight(
                SemanticInsight(id=f"bees-{number}", user_id="default_user", assertion="They keep bees.")
            )
        person.add_insight(SemanticInsight(id="boats", user_id="default_user", assertion="They build boats."))
    assert "goes as a whole with /forget ID all" in stoic("memory").out
    assert "after the id there may only be" in stoic("chat", said="/forget bees-0 please\n").err
    assert "noted 2 more times, and stays" in stoic("forget", "bees-0").out
    ran = stoic("chat", said="/forget bees-1 all\n")
    assert "Erased: 2 insights" in ran.out
    left = stoic("memory", "--json").json["insights"]
    assert [insight["assertion"] for insight in left] == ["They build boats."]
    assert stoic("forget", "boats", "--all").status == 0


def test_an_import_says_which_files_are_gone_and_what_takes_them_out(stoic: Stoic, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"Thoughts of {name}, which are about patience and time.")
    stoic("import", str(folder))
    (folder / "two.txt").unlink()
    ran = stoic("import", str(folder))
    assert "two.txt: gone" in ran.out
    assert "--remove-gone takes out what is not in the folder any more" in ran.err
    ran = stoic("import", str(folder), "--remove-gone")
    assert "two.txt: removed (1 removed)" in ran.out
    assert "gone" not in stoic("import", str(folder)).out
