"""Who may do what, by cookie: only the person whose cookie it is, only from our own pages, only if of age."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from stoic_emperor.hosting.bound import Bound
from stoic_emperor.hosting.sign_ins import ROTATE
from stoic_emperor.models import now
from stoic_emperor.testing.web import browser, configured, hosted_by, signed_in, web_app
from stoic_emperor.web.auth import cookies


def test_nobody_is_refused_and_on_a_page_sent_to_sign_in(app: FastAPI) -> None:
    client = browser(app)
    refused = client.get("/probe")
    assert refused.status_code == 401
    assert "/sign-in" in refused.json()["detail"]
    assert client.get("/probe/anyone").json() is None
    sent = client.get("/probe/page?q=a%26b")
    assert (sent.status_code, sent.headers["location"]) == (
        303,
        f"/sign-in?next={quote('/probe/page?q=a%26b', safe='')}",
    )


def test_who_has_not_said_that_they_are_of_age_is_told_how(app: FastAPI) -> None:
    client = signed_in(app, "anna", adult=False)
    assert client.get("/probe").status_code == 200
    refused = client.get("/probe/adult")
    assert refused.status_code == 403
    assert '{"adult": true}' in refused.json()["detail"]
    assert client.get("/probe/page").headers["location"].startswith("/welcome?next=")
    hosted_by(app).accounts.confirm_adult("anna", "local")
    assert client.get("/probe/adult").status_code == 200
    assert client.get("/probe/page").status_code == 200


def test_only_who_is_named_keeps_the_house(app: FastAPI) -> None:
    hosted = hosted_by(app)
    keeper = hosted.accounts.register("KEEPER", "oxen graze by the tiber").user_id
    assert signed_in(app, keeper).get("/probe/operator").status_code == 200
    assert signed_in(app, "anna").get("/probe/operator").status_code == 403


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
def test_what_changes_something_needs_the_word_of_our_pages(app: FastAPI, token: str | None) -> None:
    client = signed_in(app, "anna")
    assert client.post("/probe").status_code == 200
    del client.headers["X-CSRF-Token"]
    headers = {} if token is None else {b"X-CSRF-Token": token.encode()}
    assert client.post("/probe", headers=headers).status_code == 403
    assert client.get("/probe").status_code == 200


def test_the_word_of_one_sign_in_is_not_that_of_another(app: FastAPI) -> None:
    anna, boris = signed_in(app, "anna"), signed_in(app, "boris")
    anna.headers["X-CSRF-Token"] = boris.headers["X-CSRF-Token"]
    assert anna.post("/probe").status_code == 403


def test_a_form_may_hold_the_word_as_a_field(app: FastAPI) -> None:
    client = signed_in(app, "anna")
    word = client.headers.pop("X-CSRF-Token")
    assert client.post("/probe", data={"csrf": word}).status_code == 200
    assert client.post("/probe", data={"csrf": "x"}).status_code == 403
    assert client.post("/probe", json={"csrf": word}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://stoic.test"}, 200),
        ({"Origin": "https://stoic.test:443"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://stoic.test"}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "https://stoic.test.evil.test"}, 403),
        ({"Origin": "https://stoic.test@evil.test"}, 403),
        ({"Origin": "https://stoic.test:444"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "file://"}, 403),
        ({"Origin": "https://[::1"}, 403),
    ],
)
def test_even_with_the_word_nothing_is_changed_from_another_site(
    app: FastAPI, headers: dict[str, str], status: int
) -> None:
    assert signed_in(app, "anna").post("/probe", headers=headers).status_code == status


def test_a_cookie_that_is_none_is_nobodys(app: FastAPI) -> None:
    anna, boris = (signed_in(app, who).cookies[cookies.SIGN_IN].split(".") for who in ("anna", "boris"))
    for value in (
        "",
        "x",
        "..",
        "a.b.c",
        ".".join([anna[0], boris[1], boris[2]]),
        ".".join([anna[0], boris[1], anna[2]]),
        ".".join([boris[0], anna[1], anna[2]]),
        ".".join([anna[0], anna[1].upper(), anna[2]]),
        "QGhvdXNl." + ".".join(anna[1:]),
        "_w." + ".".join(anna[1:]),
        "a" * 5000,
        ".".join(anna) + ".x",
    ):
        client = browser(app)
        client.cookies.set(cookies.SIGN_IN, value, domain="stoic.test")
        assert client.get("/probe").status_code == 401, value


def test_requests_under_way_when_the_cookie_changes_all_succeed(either_app: FastAPI) -> None:
    client = signed_in(either_app, "anna")
    client.get("/probe")
    before = client.cookies[cookies.SIGN_IN]
    brought = before.split(".")
    with Bound(hosted_by(either_app).application.database, "anna").writing() as tx:
        earlier = hosted_by(either_app).application.database.engine.time(now() - ROTATE)
        tx.execute("UPDATE sign_ins SET rotated_at = :at WHERE user_id = 'anna'", {"at": earlier})

    def ask(_: int) -> tuple[int, str]:
        one = browser(either_app)
        one.cookies.set(cookies.SIGN_IN, before, domain="stoic.test")
        answer = one.get("/probe")
        return answer.status_code, one.cookies[cookies.SIGN_IN]

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(ask, range(20)))
    assert {status for status, _ in answers} == {200}
    new = {cookie for _, cookie in answers}
    assert len(new) == 1
    after = new.pop()
    assert after.split(".")[:2] == brought[:2]
    assert after != before
    client.cookies.set(cookies.SIGN_IN, after, domain="stoic.test")
    assert client.get("/probe").status_code == 200


def test_a_token_goes_before_a_cookie_which_is_then_not_looked_at(app: FastAPI) -> None:
    client = signed_in(app, "anna")
    for given in ("Bearer x", "bearer x", "Bearer", "Bearer "):
        assert client.get("/probe", headers={"Authorization": given}).status_code == 401, given
    twice = [(b"authorization", b"Basic YTpi"), (b"authorization", b"Bearer x")]
    assert client.get("/probe", headers=twice).status_code == 401


def test_a_password_that_a_proxy_asks_for_is_not_ours_to_look_at(app: FastAPI) -> None:
    assert signed_in(app, "anna").get("/probe", headers={"Authorization": "Basic YTpi"}).status_code == 200
    assert browser(app).get("/probe", headers={"Authorization": "Basic YTpi"}).status_code == 401


@pytest.mark.parametrize("name", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-user", "x-real-ip"])
def test_no_header_makes_anybody_somebody(app: FastAPI, name: str) -> None:
    assert browser(app).get("/probe", headers={name: "127.0.0.1"}).status_code == 401


def test_an_account_of_a_way_that_was_switched_off_is_not_let_in(home: Path, sqlite_url: str, app: FastAPI) -> None:
    made = web_app(configured(home, sqlite_url))
    hosted_by(made).accounts.ensure("anna", "supabase")
    client = signed_in(made, "anna")
    assert client.get("/auth/sign-ins").status_code == 401
    hosted_by(made).application.close()
