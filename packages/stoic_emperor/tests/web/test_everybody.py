"""Every route asks who is asking. The routes are taken from the application, so that a new one cannot be forgotten."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from stoic_emperor.models import CondensedSummary, Message, SemanticInsight, now
from stoic_emperor.testing.auth_server import FakeAuthServer
from stoic_emperor.testing.house import House
from stoic_emperor.testing.web import browser, configured, hosted_by, signed_in, web_app

#: What nobody has to sign in for.
OPEN = {"GET /health", "GET /ready", "GET /api/help", "GET /api/config"}
WHO = "7a1c8a52-6f0b-4a3e-9d5e-0c7f2b9e4d11"
DESCRIPTION = "/api/openapi.json"
#: What one needs to say that one is of age, and to leave.
BEFORE_OF_AGE = {"GET /api/user", "PUT /api/user", "PUT /api/user/name", "DELETE /api/user"}
#: What each route takes, so that it is understood before it is refused.
BODIES: dict[str, Any] = {
    "POST /api/chat": {"message": "Hello"},
    "POST /api/chat/stream": {"message": "Hello"},
    "POST /api/sessions/{session_id}/edit": {"message_id": "none", "message": "Hello"},
    "PATCH /api/sessions/{session_id}": {"title": "Mine"},
    "PATCH /api/insights/{insight_id}": {"assertion": "They are mine."},
    "PUT /api/user/name": {"name": "Anna"},
    "PUT /api/user": {},
    "DELETE /api/user": {"confirm": "no"},
}
QUERIES = {"/api/search": "?q=rain", "/api/library/search": "?q=rain", "/api/uploads": "?kind=journal&name=a.md"}


def routes() -> list[str]:
    """Method and path of every route of the API, as the application itself has them."""
    app = web_app(configured(Path("/nowhere"), "sqlite:///:memory:", "local"))
    found = [(route.path or "", route.methods or ()) for route in iter_route_contexts(app.routes)]
    of_the_api = [
        (path, methods) for path, methods in found if path.startswith("/api/") or path in {"/health", "/ready"}
    ]
    return sorted(f"{m} {path}" for path, methods in of_the_api for m in methods if path != DESCRIPTION and m != "HEAD")


ROUTES = routes()
CLOSED = sorted(set(ROUTES) - OPEN)
OF_SOMETHING = [route for route in CLOSED if "{" in route and "/library/" not in route]


def ask(made: TestClient, route: str, **ids: str) -> Any:
    method, path = route.split()
    url = re.sub(r"\{(\w+)\}", lambda m: ids.get(m[1], "none"), path) + QUERIES.get(path, "")
    return made.request(method, url, json=BODIES.get(route, {}) if method != "GET" else None)


def test_the_table_has_the_routes_of_the_application() -> None:
    assert len(ROUTES) > 40
    assert set(ROUTES) >= OPEN | BEFORE_OF_AGE | BODIES.keys()


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAuthServer]:
    with FakeAuthServer() as running:
        yield running


@pytest.fixture(scope="module")
def app(server: FakeAuthServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    home = tmp_path_factory.mktemp("supabase")
    limits = {"requests_per_minute": 0, "address_requests_per_minute": 0}
    made = web_app(configured(home, f"sqlite:///{home / 'memory.db'}", "supabase", server=server, web=limits))
    yield made
    hosted_by(made).application.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The same with accounts of our own."""
    home = tmp_path_factory.mktemp("local")
    limits = {"requests_per_minute": 0, "address_requests_per_minute": 0}
    made = web_app(configured(home, f"sqlite:///{home / 'memory.db'}", "local", web=limits))
    yield made
    hosted_by(made).application.close()


def _no_token(_: FakeAuthServer) -> str | None:
    return None


def _expired(server: FakeAuthServer) -> str:
    return server.token(WHO, exp=int(time.time()) - 60)


def _other_audience(server: FakeAuthServer) -> str:
    return server.token(WHO, aud="anon")


