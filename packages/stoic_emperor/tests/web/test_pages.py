"""The pages without a browser: who is sent where, what stands on them, what errors look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import Message, SemanticInsight
from stoic_emperor.testing.web import at_the_machine, browser, configured, hosted_by, signed_in, web_app
from stoic_emperor.web.pages.plain import FIGURES

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

ROOT = Path(__file__).parents[4]
PRIVATE = ("/", "/chat", "/chat/x", "/history", "/journey", "/library", "/library/x", "/import", "/account")
HTML = {"Accept": "text/html"}


@pytest.fixture
def app(home: Path, store_url: str) -> Iterator[FastAPI]:
    made = web_app(configured(home, store_url))
    yield made
    hosted_by(made).application.close()


@pytest.fixture
def anna(app: FastAPI) -> TestClient:
    """Anna's browser."""
    return signed_in(app, "anna")


def person(app: FastAPI, user_id: str) -> Person:
    return hosted_by(app).application.database.person(user_id)


def test_nobody_sees_a_page_of_somebody_and_comes_back_to_it_after_signing_in(app: FastAPI) -> None:
    nobody = browser(app)
    for path in PRIVATE:
        answer = nobody.get(path, headers=HTML)
        assert (answer.status_code, answer.headers["location"][:14]) == (303, "/sign-in?next="), path


def test_who_has_not_said_that_they_are_of_age_is_asked_first(app: FastAPI) -> None:
    young = signed_in(app, "young", adult=False)
    for path in PRIVATE:
        assert young.get(path, headers=HTML).headers["location"].startswith("/welcome?next="), path


def test_what_is_said_at_first_is_kept_and_consent_only_where_it_was_given(app: FastAPI) -> None:
    for name, consent in (("yes", {"consent": "yes"}), ("no", {})):
        page = signed_in(app, name, adult=False)
        csrf = page.headers["X-CSRF-Token"]
        said = {"csrf": csrf, "name": "  Anna  K. ", "country": "de", "adult": "yes", "next": "/journey", **consent}
        answer = page.post("/welcome", data=said)
        assert (answer.status_code, answer.headers["location"]) == (303, "/journey")
        user = person(app, name).get()
        assert user is not None
        assert (user.name, user.country, user.consent_at is not None) == ("Anna K.", "DE", bool(consent))
        assert user.asked_at is not None


@pytest.mark.parametrize("said", [{}, {"adult": ""}])
def test_without_the_age_nothing_is_kept(app: FastAPI, said: dict[str, str]) -> None:
    page = signed_in(app, "young", adult=False)
    answer = page.post("/welcome", data={"csrf": page.headers["X-CSRF-Token"], "name": "Young", **said}, headers=HTML)
    assert answer.status_code == 422
    assert "for adults" in answer.text
    assert page.get("/", headers=HTML).headers["location"].startswith("/welcome")


def test_nobody_is_welcomed_by_another_site(app: FastAPI) -> None:
    page = signed_in(app, "young", adult=False)
    del page.headers["X-CSRF-Token"]
    assert page.post("/welcome", data={"adult": "yes"}, headers=HTML).status_code == 403


def test_help_and_the_terms_are_for_everybody_whatever_their_browser_brings(app: FastAPI) -> None:
    for headers in ({}, {"Cookie": "__Host-stoic=rubbish"}, {"Authorization": "Bearer rubbish"}):
        for path in ("/help", "/terms", "/how-it-works"):
            assert browser(app).get(path, headers=headers | HTML).status_code == 200, (path, headers)


