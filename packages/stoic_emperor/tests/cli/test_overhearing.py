"""A conversation in a terminal in which somebody else answers: on a page, or in another terminal."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stoic_emperor.cli.overhearing import Overheard
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message, Role, Status, now
from stoic_emperor.testing.models import FakeServer, Says, Seen

from .conftest import Stoic, answer
from .test_chat import in_a_terminal


@contextmanager
def given_elsewhere(url: str, *, for_seconds: float) -> Iterator[Person]:
    """A conversation whose last reply is half given, and whole after a while."""
    with Database(url) as database:
        person = database.person("default_user")
        person.ensure()
        person.change(asked_at=now())
        session = person.begin_session()
        person.add_message(Message(session_id=session.id, role=Role.USER, content="On the page"))
        half = Message(session_id=session.id, role=Role.EMPEROR, content="Half", status=Status.STREAMING)
        person.add_message(half)
        over = threading.Event()

        def give() -> None:
            content = half.content
            for _ in range(int(for_seconds / 0.2)):
                if over.wait(0.2):
                    break
                content += " and half"
                person.finish_message(half.id, content, Status.STREAMING, now())
            person.finish_message(half.id, f"{content}, and the whole.", Status.COMPLETE, half.created_at)

        giving = threading.Thread(target=give)
        giving.start()
        try:
            yield person
        finally:
            over.set()
            giving.join()


def test_what_is_said_while_a_reply_is_given_elsewhere_waits_for_it_and_says_so(
    stoic: Stoic, model: FakeServer, store_url: str
) -> None:
    with given_elsewhere(store_url, for_seconds=3) as person:
        ran = stoic("chat", "--continue", said="In the terminal\n")
        told = [message.content for message in person.recent_messages()]
    assert "a reply is just being given elsewhere in this conversation: yours comes after it" in ran.err
    assert ran.out.strip() == "Begin with what is yours to do.", "a program that pipes hears its own reply alone"
    assert [told[0], *told[2:]] == ["On the page", "In the terminal", "Begin with what is yours to do."]
    assert told[1].endswith("and the whole.")


def test_who_joins_sees_the_reply_that_is_given_elsewhere_whole(sqlite_url: str) -> None:
    with FakeServer([answer]) as server, given_elsewhere(sqlite_url, for_seconds=20):
        variables = {"DATABASE_URL": sqlite_url, "LLM_BASE_URL": server.openai_url, "LLM_MAIN_MODEL": "any"}
        shown = in_a_terminal("exit\n", arguments="--continue", TERM="dumb", **variables)
    assert "a reply is just being given elsewhere in this conversation: it is shown as it comes" in shown
    joined = re.sub(r"\s+", " ", shown[shown.index("it is shown as it comes") :])
    assert re.search(r"Marcus\S*: Half( and half)*, and the whole\.", joined), joined


def test_a_conversation_that_was_erased_elsewhere_goes_on_as_a_new_one(
    stoic: Stoic, model: FakeServer, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stoic("chat", said="first\n")
    (first,) = stoic("sessions", "--json").json
    read, lines = "stoic_emperor.cli.conversation.Reader.read", iter(["second", None])

    def erased_before(_: object) -> str | None:
        line = next(lines)
        if line is not None:
            with Database(store_url) as database:
                Forgetting(database.person("default_user"), Recall(database.store, "default_user")).session(first["id"])
        return line

    monkeypatch.setattr(read, erased_before)
    ran = stoic("chat", "--session", first["id"])
    assert "erased elsewhere" in ran.err
    (new,) = stoic("sessions", "--json").json
    assert new["id"] != first["id"]
    assert new["messages"] == 2


def test_a_reply_that_is_erased_elsewhere_while_it_comes_is_not_said_to_be_kept(
    stoic: Stoic, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def erased_meanwhile(seen: Seen) -> Says:
        if seen.body.get("stream"):
            with Database(store_url) as database:
                person = database.person("default_user")
                for listed in person.sessions():
                    Forgetting(person, Recall(database.store, person.user_id)).session(listed.session.id)
        return Says("Begin with what is yours. " * 40)

    with FakeServer([erased_meanwhile]) as server:
        monkeypatch.setenv("LLM_BASE_URL", server.openai_url)
        monkeypatch.setenv("LLM_MAIN_MODEL", "any")
        ran = stoic("chat", said="first\n")
    assert "is kept" not in ran.out
    assert "erased from elsewhere" in ran.out


_END = ("Two, three", Status.STOPPED)


def reply(content: str, status: Status) -> Message:
    return Message(id="one", session_id="s", role=Role.EMPEROR, content=content, status=status)


def test_more_of_it_is_shown_each_time_and_what_changed_is_shown_anew(capsys: pytest.CaptureFixture[str]) -> None:
    overheard = Overheard("wait", interactive=True)
    heard = []
    for content, status in (*((each, Status.STREAMING) for each in ("One", "One, two", "Two")), _END):
        overheard.show(reply(content, status))
        heard.append(overheard.is_heard)
    assert heard == [True, True, True, False]
    shown = capsys.readouterr()
    assert shown.out.endswith(": One, two\nTwo, three\n[it was stopped]\n\n")
    assert shown.err.count("\n") == 1
