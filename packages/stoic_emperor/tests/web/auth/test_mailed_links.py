"""An account of a project, and a new password for it, by links that the project mails: on pages of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from stoic_emperor.testing.auth_server import FakeAuthServer
from stoic_emperor.testing.web import browser, configured, hosted_by, signed_in, web_app
from stoic_emperor.web.auth import cookies

ADDRESS, PASSWORD, NEW = "anna@example.org", "oxen graze by the tiber", "marble under the autumn rain"
HTML = {"Accept": "text/html"}


def form(client: TestClient, app: FastAPI, url: str, **fields: str) -> Any:
    """Send what a page's form holds."""
    client.cookies.set(cookies.BEFORE_SIGN_IN, "a-browser", domain="stoic.test")
    word = hosted_by(app).sign("csrf", "before a-browser")
    return client.post(url, data={"csrf": word, **fields})


def path_of(link: str) -> str:
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc) == ("https", "stoic.test")
    return f"{parts.path}?{parts.query}"


def test_who_signs_up_follows_a_link_and_is_in(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    client = browser(supabase_app)
    assert 'href="/register"' in client.get("/sign-in", headers=HTML).text
    assert "E-mail" in client.get("/register", headers=HTML).text
    answer = form(client, supabase_app, "/auth/register", login=ADDRESS, password=PASSWORD)
    assert "Look into your mail" in answer.text
    assert client.get("/probe").status_code == 401
    ((to, link),) = server.mailed
    assert to == ADDRESS
    assert client.get(path_of(link)).status_code == 303
    assert client.get("/probe").json()["provider"] == "supabase"


def test_where_the_project_mails_nothing_one_is_in_at_once(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    server.confirms = False
    client = browser(supabase_app)
    answer = client.post("/auth/register", json={"login": ADDRESS, "password": PASSWORD})
    assert answer.json() == {"id": server.people[ADDRESS][1], "next": "/"}
    again = browser(supabase_app).post("/auth/register", json={"login": ADDRESS, "password": PASSWORD})
    assert again.status_code == 422


def test_a_link_signs_nobody_in_who_did_not_ask_for_it(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    attacker = browser(supabase_app)
    attacker.post("/auth/register", json={"login": ADDRESS, "password": PASSWORD})
    victim = browser(supabase_app)
    assert victim.get(path_of(server.mailed[0][1])).status_code == 401
    assert cookies.SIGN_IN not in victim.cookies


def test_whether_an_address_is_known_is_told_to_nobody(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    server.add(ADDRESS, PASSWORD)
    for url, fields in (("/auth/register", {"password": PASSWORD}), ("/auth/supabase/forgotten", {})):
        answers = {
            (answer.status_code, answer.text)
            for login in (ADDRESS, "nobody@example.org")
            for answer in [browser(supabase_app).post(url, json={"login": login, **fields})]
        }
        assert answers == {(202, '{"mailed":true}')}, url


@pytest.mark.parametrize(
    ("login", "password", "status"), [("anna", PASSWORD, 422), (ADDRESS, "password1234", 422), (ADDRESS, "short", 422)]
)
def test_what_cannot_be_an_account_is_told(supabase_app: FastAPI, login: str, password: str, status: int) -> None:
    assert (
        browser(supabase_app).post("/auth/register", json={"login": login, "password": password}).status_code == status
    )


def test_where_the_project_or_the_house_takes_nobody_that_is_said(
    supabase_app: FastAPI, server: FakeAuthServer, home: Path, sqlite_url: str
) -> None:
    server.takes_people = False
    asked = {"login": ADDRESS, "password": PASSWORD}
    assert browser(supabase_app).post("/auth/register", json=asked).status_code == 403
    closed = web_app(configured(home, sqlite_url, server=server, auth={"registration": "closed"}))
    assert "/register" not in browser(closed).get("/sign-in", headers=HTML).text
    assert browser(closed).post("/auth/register", json=asked).status_code == 403
    hosted_by(closed).application.close()


def test_a_lost_password_is_replaced_by_a_link(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    user_id = server.add(ADDRESS, PASSWORD)
    hosted_by(supabase_app).accounts.ensure(user_id, "supabase")
    elsewhere = signed_in(supabase_app, user_id)
    client = browser(supabase_app)
    assert 'action="/auth/supabase/forgotten"' in client.get("/recover", headers=HTML).text
    assert "Look into your mail" in form(client, supabase_app, "/auth/supabase/forgotten", login=ADDRESS).text
    path = path_of(server.mailed[0][1])
    code = path.partition("code=")[2]
    assert 'name="code"' in client.get(path, headers=HTML).text
    easy = form(client, supabase_app, "/auth/supabase/reset", code=code, password="password1234")
    assert easy.status_code == 422
    done = form(client, supabase_app, "/auth/supabase/reset", code=code, password=NEW)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert client.get("/probe").json()["id"] == user_id
    assert elsewhere.get("/probe").status_code == 401
    assert server.people[ADDRESS][0] == NEW


def test_a_link_for_a_password_is_worth_nothing_in_another_browser_or_a_second_time(
    supabase_app: FastAPI, server: FakeAuthServer
) -> None:
    server.add(ADDRESS, PASSWORD)
    client = browser(supabase_app)
    client.post("/auth/supabase/forgotten", json={"login": ADDRESS})
    path = path_of(server.mailed[0][1])
    code = path.partition("code=")[2]
    other = browser(supabase_app)
    assert other.get(path, headers=HTML).status_code == 401
    assert other.post("/auth/supabase/reset", json={"code": code, "password": NEW}).status_code == 401
    client.post("/auth/supabase/forgotten", json={"login": ADDRESS})
    code = server.mailed[1][1].partition("code=")[2]
    assert client.post("/auth/supabase/reset", json={"code": code, "password": NEW}).status_code == 200
    assert client.post("/auth/supabase/reset", json={"code": code, "password": PASSWORD}).status_code == 401
    assert server.people[ADDRESS][0] == NEW


def test_while_the_project_is_away_that_is_said(supabase_app: FastAPI, server: FakeAuthServer) -> None:
    server.failing = 500
    client = browser(supabase_app)
    for url, asked in (
        ("/auth/register", {"login": ADDRESS, "password": PASSWORD}),
        ("/auth/supabase/forgotten", {"login": ADDRESS}),
    ):
        assert client.post(url, json=asked).status_code == 503
    server.failing = 429
    assert "wait a few minutes" in client.post("/auth/supabase/forgotten", json={"login": ADDRESS}).json()["detail"]


def test_where_no_project_is_there_is_none_of_it(app: FastAPI) -> None:
    client = browser(app)
    assert client.post("/auth/supabase/forgotten", json={"login": ADDRESS}).status_code == 404
    assert client.get("/auth/supabase/reset?code=x").status_code == 404
    assert "supabase" not in client.get("/recover", headers=HTML).text