def _other_issuer(server: FakeAuthServer) -> str:
    return server.token(WHO, iss="https://example.org/auth/v1")


def _other_algorithm(server: FakeAuthServer) -> str:
    return jwt.encode(server.claims(WHO), server.anon_key.ljust(64, "x"), algorithm="HS512")


def _unsigned(server: FakeAuthServer) -> str:
    return jwt.encode(server.claims(WHO), "", algorithm="none")


def _not_a_token(_: FakeAuthServer) -> str:
    return "anna"


BAD = [_no_token, _expired, _other_audience, _other_issuer, _other_algorithm, _unsigned, _not_a_token]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__.strip("_"))
def test_no_route_answers_whoever_proves_nothing(app: FastAPI, server: FakeAuthServer, bad: Any) -> None:
    made = browser(app)
    if (token := bad(server)) is not None:
        made.headers["Authorization"] = f"Bearer {token}"
    for route in CLOSED:
        refused = ask(made, route)
        assert refused.status_code == 401, (route, refused.status_code, refused.text)
        assert isinstance(refused.json()["detail"], str)


def test_with_a_good_token_no_route_says_so(app: FastAPI, server: FakeAuthServer) -> None:
    made = browser(app)
    made.headers["Authorization"] = f"Bearer {server.token(WHO)}"
    hosted_by(app).accounts.confirm_adult(WHO, "supabase")
    answers = {route: ask(made, route).status_code for route in CLOSED}
    assert {
        route: status for route, status in answers.items() if status not in {200, 202, 204, 403, 404, 409, 415}
    } == {}
    assert [route for route, status in answers.items() if status == 403] == ["GET /api/operator"]


def test_who_is_not_of_age_is_told_how_to_say_so_and_gets_no_further(local: FastAPI) -> None:
    made = signed_in(local, "a-child", adult=False)
    for route in sorted(set(CLOSED) - BEFORE_OF_AGE):
        refused = ask(made, route)
        assert refused.status_code == 403, (route, refused.text)
    assert {ask(made, route).status_code for route in sorted(BEFORE_OF_AGE)} <= {200, 409}


def test_a_change_needs_the_word_that_only_our_pages_know(local: FastAPI) -> None:
    made = signed_in(local, "anna")
    del made.headers["X-CSRF-Token"]
    for route in (route for route in CLOSED if not route.startswith("GET")):
        assert ask(made, route).status_code == 403, route


@pytest.mark.parametrize("route", sorted(OPEN))
def test_what_is_open_is_open(app: FastAPI, route: str) -> None:
    assert ask(browser(app), route).status_code in {200, 503}


def test_what_is_anothers_is_not_there_and_told_in_the_same_words(house: House) -> None:
    owner, _ = house.somebody()
    person = house.person(owner)
    session = person.begin_session(title="Mine")
    said = person.add_message(Message(session_id=session.id, role="user", content="private"))
    insight = person.add_insight(SemanticInsight(user_id=owner, assertion="They are private."))
    summary = person.add_summary(CondensedSummary(user_id=owner, content="s", period_start=now(), period_end=now()))
    _, its_browser = house.somebody()
    uploaded = its_browser.post("/api/uploads?kind=journal&name=a.md", content=b"Mine", headers={"Content-Type": "x/y"})
    ids = {
        "session_id": session.id,
        "message_id": said.id,
        "insight_id": insight.id,
        "summary_id": summary.id,
        "upload_id": uploaded.json()["id"],
    }
    _, stranger = house.somebody()
    for route in OF_SOMETHING:
        theirs, nobodys = ask(stranger, route, **ids), ask(stranger, route)
        assert theirs.status_code == nobodys.status_code == 404, (route, theirs.text)
        assert theirs.json() == nobodys.json(), route
    in_it = stranger.post("/api/chat", json={"message": "Hello", "session_id": session.id})
    assert in_it.status_code == 404
    assert stranger.get("/api/search?q=private").json() == []
    assert person.messages(session.id) == [said]
    assert house.talker.asked == 0
