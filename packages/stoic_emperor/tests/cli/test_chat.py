"""``stoic chat``, through a pipe and as a process that is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest

import capsa
from stoic_emperor.application import Application
from stoic_emperor.errors import StoicError
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import Status, now
from stoic_emperor.safety.disclosure import AI_NOTICE
from stoic_emperor.testing.models import Drips, FakeServer, Refuses, Says
from stoic_emperor.testing.terminal import sit_at

from .conftest import Stoic, answer, start

TEXTS = Path(__file__).parents[4] / "data" / "stoic_texts" / "musonius-rufus"


def test_without_a_model_it_says_so_and_answers_from_the_library(stoic: Stoic) -> None:
    assert stoic("import", str(TEXTS)).status == 0
    ran = stoic("chat", said="Why should I endure hardship and exile?\n")
    assert ran.status == 0
    assert "No language model is connected" in ran.out
    assert "Musonius Rufus" in ran.out


def test_a_model_speaks_and_what_it_says_is_kept(stoic: Stoic, model: FakeServer, store_url: str) -> None:
    ran = stoic("chat", said="I put off everything\n")
    assert "Begin with what is yours to do." in ran.out
    with Database(store_url) as database:
        (listed,) = database.person("default_user").sessions()
        contents = [m.content for m in database.person("default_user").messages(listed.session.id)]
    assert contents == ["I put off everything", "Begin with what is yours to do."]


def test_it_says_what_it_is_also_through_a_pipe_the_first_time(stoic: Stoic, model: FakeServer) -> None:
    first, second = stoic("chat", said="I put off everything\n"), stoic("chat", said="And today again\n")
    assert AI_NOTICE in first.err
    assert AI_NOTICE not in first.out + second.err + second.out


def test_what_begins_with_a_slash_is_said_with_two(stoic: Stoic, model: FakeServer, store_url: str) -> None:
    refused = stoic("chat", said="/etc is a folder that I fear\n")
    assert "said with two, //etc" in refused.err
    stoic("chat", said="//etc is a folder that I fear\n")
    with Database(store_url) as database:
        said = [m.content for m in database.person("default_user").recent_messages()]
    assert said[0] == "/etc is a folder that I fear"


def test_a_name_and_a_title_are_given_and_taken_away(stoic: Stoic, model: FakeServer) -> None:
    ran = stoic("chat", said="hello\n/title A walk\n/title\n/name Anna\n/name\n")
    told = ("is called A walk.", "has no name of its own.", "You are called Anna.", "You have no name here.")
    assert [line for line in told if line in ran.out] == list(told)


def test_going_on_with_the_last_conversation_or_a_named_one(stoic: Stoic, model: FakeServer) -> None:
    stoic("chat", said="first\n")
    (first,) = stoic("sessions", "--json").json
    stoic("chat", said="second, elsewhere\n")
    stoic("chat", "--session", first["id"][:8], said="third\n")
    stoic("chat", "-c", said="fourth\n")
    listed = {entry["id"]: entry["messages"] for entry in stoic("sessions", "--json").json}
    assert listed[first["id"]] == 6
    assert sorted(listed.values()) == [2, 6]


def test_a_conversation_that_is_not_there_or_is_somebody_elses_is_one_line(stoic: Stoic, model: FakeServer) -> None:
    stoic("chat", said="mine\n")
    (mine,) = stoic("sessions", "--json").json
    for arguments in (("--session", "nowhere"), ("--session", mine["id"], "--user", "mallory")):
        ran = stoic("chat", *arguments, said="let me in\n")
        assert ran.status == 1
        assert ran.err.count("\n") == 1
        assert "there is no conversation" in ran.err


def test_several_lines_between_quotes_are_one_message(stoic: Stoic, store_url: str) -> None:
    stoic("chat", said='"""one\ntwo\n\nthree"""\nexit\nnever said\n')
    with Database(store_url) as database:
        said = [m.content for m in database.person("default_user").recent_messages() if m.role == "user"]
    assert said == ["one\ntwo\n\nthree"]


@pytest.mark.parametrize("leaving", ["exit", "quit", "q", "Q", "/quit", ""])
def test_leaving(stoic: Stoic, leaving: str) -> None:
    assert stoic("chat", said=f"{leaving}\n" if leaving else "").status == 0


def test_memory_shows_what_was_understood_and_forget_erases_it(stoic: Stoic, model: FakeServer, store_url: str) -> None:
    stoic("consent", "yes")
    stoic("chat", said="I build boats\n")
    stoic("reflect")
    shown = stoic("memory", "--json").json
    (insight,) = shown["insights"]
    assert insight["assertion"] == "They build boats."
    told = stoic("memory").out
    assert "They build boats." in told
    assert "I build boats" in told, "an insight shows the words it came from"

    ran = stoic("chat", said=f"/forget {insight['id'][:8]}\n/memory\n")
    assert "Erased: 1 insight in the search, 1 insight." in ran.out
    assert stoic("memory", "--json").json["insights"] == []


def test_pause_and_consent_are_the_persons_to_change(stoic: Stoic, store_url: str) -> None:
    stoic("chat", said="/consent yes\n/pause\n/name Ada\n/country gb\n")
    with Database(store_url) as database:
        user = database.person("default_user").get()
        assert user is not None
        assert user.consent_at
        assert user.paused_at
        assert (user.name, user.country) == ("Ada", "GB")
    stoic("chat", said="/unpause\n/consent no\n")
    with Database(store_url) as database:
        user = database.person("default_user").get()
        assert user is not None
        assert not user.consent_at
        assert not user.paused_at


def test_helplines_are_one_command_away(stoic: Stoic) -> None:
    assert "116 123" in stoic("chat", said="/country GB\n/helplines\n").out


def test_somebody_in_danger_sees_help_before_the_reply(stoic: Stoic, model: FakeServer) -> None:
    out = stoic("chat", said="I want to end my life tonight\n").out
    assert out.index("findahelpline") < out.index("Begin with what is yours")


def test_where_the_rules_find_no_danger_the_model_is_asked(stoic: Stoic, model: FakeServer, settings: Path) -> None:
    settings.write_text("memory:\n  embedding_model: none\n")
    out = stoic("chat", said="The dog is with Klara now, and my affairs are in order\n").out
    assert out.index("findahelpline") < out.index("Begin with what is yours")


def test_a_model_that_fails_is_one_line_and_again_asks_once_more(stoic: Stoic, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer([Refuses(401), Says("Here I am.")]) as server:
        monkeypatch.setenv("LLM_BASE_URL", server.openai_url)
        monkeypatch.setenv("LLM_MAIN_MODEL", "any")
        ran = stoic("chat", said="Hello\n/again\n")
    assert "What you said is kept" in ran.err
    assert "Here I am." in ran.out
    assert ran.status == 0, "the last reply came"
    assert "Traceback" not in ran.err


def test_a_question_that_is_piped_in_and_not_answered_is_a_failure(
    stoic: Stoic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer([Refuses(401)]) as server:
        monkeypatch.setenv("LLM_BASE_URL", server.openai_url)
        monkeypatch.setenv("LLM_MAIN_MODEL", "any")
        assert stoic("chat", said="Hello\n").status == 1


def test_commands_that_are_none_and_mistakes_do_not_end_the_conversation(stoic: Stoic) -> None:
    ran = stoic("chat", said="/frobnicate\n/forget\n/resume 99\n/consent maybe\nstill here\n")
    assert ran.status == 0
    assert [line.split()[1] for line in ran.err.splitlines()] == ["You", "there", "what", "there", "say"]
    assert len(stoic("sessions", "--json").json) == 1


def test_export_is_for_its_owners_eyes_and_overwrites_nothing(stoic: Stoic, model: FakeServer, tmp_path: Path) -> None:
    stoic("chat", said="I build boats\n")
    for name in ("me.json", "me.md"):
        assert stoic("export", str(tmp_path / name)).status == 0
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert "I build boats" in (tmp_path / name).read_text()
    document = json.loads((tmp_path / "me.json").read_text())
    assert document["sessions"][0]["messages"][0]["content"] == "I build boats"
    again = stoic("export", str(tmp_path / "me.json"))
    assert again.status == 1
    assert "exists already" in again.err


def test_erase_asks_first_and_gives_a_receipt(stoic: Stoic, model: FakeServer) -> None:
    stoic("chat", said="I build boats\n")
    assert "nothing was erased" in stoic("erase").err
    receipt = stoic("erase", "--yes", "--json").json
    assert receipt["erased"]["messages"] == 2
    assert stoic("users", "--json").json == []
    assert stoic("erase", "--yes").status == 1


@pytest.mark.slow
@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGHUP])
def test_when_the_terminal_closes_midway_nothing_that_was_shown_is_lost(
    tmp_path: Path, signal_: signal.Signals
) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    with FakeServer([Drips("word " * 200, 0.02)]) as server:
        process = start(
            "chat",
            DATABASE_URL=url,
            LLM_BASE_URL=server.openai_url,
            LLM_MAIN_MODEL="any",
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("Tell me something long\n")
        process.stdin.flush()
        seen = process.stdout.read(250)
        assert "word word" in seen
        time.sleep(1.5)
        process.send_signal(signal_)
        process.wait(10)
        process.stdin.close()
        process.stdout.close()
        if process.stderr is not None:
            process.stderr.close()
    with Database(url) as database:
        person = database.person("default_user")
        person.settle_interrupted(now())
        said, reply = person.recent_messages()
    assert said.content == "Tell me something long"
    assert reply.status is Status.STOPPED
    assert reply.content.startswith("word word")


@pytest.mark.slow
def test_ctrl_c_stops_the_reply_and_the_conversation_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    with FakeServer([Drips("word " * 400, 0.02), Drips("done", 0.0)]) as server:
        process = start("chat", DATABASE_URL=url, LLM_BASE_URL=server.openai_url, LLM_MAIN_MODEL="any")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("Tell me something long\n")
        process.stdin.flush()
        process.stdout.read(250)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate("And now?\n", timeout=20)
    assert process.returncode == 0, err
    assert "[stopped; what came of it is kept]" in out
    assert out.rstrip().endswith("done")
    with Database(url) as database:
        statuses = [m.status for m in database.person("default_user").recent_messages()]
    assert statuses == [Status.COMPLETE, Status.STOPPED, Status.COMPLETE, Status.COMPLETE]


def test_in_a_terminal_consent_is_asked_once_and_it_says_what_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    with FakeServer([answer]) as server:
        variables = {"DATABASE_URL": url, "LLM_BASE_URL": server.openai_url, "LLM_MAIN_MODEL": "any", "TERM": "dumb"}
        first = in_a_terminal("n\nHi\nexit\n", **variables)
        again = in_a_terminal("Hi\nexit\n", **variables)
    assert "computer program, not with a human being" in first
    assert "18 or older" in first
    assert "[y/N]" in first
    assert "[y/N]" not in again


def test_what_is_typed_at_the_question_of_consent_is_no_consent_and_told_to_stand_in_the_line_below(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/memory.db"
    with FakeServer([answer]) as server:
        variables = {"DATABASE_URL": url, "LLM_BASE_URL": server.openai_url, "LLM_MAIN_MODEL": "any", "TERM": "dumb"}
        shown = in_a_terminal("I lost my temper\n today\nexit\n", **variables)
    assert "taken as no; /consent yes allows it. What you typed stands below" in shown
    with Database(url) as database:
        person = database.person("default_user")
        said = [message.content for message in person.recent_messages() if message.role == "user"]
        user = person.get()
    assert said == ["I lost my temper today"]
    assert user is not None
    assert user.consent_at is None


def in_a_terminal(typed: str, arguments: str = "", **environment: str) -> str:
    """What a person sees who types this."""
    return subprocess.run(
        ["script", "-qec", f"{sys.executable} -m stoic_emperor.cli chat {arguments}", "/dev/null"],
        input=typed,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    ).stdout


# From Python 3.12 on, forking warns where there are threads; the child does nothing before it becomes another program.
@pytest.mark.filterwarnings("ignore:.*forkpty:DeprecationWarning")
def test_in_a_terminal_of_a_program_an_empty_home_is_talked_with_at_its_first_start(home: Path, tmp_path: Path) -> None:
    talk = [("Ctrl-D to leave", "I lost my temper\r"), ("A question to take with you", "/exit\r")]
    environment = {"HOME": str(home), "STOIC_HOME": str(home)}
    sitting = sit_at(["chat"], talk, folder=tmp_path, environment=environment)
    assert (sitting.answered, sitting.status) == (2, 0), sitting.shown


def test_a_new_conversation_is_stored_with_its_first_words_or_not_at_all(
    stoic: Stoic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> NoReturn:
        raise capsa.DatabaseUnavailable("the database went away")

    read = Person.read

    def unread(person: Person, statement: str, *more: Any, **values: Any) -> Any:
        # From the moment on that something is said.
        if statement == "user_by_id" and person.database.countries.of(person.user_id).country is not None:
            away()
        return read(person, statement, *more, **values)

    with monkeypatch.context() as broken:
        broken.setattr(Person, "add_message", away)
        broken.setattr(Person, "read", unread)
        ran = stoic("chat", said="/country GB\nI want to end my life tonight\n")
    assert ran.status == 1
    assert "the database went away" in ran.err
    assert "116 123" in ran.out, "help is shown all the same, as of where they are"
    assert stoic("sessions", "--json").json == []


def test_to_ask_again_in_a_conversation_that_has_not_begun_begins_none(stoic: Stoic) -> None:
    assert "nothing has been said in this conversation yet" in stoic("chat", said="/again\n").err
    assert stoic("sessions", "--json").json == []


def test_what_is_said_is_stored_before_anything_is_loaded_that_answers_it(
    stoic: Stoic, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[list[str]] = []

    def companion(application: Application) -> NoReturn:
        stored.append([m.content for m in application.database.person("default_user").recent_messages()])
        raise StoicError("killed")

    def fill_library(application: Application, _: object) -> None:
        stored.append([m.content for m in application.database.person("default_user").recent_messages()])

    monkeypatch.setattr(Application, "companion", property(companion))
    monkeypatch.setattr(Application, "fill_library", fill_library)
    ran = stoic("chat", said="first words\n")
    assert "killed" in ran.err
    assert stored == [[], ["first words"], ["first words"]], "an empty library is filled before the first prompt"


def test_a_reply_that_never_came_is_shown_as_that(stoic: Stoic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("LLM_MAIN_MODEL", "any")
    ran = stoic("chat", said="first\n")
    assert "right? What you said is kept" in ran.err
    shown = stoic("chat", said="/resume last\nexit\n").out
    assert "Marcus: [no reply came: /again asks once more]" in click.unstyle(shown)
