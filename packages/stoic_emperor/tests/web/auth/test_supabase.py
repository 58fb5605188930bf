"""Signing in with a project's accounts on our own page: its server is asked by us, the browser gets our cookie."""

from __future__ import annotations

import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from stoic_emperor.testing.auth_server import FakeAuthServer
from stoic_emperor.testing.web import browser, hosted_by, signed_in
from stoic_emperor.web.auth import cookies


def test_who_has_an_account_of_the_project_is_signed_in_here(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    user_id = server.add("anna@example.org", "her password")
    client = browser(supabase_app)
    answer = client.post("/auth/sign-in", json={"login": "anna@example.org", "password": "her password"})
    assert answer.json() == {"id": user_id, "next": "/"}
    found = client.get("/probe").json()
    assert (found["id"], found["provider"]) == (user_id, "supabase")


@pytest.mark.parametrize(
    ("login", "password"), [("anna@example.org", "wrong"), ("nobody@example.org", "x"), ("anna", "x")]
)
def test_others_are_not(supabase_app: FastAPI, server: FakeAuthServer, login: str, password: str) -> None:
    server.add("anna@example.org", "her password")
    answer = browser(supabase_app).post("/auth/sign-in", json={"login": login, "password": password})
    assert answer.status_code == 401


def test_while_the_project_is_away_nobody_is_told_that_their_password_is_wrong(
    supabase_app: FastAPI, server: FakeAuthServer
) -> None:
    server.add("anna@example.org", "her password")
    server.failing = 500
    asked = {"login": "anna@example.org", "password": "her password"}
    answer = browser(supabase_app).post("/auth/sign-in", json=asked)
    assert answer.status_code == 503
    assert "again" in answer.json()["detail"]


def test_there_are_no_accounts_of_our_own_beside_unless_they_are_switched_on(supabase_app: FastAPI) -> None:
    client = signed_in_there(supabase_app)
    assert client.post("/auth/password", json={"password": "x", "new_password": "y"}).status_code == 404


def signed_in_there(app: FastAPI) -> TestClient:
    hosted_by(app).accounts.ensure("1b4e28ba-2fa1-41d2-883f-0016d3cca427", "supabase")
    return signed_in(app, "1b4e28ba-2fa1-41d2-883f-0016d3cca427")


def leave(url: str) -> str:
    """Sign in with the other service; where it sends the browser back to."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError) as redirected:
        urllib.request.build_opener(Stay()).open(url, timeout=5)
    with redirected.value as answer:
        return str(answer.headers["Location"])


def test_another_service_sends_people_back_signed_in(supabase_app: FastAPI) -> None:
    client = browser(supabase_app)
    begun = client.get("/auth/supabase/start?provider=google&next=/history")
    assert begun.status_code == 303
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["provider"] == ["google"]
    assert asked["redirect_to"] == ["https://stoic.test/auth/supabase/callback"]
    assert asked["code_challenge_method"] == ["s256"]
    back = leave(begun.headers["location"])
    answer = client.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/history")
    assert client.get("/probe").json()["provider"] == "supabase"
    assert cookies.ON_THE_WAY not in client.cookies


def test_nobody_can_be_signed_in_as_another_by_a_link(supabase_app: FastAPI) -> None:
    attacker = browser(supabase_app)
    back = leave(attacker.get("/auth/supabase/start?provider=google").headers["location"])
    victim = browser(supabase_app)
    assert victim.get(back).status_code == 401
    victim.get("/auth/supabase/start?provider=google")
    assert victim.get(back).status_code == 401
    assert cookies.SIGN_IN not in victim.cookies


@pytest.mark.parametrize("query", ["", "?code=", "?code=x", "?code=" + "x" * 2000, "?error=access_denied"])
def test_who_comes_back_without_a_code_is_shown_the_page_to_sign_in(supabase_app: FastAPI, query: str) -> None:
    client = browser(supabase_app)
    client.get("/auth/supabase/start?provider=google")
    answer = client.get(f"/auth/supabase/callback{query}")
    assert answer.status_code == 401
    assert "Sign in" in answer.text


@pytest.mark.parametrize("to", ["//evil.test", "https://evil.test", "/\\evil.test"])
def test_coming_back_leads_to_our_own_pages(supabase_app: FastAPI, to: str) -> None:
    client = browser(supabase_app)
    begun = client.get("/auth/supabase/start", params={"provider": "google", "next": to})
    assert client.get(leave(begun.headers["location"])).headers["location"] == "/"


def test_only_services_that_are_configured_can_be_gone_to(supabase_app: FastAPI, app: FastAPI) -> None:
    assert browser(supabase_app).get("/auth/supabase/start?provider=github").status_code == 404
    assert browser(app).get("/auth/supabase/start?provider=google").status_code == 404
    assert browser(app).get("/auth/supabase/callback?code=x").status_code == 404
