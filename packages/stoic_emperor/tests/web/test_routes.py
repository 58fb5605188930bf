"""What each route answers, on both databases. Talking is in test_chat, who may ask in test_everybody."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import capsa
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import CondensedSummary, Message, PsychUpdate, SemanticInsight, Status, now
from stoic_emperor.testing.house import House
from stoic_emperor.testing.web import browser as stranger
from stoic_emperor.testing.web import signed_in


@pytest.fixture
def known(house: House) -> tuple[Person, TestClient]:
    user_id, browser = house.somebody()
    return house.person(user_id), browser


def a_turn(person: Person, session_id: str, said: str = "I plant tulips") -> tuple[Message, Message]:
    message = person.add_message(Message(session_id=session_id, role="user", content=said))
    reply = person.add_message(Message(session_id=session_id, role="emperor", content="**Good.**"))
    return message, reply


# The person


def test_who_asks_is_made_known_and_can_say_what_they_want(house: House) -> None:
    _, browser = house.somebody(adult=False)
    first = browser.get("/api/user").json()
    assert first | {"id": "", "created_at": ""} == {
        "id": "",
        "name": None,
        "created_at": "",
        "country": None,
        "consent": False,
        "asked": False,
        "paused": False,
        "adult": False,
        "provider": "local",
        "operator": False,
    }
    assert dt.datetime.fromisoformat(first["created_at"]).tzinfo is not None
    wanted = {"name": "  Anna ", "country": "gb", "consent": True, "paused": True, "adult": True}
    changed = browser.put("/api/user", json=wanted).json()
    assert changed == first | {
        "name": "Anna",
        "country": "GB",
        "consent": True,
        "asked": True,
        "paused": True,
        "adult": True,
    }
    assert browser.put("/api/user", json={"country": "", "consent": False, "paused": False}).json() == changed | {
        "country": None,
        "consent": False,
        "paused": False,
    }
    assert browser.put("/api/user/name", json={"name": "Annette"}).json()["name"] == "Annette"


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_name_is_one(known: tuple[Person, TestClient], name: str) -> None:
    _, browser = known
    assert browser.put("/api/user/name", json={"name": name}).status_code == 422


def test_that_one_is_of_age_cannot_be_unsaid(known: tuple[Person, TestClient]) -> None:
    _, browser = known
    assert browser.put("/api/user", json={"adult": False}).status_code == 422
    assert browser.get("/api/user").json()["adult"] is True


def test_all_that_is_kept_can_be_taken_along(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    session = person.begin_session(title="On tulips")
    a_turn(person, session.id)
    whole = browser.get("/api/export")
    assert whole.headers["Content-Disposition"].endswith('.json"')
    assert json.loads(whole.text)["sessions"][0]["messages"][0]["content"] == "I plant tulips"
    to_read = browser.get("/api/export?format=markdown")
    assert to_read.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert "## On tulips" in to_read.text
    assert browser.get("/api/export?format=xml").status_code == 422


def test_nothing_is_erased_by_a_slip(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    refused = browser.request("DELETE", "/api/user", json={"confirm": "yes"})
    assert refused.status_code == 409
    assert "nothing was erased" in refused.json()["detail"]
    assert person.get() is not None


def test_who_has_a_password_needs_it_to_erase_everything(house: House) -> None:
    accounts = house.hosted.accounts
    account = accounts.register(f"anna-{now():%H%M%S%f}", "a long enough password")
    accounts.confirm_adult(account.user_id, "local")
    browser = signed_in(house.app, account.user_id)
    browser.portal = house.main.portal
    for password in (None, "another one"):
        refused = browser.request("DELETE", "/api/user", json={"confirm": "erase", "password": password})
        assert refused.status_code == 403, refused.text
    gone = browser.request(
        "DELETE", "/api/user", json={"confirm": str(account.login), "password": "a long enough password"}
    )
    assert gone.json()["erased"]["accounts"] == 1
    assert accounts.account(account.user_id) is None


# Conversations


def test_conversations_are_listed_the_newest_first(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    begun = browser.post("/api/sessions").json()
    assert begun["message_count"] == 0
    assert begun["title"] is None
    a_turn(person, begun["id"])
    other = browser.post("/api/sessions").json()
    listed = browser.get("/api/sessions").json()
    assert [one["id"] for one in listed] == [other["id"], begun["id"]]
    assert listed[1]["message_count"] == 2
    assert listed[1]["last_at"] > begun["created_at"]
    assert [one["id"] for one in browser.get("/api/sessions?limit=1&skip=1").json()] == [begun["id"]]
    assert browser.get("/api/sessions?limit=0").status_code == 422


def test_messages_come_with_what_a_page_may_show(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    session = person.begin_session()
    a_turn(person, session.id, "<script>alert(1)</script>")
    said, reply = browser.get(f"/api/sessions/{session.id}/messages").json()
    assert set(said) == {"id", "role", "content", "created_at", "status", "html"}
    assert said["content"] == "<script>alert(1)</script>"
    assert "<script>" not in said["html"]
    assert reply["html"] == "<p><strong>Good.</strong></p>\n"


def test_a_conversation_is_renamed_found_exported_and_erased(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    session = person.begin_session()
    a_turn(person, session.id)
    renamed = browser.patch(f"/api/sessions/{session.id}", json={"title": " On  tulips "}).json()
    assert (renamed["title"], renamed["message_count"]) == ("On tulips", 2)
    (found,) = browser.get("/api/search?q=tulips").json()
    assert found["session_id"] == session.id
    exported = browser.get(f"/api/sessions/{session.id}/export")
    assert exported.text.startswith("# On tulips\n")
    as_json = browser.get(f"/api/sessions/{session.id}/export?format=json").json()
    assert len(as_json["session"]["messages"]) == 2
    receipt = browser.delete(f"/api/sessions/{session.id}").json()
    assert receipt["erased"]["messages"] == 2
    assert receipt["lines"][0].startswith("Erased: ")
    assert browser.get(f"/api/sessions/{session.id}/messages").status_code == 404


def test_one_turn_is_erased_named_by_either_message(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    session = person.begin_session()
    (_, reply), (kept, _) = a_turn(person, session.id), a_turn(person, session.id, "It rains")
    assert browser.delete(f"/api/messages/{reply.id}").json()["erased"]["messages"] == 2
    assert person.messages(session.id)[0] == kept


def test_a_reply_that_a_crash_cut_off_is_shown_as_stopped(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    session = person.begin_session()
    long_ago = now() - dt.timedelta(hours=1)
    cut = Message(session_id=session.id, role="emperor", content="It ra", status=Status.STREAMING, created_at=long_ago)
    person.add_message(cut)
    assert [m["status"] for m in browser.get(f"/api/sessions/{session.id}/messages").json()] == ["stopped"]


# Memory


def test_what_is_remembered_is_shown_with_its_source_put_right_and_forgotten(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    said, _ = a_turn(person, person.begin_session().id)
    insight = person.add_insight(
        SemanticInsight(user_id=person.user_id, source_message_id=said.id, assertion="They hate tulips.")
    )
    day = now()
    summary = person.add_summary(
        CondensedSummary(user_id=person.user_id, content="Tulips.", period_start=day, period_end=day)
    )
    shown = browser.get("/api/memory").json()
    assert shown["insights"][0]["source"] == {
        "message_id": said.id,
        "session_id": said.session_id,
        "text": "I plant tulips",
    }
    assert shown["summaries"][0]["content"] == "Tulips."
    corrected = browser.patch(f"/api/insights/{insight.id}", json={"assertion": "They love tulips."}).json()
    assert corrected["assertion"] == "They love tulips."
    assert corrected["confidence"] == 1
    assert corrected["edited_at"]
    assert browser.patch(f"/api/insights/{insight.id}", json={"assertion": " "}).status_code == 422
    assert browser.delete(f"/api/insights/{insight.id}").json()["erased"]["semantic_insights"] == 1
    assert browser.delete(f"/api/summaries/{summary.id}").json()["erased"]["condensed_summaries"] == 1
    assert browser.get("/api/memory").json() == {"insights": [], "summaries": []}


def test_portraits_are_shown_with_what_reviewers_thought_and_forgotten(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    assert browser.get("/api/profile").json() is None
    review = {"approved": False, "agreements": ["fair"], "concerns": ["short"]}
    log = {"models": ["a", "b"], "consensus": False, "rounds": [{"number": 1, "reviews": {"a": review}}]}
    person.add_profile("*One*", {"consensus_reached": True, "stability_score": 0.5})
    person.add_profile("*Two*", log)
    newest = browser.get("/api/profile").json()
    assert (newest["version"], newest["content"], newest["consensus_reached"]) == (2, "*Two*", False)
    two, one = browser.get("/api/profiles").json()
    assert two["html"] == "<p><em>Two</em></p>\n"
    assert (two["agreed"], two["disagreed"]) == ({"a": ["fair"]}, {"a": ["short"]})
    assert one["consensus"] is True
    assert browser.delete("/api/profiles").json()["erased"]["profiles"] == 2
    assert browser.get("/api/profiles").json() == []


def test_without_consent_no_portrait_is_written(house: House) -> None:
    _, browser = house.somebody(remembers=False)
    refused = browser.post("/api/profiles")
    assert refused.status_code == 409
    assert "consent" in refused.json()["detail"]


def test_moods_and_themes_are_counted_by_week(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    session = person.begin_session()
    for _ in range(2):
        _, reply = a_turn(person, session.id)
        with person.writing() as tx:
            update = PsychUpdate(emotional_state="calm", detected_patterns=["likes gardens"])
            person.set_processed(reply.id, update, tx=tx)
    journey = browser.get("/api/journey").json()
    (week,) = journey["weeks"]
    assert (week["replies"], week["moods"], week["themes"]) == (2, {"calm": 2}, {"likes gardens": 2})
    assert dt.date.fromisoformat(week["week"]).weekday() == 0
    assert journey["themes"][0]["count"] == 2


def test_how_far_the_analysis_is(known: tuple[Person, TestClient]) -> None:
    person, browser = known
    a_turn(person, person.begin_session().id)
    status = browser.get("/api/analysis/status").json()
    assert status == {
        "uncondensed_tokens": 6,
        "condensation_threshold": 8000,
        "summary_count": 0,
        "has_profile": False,
        "waiting": 1,
        "tasks": [],
    }


# The library


@pytest.fixture
def shelf(house: House, tmp_path: Path) -> None:
    file = tmp_path / "letters.md"
    file.write_text("".join(f"# On {word}\n\nThe {word} falls on all alike.\n\n" for word in ("rain", "snow", "hail")))
    house.hosted.application.library.import_path(file, author="Nobody", work="Letters", known_as="letters")


def _about(passage: dict[str, str]) -> str:
    return passage["text"].split()[1]


@pytest.mark.usefixtures("shelf")
def test_the_library_is_browsed_searched_and_read_in_its_place(known: tuple[Person, TestClient]) -> None:
    _, browser = known
    assert {"author": "Nobody", "work": "Letters", "passages": 3} in browser.get("/api/library/works").json()
    page = browser.get("/api/library?author=Nobody&limit=2").json()
    assert [_about(passage) for passage in page["passages"]] == ["rain", "snow"]
    assert page["more"] is True
    rest = browser.get("/api/library?author=Nobody&limit=2&skip=2").json()
    assert (len(rest["passages"]), rest["more"]) == (1, False)
    found = browser.get("/api/library/search?q=snow falls").json()["passages"][0]
    assert _about(found) == "snow"
    assert "score" not in found
    place = browser.get(f"/api/library/passages/{found['id']}").json()
    around = (*place["before"], place["passage"], *place["after"])
    assert [_about(passage) for passage in around] == ["rain", "snow", "hail"]
    assert browser.get("/api/library/passages/none").status_code == 404
    assert browser.get("/api/library/search?q=%20").json()["passages"] == []


# The house


def test_help_is_for_everybody(house: House) -> None:
    card = stranger(house.app).get("/api/help?country=gb").json()
    assert card["country_name"] == "United Kingdom"
    assert card["lines"][0]["phone"]
    assert "<strong>" in card["html"]
    assert stranger(house.app).get("/api/help?country=nowhere").json()["lines"] == []


def test_health_and_readiness_are_looked_at(house: House) -> None:
    health = house.main.get("/health").json()
    assert 0 <= health.pop("age") < 5
    assert health == {"status": "ok", "database": "ok"}
    ready = house.main.get("/ready")
    assert ready.status_code == 200
    assert {name: check["ok"] for name, check in ready.json()["checks"].items()} == dict.fromkeys(
        ("database", "background", "embedding_model", "language_model", "disk", "queue"), True
    )


def test_a_database_that_is_away_is_told_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise capsa.DatabaseUnavailable("connection refused by 10.1.2.3")

    probing = house.hosted.probing
    monkeypatch.setattr(probing, "_touch", away)
    probing._asked_at = float("-inf")
    health, ready = house.main.get("/health"), house.main.get("/ready")
    assert (health.status_code, ready.status_code) == (503, 503)
    assert health.json()["status"] == "failing"
    assert "10.1.2.3" not in health.text + ready.text
    probing._asked_at = float("-inf")


def test_the_operator_sees_health_and_counts_and_nothing_of_anybody(house: House) -> None:
    _, browser = house.somebody()
    browser.post("/api/chat", json={"message": "A secret about tulips"})
    keeper = signed_in(house.app, "keeper")
    keeper.portal = house.main.portal
    overview = keeper.get("/api/operator")
    assert overview.status_code == 200, overview.text
    told = overview.json()
    assert told["ready"]["status"] == "ready"
    assert {"replies"} <= {tally["what"] for tally in told["tallies"]}
    assert "tulips" not in overview.text
    assert browser.get("/api/operator").status_code == 403


def test_before_signing_in_a_page_learns_how_one_does(house: House) -> None:
    assert stranger(house.app).get("/api/config").json() == {
        "environment": "production",
        "supabase_url": None,
        "supabase_anon_key": None,
        "sign_in": ["local"],
    }