def test_help_is_shown_while_the_database_is_away(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    import capsa
    from stoic_emperor.infrastructure.database import Database

    def away(*_: object) -> None:
        raise capsa.DatabaseUnavailable("it is away")

    page = signed_in(app, "anna")
    monkeypatch.setattr(Database, "person", away)
    answer = page.get("/help?country=US", headers=HTML)
    assert answer.status_code == 200
    assert 'href="tel:988"' in answer.text
    answer = page.get("/journey", headers=HTML)
    assert answer.status_code == 503
    assert "/help" in answer.text


def test_a_conversation_of_somebody_else_is_as_one_that_is_not_there(app: FastAPI, anna: TestClient) -> None:
    session = person(app, "boris").begin_session(title="secret")
    person(app, "boris").add_message(Message(session_id=session.id, role="user", content="secret"))
    theirs, none = anna.get(f"/chat/{session.id}", headers=HTML), anna.get("/chat/none", headers=HTML)
    assert theirs.status_code == none.status_code == 404
    assert theirs.text == none.text


def test_of_a_long_conversation_the_end_is_shown_and_all_of_it_on_request(app: FastAPI, anna: TestClient) -> None:
    session = person(app, "anna").begin_session()
    for number in range(130):
        person(app, "anna").add_message(Message(session_id=session.id, role="user", content=f"thing {number}."))
    shown = anna.get(f"/chat/{session.id}").text
    assert "thing 129." in shown
    assert "thing 29." not in shown
    assert "thing 0." in anna.get(f"/chat/{session.id}?all=1").text


def test_a_history_has_pages(app: FastAPI, anna: TestClient) -> None:
    for number in range(35):
        person(app, "anna").begin_session(title=f"Talk {number:02}")
    first, second = anna.get("/history").text, anna.get("/history?skip=30").text
    assert ("Talk 34" in first, "Talk 04" in first, "Talk 04" in second) == (True, False, True)
    assert "skip=30" in first
    assert anna.get("/history?skip=-5").status_code == 200


def test_errors_are_pages_for_people_and_json_for_programs(anna: TestClient) -> None:
    answer = anna.get("/nowhere", headers=HTML)
    assert (answer.status_code, "There is nothing at this address." in answer.text) == (404, True)
    assert anna.get("/nowhere").json() == {"detail": "Not Found"}
    assert anna.get("/api/nowhere", headers=HTML).headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/static", "/history/", "/library/", "/auth/sign-ins/", "/chat//"])
def test_nobody_is_sent_to_a_host_that_a_request_names(anna: TestClient, path: str) -> None:
    answer = anna.get(path, headers={"Host": "evil.example"})
    assert "evil" not in answer.headers.get("location", "")
    assert answer.status_code in {308, 400, 404}


def test_without_a_model_nothing_is_offered_that_needs_one(app: FastAPI, anna: TestClient) -> None:
    page = anna.get("/journey", headers=HTML).text
    assert "needs a language model, and none is connected" in page
    assert "/api/profiles" not in page.partition("<template")[0]


def test_what_cannot_be_seen_is_no_name_and_no_title(app: FastAPI, anna: TestClient) -> None:
    session = person(app, "anna").begin_session(title="x")
    for url, name in (("/api/user", "name"), (f"/api/sessions/{session.id}", "title")):
        method = "PUT" if name == "name" else "PATCH"
        refused = anna.request(method, url, json={name: "\u200b\u202e\u2060"})
        assert refused.status_code == 422
        assert "nothing in this can be seen" in refused.json()["detail"]
        kept = anna.request(method, url, json={name: " \u202eOn\x00 \u2066pears\u200b "})
        assert kept.json()[name] == "On pears"


def test_who_sits_at_the_machine_has_no_password_to_recover(home: Path, sqlite_url: str) -> None:
    app = web_app(configured(home, sqlite_url, "single"))
    page = at_the_machine(app)
    for path in ("/recover", "/register", "/sign-in", "/recovery-codes"):
        assert page.get(path, headers=HTML).headers["location"] in {"/", "/welcome?next=%2Frecovery-codes"}, path
    hosted_by(app).application.close()


def test_the_description_of_the_api_is_found_where_programs_look_first(anna: TestClient) -> None:
    answer = anna.get("/openapi.json")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/api/openapi.json")
    assert anna.get(answer.headers["Location"]).json()["info"]["title"] == "Stoic Emperor"


def test_the_predecessors_addresses_lead_on(anna: TestClient) -> None:
    assert anna.get("/login").headers["location"] == "/sign-in"
    assert anna.get("/analysis").headers["location"] == "/journey"


def test_at_ones_own_machine_pages_say_that_there_are_no_accounts(home: Path, sqlite_url: str) -> None:
    app = web_app(configured(home, sqlite_url, "single"))
    page = at_the_machine(app)
    assert "Without accounts" in page.get("/welcome", headers=HTML).text
    hosted_by(app).application.close()


def test_every_page_names_files_by_what_is_in_them_and_has_no_script_or_style_of_its_own(anna: TestClient) -> None:
    for path in ("/", "/history", "/journey", "/library", "/import", "/account", "/help", "/terms", "/how-it-works"):
        text = anna.get(path, headers=HTML).text
        assert re.search(r'src="/static/app\.js\?[0-9a-f]{12}"', text), path
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=", text), path


def test_a_theme_from_a_cookie_is_one_of_two_or_none(anna: TestClient) -> None:
    for value, shown in (("dark", ' data-theme="dark"'), ("light", ' data-theme="light"'), ('"><script>', "")):
        anna.cookies.set("theme", value, domain="stoic.test")
        assert f'<html lang="en"{shown}>' in anna.get("/help").text
        anna.cookies.delete("theme", domain="stoic.test")


def test_the_figures_of_the_protocol_are_those_of_its_document() -> None:
    document = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8").replace("**", "")
    table = [line for line in document.splitlines() if line.startswith("|")]
    for _, outright, veiled, harmless in FIGURES:
        assert any(outright in line and veiled in line and harmless in line for line in table), outright


def test_no_page_diagnoses_counts_days_or_begs(anna: TestClient) -> None:
    for path in ("/", "/history", "/journey", "/account", "/help", "/terms", "/how-it-works", "/welcome"):
        text = anna.get(path, headers=HTML).text.casefold()
        for word in ("diagnos", "disorder", "streak", "symptom", "we miss you", "come back soon", "don't go"):
            assert word not in text, (path, word)


def test_a_slash_at_the_end_leads_to_the_page_and_to_no_other_host(app: FastAPI, anna: TestClient) -> None:
    for asked, meant in (
        ("/history/", "/history"),
        ("/history/?q=a%20b", "/history?q=a%20b"),
        ("/help/", "/help"),
        ("//evil.example/", "/evil.example"),
        ("/%5Cevil.example/", "/%5Cevil.example"),
        ("/a%0d%0ab/", "/a%0D%0Ab"),
    ):
        answer = anna.get(f"https://stoic.test{asked}", headers={**HTML, "Host": "elsewhere.example"})
        assert (answer.status_code, answer.headers["Location"]) == (308, meant)
    assert anna.head("/history/").headers["Location"] == "/history"
    assert anna.get("/history//", headers=HTML).headers["Location"] == "/history"
    assert anna.get("/nowhere", headers=HTML).status_code == 404
    assert anna.post("/api/sessions/").status_code == 404, "what changes something is not sent on"


def test_what_was_noted_several_times_stands_once_on_the_journey_page(app: FastAPI, anna: TestClient) -> None:
    for number in range(3):
        insight = SemanticInsight(id=f"bees-{number}", user_id="anna", assertion="They keep bees.")
        person(app, "anna").add_insight(insight)
    shown = anna.get("/journey", headers=HTML).text
    assert shown.count("They keep bees.") == 1 + shown.count('data-value="They keep bees."')
    assert "noted 3 times" in shown
    at = re.findall(r'data-at="(/api/insights/[^"]*same=true)"', shown)
    assert len(at) == 1
    assert anna.delete(at[0]).json()["erased"]["semantic_insights"] == 3
