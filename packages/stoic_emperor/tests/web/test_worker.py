"""Work off the path: files that were handed in, portraits, scrubbing. It survives the end of the process."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from starlette.testclient import TestClient

import capsa
from stoic_emperor.errors import InvalidAnswer
from stoic_emperor.hosting import HOUSE
from stoic_emperor.hosting.tallies import Tallies
from stoic_emperor.hosting.uploads import Uploads
from stoic_emperor.hosting.usage import Usage
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import Message, Status, now
from stoic_emperor.testing.house import House, running_house
from stoic_emperor.testing.talker import Talker
from stoic_emperor.testing.web import signed_in

FILE = {"Content-Type": "application/octet-stream"}


def until(what: Callable[[], Any], seconds: float = 10.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return found


def read(browser: TestClient, upload_id: str) -> dict[str, Any]:
    """An upload when it was read, or not."""

    def finished() -> dict[str, Any] | None:
        upload: dict[str, Any] = browser.get(f"/api/uploads/{upload_id}").json()
        return upload if upload["state"] in {"done", "failed"} else None

    found: dict[str, Any] = until(finished)
    return found


def hand_in(browser: TestClient, name: str, content: bytes, **about: str) -> str:
    answer = browser.post(
        "/api/uploads", params={"kind": "journal", "name": name} | about, content=content, headers=FILE
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def test_a_journal_becomes_a_conversation_and_is_analysed(house: House) -> None:
    user_id, browser = house.somebody()
    upload = read(browser, hand_in(browser, "../2024-03-01 spring.md", b"I planted a pear tree."))
    assert (upload["state"], upload["name"]) == ("done", "2024-03-01 spring.md")
    assert upload["done"] == upload["total"] == upload["size"] == 22
    assert upload["report"]["imported"] == ["2024-03-01 spring.md"]
    person = house.person(user_id)
    (listed,) = person.sessions()
    assert f"{listed.session.created_at:%Y-%m-%d}" == "2024-03-01"
    assert browser.get("/api/search?q=pear").json()[0]["session_id"] == listed.session.id
    until(lambda: not person.unprocessed_replies())
    again = read(browser, hand_in(browser, "2024-03-01 spring.md", b"I planted a pear tree."))
    assert again["report"]["imported"] == []
    assert len(browser.get("/api/uploads").json()) == 2
    assert browser.delete(f"/api/uploads/{upload['id']}").status_code == 204
    assert len(person.sessions()) == 1, "what was made of it stays"


def test_what_cannot_be_read_is_told_of(house: House) -> None:
    _, browser = house.somebody()
    upload = read(browser, hand_in(browser, "a.txt", b"\xff\xfe\x00\xd8 no text"))
    assert upload["state"] == "failed"
    assert "UTF-8" in upload["report"]["failed"][0]["why"]
    for name, status in (("a.zip", 415), ("..", 415), ("a.exe.md\n", 202)):
        answer = browser.post("/api/uploads", params={"kind": "journal", "name": name}, content=b"x", headers=FILE)
        assert answer.status_code == status, name
    empty = browser.post("/api/uploads", params={"kind": "journal", "name": "a.md"}, content=b"", headers=FILE)
    assert empty.status_code == 422
    assert all(upload["size"] for upload in browser.get("/api/uploads").json())


def test_danger_in_a_journal_is_answered_with_help(house: House) -> None:
    _, browser = house.somebody()
    upload = read(browser, hand_in(browser, "a.md", b"I want to kill myself."))
    assert "<strong>" in upload["report"]["help"]


def test_texts_are_for_the_library_of_all_so_an_operator_hands_them_in(house: House) -> None:
    _, browser = house.somebody()
    query = {"kind": "texts", "name": "letters.md", "author": "Nobody", "work": "Letters"}
    text = b"# On hail\n\nThe hail falls on all alike, and asks nobody for thanks.\n"
    assert browser.post("/api/uploads", params=query, content=text, headers=FILE).status_code == 403
    keeper = signed_in(house.app, "keeper")
    keeper.portal = house.main.portal
    upload = read(keeper, hand_in(keeper, "letters.md", text, kind="texts", author="Nobody", work="Letters"))
    assert upload["report"]["added"] == 1
    found = browser.get("/api/library/search?q=hail").json()["passages"][0]
    assert (found["author"], found["work"], found["source"]) == ("Nobody", "Letters", "letters.md")
    changed = hand_in(keeper, "letters.md", text.replace(b"all", b"everybody"), kind="texts", author="Nobody")
    assert read(keeper, changed)["report"]["added"] == 1
    assert len(browser.get("/api/library/search?q=hail").json()["passages"]) == 1, "it is the same file, changed"


def a_past(person: Person, turns: int) -> None:
    """What was said before its person agreed that it is analysed."""
    then = now() - dt.timedelta(days=30)
    session = person.begin_session(title="Long ago", created_at=then)
    for number in range(turns):
        at = then + dt.timedelta(minutes=number)
        person.add_message(Message(session_id=session.id, role="user", content=f"Day {number}", created_at=at))
        person.add_message(Message(session_id=session.id, role="emperor", content="So it is.", created_at=at))


def test_the_past_is_analysed_once_its_person_asks_for_it_however_long_it_is(house: House) -> None:
    user_id, browser = house.somebody()
    person = house.person(user_id)
    a_past(person, 25)
    browser.post("/api/chat", json={"message": "I plant tulips"})
    until(lambda: not browser.get("/api/analysis/status").json()["tasks"])
    told = browser.get("/api/analysis/past").json()
    assert (told["state"], told["done"], told["total"]) == ("done", 0, 25), "nobody has asked for it"
    assert "25 turns of before then are not read" in browser.get("/journey").text
    assert browser.post("/api/analysis/past").status_code == 202
    told = until(lambda: (now_told := browser.get("/api/analysis/past").json())["report"] and now_told, 30)
    assert (told["done"], told["total"], told["report"]["failed"]) == (25, 25, [])
    assert person.unprocessed_replies() == []
    assert "Reflect on what was said before" not in browser.get("/journey").text


def test_a_turn_of_the_past_counts_as_a_reply_of_the_day_and_half_of_a_day_is_left_for_talking(
    house: House,
) -> None:
    user_id, browser = house.somebody()
    person, usage = house.person(user_id), Usage(house.hosted.application.database)
    a_past(person, 5)
    usage.take(user_id, 200, 97)
    assert browser.post("/api/analysis/past").status_code == 202
    told = until(lambda: (state := browser.get("/api/analysis/past").json())["state"] == "waiting" and state)
    assert (told["done"], told["total"], told["report"]) == (3, 5, None)
    assert usage.today(user_id) == 100
    time.sleep(0.5)
    assert Waiting(house.hosted.application.database).overdue() < dt.timedelta(minutes=1), "it waits for midnight"
    refused = browser.post("/api/analysis/past")
    assert refused.status_code == 429
    assert "half of today's 200 replies are used" in refused.json()["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400


def test_so_does_a_piece_of_a_journal_and_what_is_said_now_is_analysed_all_the_same(house: House) -> None:
    user_id, browser = house.somebody()
    person, usage = house.person(user_id), Usage(house.hosted.application.database)
    usage.take(user_id, 200, 97)
    pages = "\n\n".join(f"Day {day}. " + "I looked at the rain. " * 280 for day in range(8))
    read(browser, hand_in(browser, f"{now():%Y-%m-%d}.md", pages.encode()))
    (listed,) = person.sessions()
    rest = listed.messages // 2 - 3
    until(lambda: usage.today(user_id) >= 100)
    time.sleep(0.5)
    assert len(person.unprocessed_replies()) == rest >= 5, "the rest waits for another day"
    house.heard(browser, "/api/chat/stream", message="I plant tulips")
    until(lambda: person.unprocessed_replies(journals=False) == [] and usage.today(user_id) == 101)
    assert len(person.unprocessed_replies()) == rest


def test_the_past_of_who_has_not_agreed_or_has_paused_is_not_read(house: House) -> None:
    user_id, browser = house.somebody(remembers=False)
    person = house.person(user_id)
    a_past(person, 1)
    for change in ({"consent": False}, {"consent": True, "paused": True}):
        browser.put("/api/user", json=change)
        assert browser.post("/api/analysis/past").status_code == 409
        assert "Reflect on what was said before" not in browser.get("/journey").text
    assert len(person.unprocessed_replies()) == 1


def test_what_the_model_cannot_read_of_the_past_is_told_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id, browser = house.somebody()
    a_past(house.person(user_id), 2)

    async def refuse(*_: object) -> None:
        raise InvalidAnswer("it is no form")

    monkeypatch.setattr(house.talker, "extract", refuse)
    browser.post("/api/analysis/past")
    told = until(lambda: browser.get("/api/analysis/past").json()["report"])
    assert told["failed"][0]["why"].startswith("2 turns of the past wait")


def test_a_portrait_is_written_soon(house: House) -> None:
    user_id, browser = house.somebody()
    browser.post("/api/chat", json={"message": "I plant tulips"})
    assert browser.post("/api/profiles").status_code == 202
    portraits = until(lambda: browser.get("/api/profiles").json())
    assert portraits[0]["content"] == house.talker.text.strip()
    until(lambda: "portrait" not in browser.get("/api/analysis/status").json()["tasks"])
    assert Usage(house.hosted.application.database).today(user_id) == 2, "its calls are among those of the day"


def test_a_model_that_answers_badly_holds_up_nobody_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id, browser = house.somebody()
    house.talker.failure = InvalidAnswer("no")
    house.person(user_id).begin_session()
    browser.post("/api/chat", json={"message": "I plant tulips"})
    browser.post("/api/profiles")
    other, its_browser = house.somebody()
    read(its_browser, hand_in(its_browser, "a.md", b"It rains."))
    waiting = Waiting(house.hosted.application.database)
    until(lambda: any(queue.failed for queue in waiting.queues() if queue.task == "portrait"))
    assert "portrait" in waiting.of(user_id)
    assert waiting.overdue().total_seconds() < 60
    assert house.person(other).sessions()


@pytest.mark.parametrize(
    ("name", "modified", "day"),
    [
        ("a.md", "1520121600000", "2018-03-04"),
        ("2019-05-04.md", "1520121600000", "2019-05-04"),
        ("a.md", "99999999999999", "today"),
        ("a.md", "-5", "today"),
    ],
)
def test_a_journal_is_of_the_day_in_its_name_or_when_it_was_last_written(
    house: House, name: str, modified: str, day: str
) -> None:
    user_id, browser = house.somebody()
    hand_in(browser, name, b"It snowed.", modified=modified)
    until(lambda: not Waiting(house.hosted.application.database).of(user_id))
    (listed,) = house.person(user_id).sessions()
    assert str(listed.session.created_at.date()) == (str(now().date()) if day == "today" else day)


def test_a_turn_and_its_analysis_take_few_transactions_that_write(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id, browser = house.somebody()
    database = house.hosted.application.database
    browser.post("/api/chat", json={"message": "I plant tulips"})
    until(lambda: not Waiting(database).of(user_id))
    write, owners = database.engine.write, []

    def counted(owner: str) -> Any:
        owners.append(owner)
        return write(owner)

    monkeypatch.setattr(database.engine, "write", counted)
    browser.post("/api/chat", json={"message": "And I water them"})
    until(lambda: not Waiting(database).of(user_id))
    # It waits and is taken on; it is done.
    assert owners.count(HOUSE) <= 2
    # The day is counted; what is said, the empty reply, what is searched for, the whole reply, what was noticed.
    assert len(owners) <= 10, owners


def test_what_a_reply_leaves_is_written_once_the_database_is_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id, browser = house.somebody()
    database = house.hosted.application.database

    def replies() -> int:
        return sum(tally.count for tally in Tallies(database).last() if tally.what == "replies")

    before = replies()
    with monkeypatch.context() as away:
        away.setattr(Waiting, "writing", _away)
        browser.post("/api/chat", json={"message": "I plant tulips"})
        time.sleep(0.3)
        assert replies() == before
    house.hosted.worker.wake()
    until(lambda: not Waiting(database).of(user_id))
    assert replies() == before + 1


def _away(*_: object) -> NoReturn:
    raise capsa.DatabaseUnavailable("the database went away")


def test_what_was_erased_is_written_over_soon_and_not_in_the_request(house: House) -> None:
    user_id, browser = house.somebody()
    session_id = browser.post("/api/chat", json={"message": "Hello"}).json()["session_id"]
    receipt = browser.delete(f"/api/sessions/{session_id}").json()
    expected = {"sqlite": "written over within minutes", "postgresql": "keep the bytes until they are written over"}
    assert expected[house.hosted.application.database.engine.dialect] in receipt["notes"][0]
    assert Waiting(house.hosted.application.database).of(HOUSE) == ["scrub"]
    house.hosted.application.database.engine.scrub()
    assert house.person(user_id).sessions() == []


_HANDED_IN = "It rains, and the garden is glad of it.\n\n" * 400

_SERVER = """
    import sys, time
    from pathlib import Path
    from stoic_emperor.journal import importing
    from stoic_emperor.testing.house import running_house
    from stoic_emperor.testing.talker import Talker
    from stoic_emperor.memory.recall import Recall

    home, url = Path(sys.argv[1]), sys.argv[2]
    importing._BATCH = 1
    slowly = Recall.vectors

    def vectors(self, texts):
        print("reading", flush=True)
        time.sleep(0.5)
        return slowly(self, texts)

    Recall.vectors = vectors
    with running_house(home, url, Talker()) as house:
        time.sleep(120)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.slow)])
def test_what_was_handed_in_survives_a_process_that_is_killed(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store_url = str(request.getfixturevalue(kind))
    with Database(store_url) as database:
        person = database.person("anna")
        person.ensure()
        person.change(asked_at=now(), consent_at=now())
        uploads = Uploads(database, "anna")
        id_ = uploads.begin("journal", "a.md", {})
        for part, piece in enumerate((_HANDED_IN[:500], _HANDED_IN[500:]), 1):
            uploads.add(id_, part, piece.encode())
        uploads.received(id_, len(_HANDED_IN))
        Waiting(database).put("anna", "upload")
        command = [sys.executable, "-c", textwrap.dedent(_SERVER), str(tmp_path), store_url]
        # What a killed process leaves behind of a file that it was reading goes with the test.
        here = {**os.environ, "TMPDIR": str(tmp_path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=here) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "reading\n"
            server.kill()
        assert uploads.get(id_).state == "working"
        assert person.sessions() == []
        # It is held for another half minute by whom it was killed with: here that is over.
        with database.engine.write(HOUSE) as tx:
            tx.execute("UPDATE waiting SET taken = due")
    with running_house(tmp_path, store_url, Talker()) as house:
        until(lambda: Uploads(house.hosted.application.database, "anna").get(id_).state == "done", 20)
        (listed,) = house.person("anna").sessions()
        said = [m.content for m in house.person("anna").messages(listed.session.id) if m.role == "user"]
        assert "".join(said).count("garden is glad") == 400


def test_a_turn_that_a_crash_cut_off_is_analysed_as_far_as_it_came(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'memory.db'}"
    with Database(url) as database:
        person = database.person("anna")
        person.ensure()
        then = now() - dt.timedelta(hours=1)
        person.change(asked_at=then, consent_at=then)
        session = person.begin_session()
        person.add_message(Message(session_id=session.id, role="user", content="I plant tulips", created_at=then))
        cut = Message(session_id=session.id, role="emperor", content="Go", status=Status.STREAMING, created_at=then)
        person.add_message(cut)
        Waiting(database).put("anna", "reflect")
    with running_house(tmp_path, url, Talker()) as house:
        person = house.person("anna")
        until(lambda: person.recent_messages()[-1].psych_update == house.talker.noticed)
        assert person.recent_messages()[-1].status is Status.STOPPED


def test_replies_under_way_come_to_their_end_when_the_process_is_asked_to_end(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'memory.db'}"
    with running_house(tmp_path, url, Talker(words=100, delay=0.01)) as house:
        user_id, browser = house.somebody()
        with house.hearing(browser, "/api/chat/stream", message="I plant tulips") as told:
            next(told)
        text = house.talker.text
    with Database(url) as database:
        reply = database.person(user_id).recent_messages()[-1]
        assert (reply.status, reply.content) == (Status.COMPLETE, text)


_TALKING = """
    import sys, threading
    from pathlib import Path
    from stoic_emperor.testing.house import running_house
    from stoic_emperor.testing.talker import Talker

    def talk(house, browser, n):
        with house.hearing(browser, "/api/chat/stream", message=f"I said {n}") as told:
            for event in told:
                # One piece of text, as what other threads print comes between several.
                print(f"{event.kind} {n}\\n", end="", flush=True)

    with running_house(Path(sys.argv[1]), sys.argv[2], Talker(words=2_000, delay=0.05)) as house:
        for n in range(int(sys.argv[3])):
            _, browser = house.somebody()
            threading.Thread(target=talk, args=(house, browser, n), daemon=True).start()
        threading.Event().wait()
"""


@pytest.mark.slow
def test_killing_the_process_among_many_conversations_loses_no_word_that_somebody_said(
    store_url: str, tmp_path: Path
) -> None:
    many = 30
    command = [sys.executable, "-c", textwrap.dedent(_TALKING), str(tmp_path), store_url, str(many)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as server:
        assert server.stdout is not None
        heard: set[str] = set()
        for line in server.stdout:
            kind, number = line.split()
            if kind == "piece":
                heard.add(number)
            if len(heard) == many:
                break
        server.kill()
    with Database(store_url) as database:
        kept = [database.person(f"person-{n + 1}").recent_messages() for n in range(many)]
        assert [talk[0].content for talk in kept] == [f"I said {n}" for n in range(many)]
        assert [len(talk) for talk in kept] == [2] * many
