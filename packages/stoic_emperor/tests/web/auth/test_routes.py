"""Signing up, in and out, as a browser and as a program do it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from stoic_emperor.testing.web import browser, configured, hosted_by, signed_in, web_app
from stoic_emperor.web.auth import cookies

PASSWORD = "oxen graze by the tiber"
NEW = "marble under the autumn rain"


def register(app: FastAPI, login: str = "anna") -> tuple[TestClient, list[str]]:
    """Somebody who has just made an account, and their recovery codes."""
    client = browser(app)
    answer = client.post("/auth/register", json={"login": login, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return with_word(client, app), answer.json()["codes"]


def with_word(client: TestClient, app: FastAPI) -> TestClient:
    """The word that the pages of this browser hold."""
    brought = client.cookies[cookies.SIGN_IN].split(".")
    client.headers["X-CSRF-Token"] = hosted_by(app).sign("csrf", brought[1])
    return client


def test_who_registers_is_signed_in_and_is_shown_eight_codes(either_app: FastAPI) -> None:
    client, codes = register(either_app)
    assert len(codes) == 8
    found = client.get("/probe").json()
    assert (found["login"], found["provider"], found["operator"]) == ("anna", "local", False)
    assert client.get("/probe/adult").status_code == 403


def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(app: FastAPI) -> None:
    answer = browser(app).post("/auth/register", json={"login": "anna", "password": PASSWORD})
    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("__Host-stoic="))
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(attribute.startswith("domain") for attribute in attributes)


def test_who_signs_in_is_recognised_until_they_sign_out(app: FastAPI) -> None:
    register(app)
    client = browser(app)
    answer = client.post("/auth/sign-in", json={"login": "ANNA", "password": PASSWORD, "next": "/history"})
    assert (answer.status_code, answer.json()["next"]) == (200, "/history")
    assert client.get("/probe").json()["login"] == "anna"
    stolen = client.cookies[cookies.SIGN_IN]
    out = with_word(client, app).post("/auth/sign-out")
    assert out.status_code == 204
    assert "Clear-Site-Data" in out.headers
    assert cookies.SIGN_IN not in client.cookies
    client.cookies.set(cookies.SIGN_IN, stolen, domain="stoic.test")
    assert client.get("/probe").status_code == 401


def test_forms_work_without_a_script(app: FastAPI) -> None:
    client = browser(app)
    word = form_word(client, app)
    made = client.post("/auth/register", data={"login": "anna", "password": PASSWORD, "csrf": word})
    assert made.status_code == 200
    assert len(re.findall(r"<li>(?:[0-9A-Z]{4}-?){4}</li>", made.text)) == 8
    another = browser(app)
    word = form_word(another, app)
    wrong = another.post("/auth/sign-in", data={"login": "<b>anna", "password": "not it", "csrf": word})
    assert wrong.status_code == 401
    assert "do not belong together" in wrong.text
    assert "<b>anna" not in wrong.text
    assert "not it" not in wrong.text
    right = another.post(
        "/auth/sign-in", data={"login": "anna", "password": PASSWORD, "csrf": word, "next": "/library?q=time"}
    )
    assert (right.status_code, right.headers["location"]) == (303, "/library?q=time")
    assert another.get("/probe").json()["login"] == "anna"


def test_codes_that_were_shown_are_not_shown_again_and_a_page_says_so_and_makes_new_ones(app: FastAPI) -> None:
    client = browser(app)
    word = form_word(client, app)
    sent = {"login": "anna", "password": PASSWORD, "csrf": word}
    shown = codes_on(client.post("/auth/register", data=sent).text)
    again = client.post("/auth/register", data=sent)
    assert (again.status_code, again.headers["location"]) == (303, "/recovery-codes")
    page = client.get("/recovery-codes").text
    assert "cannot be shown again" in page
    assert "8 are unused" in page
    made_at = re.search(r'name="made_at" value="([^"]+)"', page)
    assert made_at is not None
    renewed = {"csrf": with_word(client, app).headers["X-CSRF-Token"], "made_at": made_at[1]}
    wrong = client.post("/auth/recovery-codes", data={**renewed, "password": "not it"})
    assert (wrong.status_code, "this is not your password" in wrong.text) == (403, True)
    new = client.post("/auth/recovery-codes", data={**renewed, "password": PASSWORD})
    assert new.status_code == 200
    codes = codes_on(new.text)
    assert not set(codes) & set(shown)
    # Reloaded, the page would make others, and those that were just written down would be void.
    reloaded = client.post("/auth/recovery-codes", data={**renewed, "password": PASSWORD})
    assert (reloaded.status_code, reloaded.headers["location"]) == (303, "/recovery-codes")
    other = browser(app)
    used = {"login": "anna", "code": codes[0], "password": NEW}
    assert other.post("/auth/recover", json={**used, "code": shown[0]}).status_code == 401
    assert other.post("/auth/recover", json=used).status_code == 200


def codes_on(page: str) -> list[str]:
    return re.findall(r"<li>((?:[0-9A-Z]{4}-?){4})</li>", page)


def test_a_house_that_is_full_offers_no_account(home: Path, store_url: str) -> None:
    app = web_app(configured(home, store_url, auth={"registration": "first"}))
    html = {"Accept": "text/html"}
    assert 'href="/register"' in browser(app).get("/sign-in", headers=html).text
    assert 'action="/auth/register"' in browser(app).get("/register", headers=html).text
    register(app)
    assert 'href="/register"' not in browser(app).get("/sign-in", headers=html).text
    assert 'action="/auth/register"' not in browser(app).get("/register", headers=html).text
    hosted_by(app).application.close()


@pytest.mark.parametrize("login", ["Keeper", "keeper", " KEEPER ", "ｋeeper"])
def test_the_keepers_name_is_nobodys_to_register(app: FastAPI, login: str) -> None:
    refused = browser(app).post("/auth/register", json={"login": login, "password": PASSWORD})
    assert refused.status_code == 403
    assert "stoic users add" in refused.json()["detail"]
    hosted_by(app).accounts.register(login, PASSWORD)
    client = browser(app)
    assert client.post("/auth/sign-in", json={"login": "keeper", "password": PASSWORD}).status_code == 200
    assert client.get("/probe/operator").status_code == 200


def form_word(client: TestClient, app: FastAPI) -> str:
    """What the form on a page before signing in holds; the browser gets its cookie with it."""
    client.cookies.set(cookies.BEFORE_SIGN_IN, "a-browser", domain="stoic.test")
    return hosted_by(app).sign("csrf", "before a-browser")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"csrf": ""},
        {"csrf": "0" * 64},
        {"csrf": "é"},
    ],
)
def test_a_form_that_no_page_of_ours_made_signs_nobody_in(app: FastAPI, data: dict[str, str]) -> None:
    register(app)
    client = browser(app)
    form_word(client, app)
    answer = client.post("/auth/sign-in", data={"login": "anna", "password": PASSWORD, **data})
    assert answer.status_code == 403
    assert cookies.SIGN_IN not in client.cookies


def test_the_word_of_another_browser_signs_nobody_in(app: FastAPI) -> None:
    register(app)
    client = browser(app)
    word = form_word(client, app)
    client.cookies.set(cookies.BEFORE_SIGN_IN, "another-browser", domain="stoic.test")
    assert client.post("/auth/sign-in", data={"login": "anna", "password": PASSWORD, "csrf": word}).status_code == 403
    client.cookies.delete(cookies.BEFORE_SIGN_IN)
    refused = client.post("/auth/sign-in", data={"login": "anna", "password": PASSWORD, "csrf": word})
    assert "did not keep this page's cookie" in refused.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
    ],
)
def test_nobody_is_signed_in_from_another_site(app: FastAPI, headers: dict[str, str]) -> None:
    register(app)
    client = browser(app)
    word = form_word(client, app)
    form = {"login": "anna", "password": PASSWORD, "csrf": word}
    assert client.post("/auth/sign-in", data=form, headers=headers).status_code == 403
    assert client.post("/auth/sign-in", json=form, headers=headers).status_code == 403


def test_signing_in_takes_nothing_over_from_before(app: FastAPI) -> None:
    """Session fixation: what an attacker put into the browser is not what is signed in."""
    attacker = signed_in(app, "attacker")
    planted = attacker.cookies[cookies.SIGN_IN]
    register(app)
    client = browser(app)
    client.cookies.set(cookies.SIGN_IN, planted, domain="stoic.test")
    client.post("/auth/sign-in", json={"login": "anna", "password": PASSWORD})
    assert client.cookies[cookies.SIGN_IN] != planted
    assert client.get("/probe").json()["login"] == "anna"
    assert attacker.get("/probe").status_code == 401, "the sign-in that was brought has ended"


def test_each_sign_in_is_another(app: FastAPI) -> None:
    client, _ = register(app)
    first = client.cookies[cookies.SIGN_IN]
    client.post("/auth/sign-in", json={"login": "anna", "password": PASSWORD})
    second = client.cookies[cookies.SIGN_IN]
    assert [a == b for a, b in zip(first.split("."), second.split("."), strict=True)] == [True, False, False]


def test_what_is_answered_to_a_wrong_password_tells_nothing_of_the_login(app: FastAPI) -> None:
    register(app)
    answers = {
        (answer.status_code, answer.text, answer.headers.get("set-cookie"))
        for login in ("anna", "nobody", "anna")
        for answer in [browser(app).post("/auth/sign-in", json={"login": login, "password": "x" * 12})]
    }
    assert len(answers) == 1


def test_a_recovery_code_gives_a_new_password_once_and_signs_every_browser_out(either_app: FastAPI) -> None:
    elsewhere, codes = register(either_app)
    client = browser(either_app)
    for _ in range(6):
        client.post("/auth/sign-in", json={"login": "anna", "password": "wrong wrong wrong"})
    asked = {"login": "anna", "code": codes[3].lower(), "password": NEW}
    assert client.post("/auth/recover", json=asked).status_code == 200
    assert client.get("/probe").json()["login"] == "anna"
    assert elsewhere.get("/probe").status_code == 401
    assert browser(either_app).post("/auth/recover", json=asked).status_code == 401
    assert browser(either_app).post("/auth/sign-in", json={"login": "anna", "password": PASSWORD}).status_code == 401
    assert browser(either_app).post("/auth/sign-in", json={"login": "anna", "password": NEW}).status_code == 200


def test_a_code_is_no_use_for_another_login(app: FastAPI) -> None:
    _, codes = register(app)
    register(app, "boris")
    for login in ("boris", "nobody"):
        answer = browser(app).post("/auth/recover", json={"login": login, "code": codes[0], "password": NEW})
        assert answer.status_code == 401
    assert (
        browser(app).post("/auth/recover", json={"login": "anna", "code": codes[0], "password": NEW}).status_code == 200
    )


def test_another_password_signs_the_other_browsers_out(either_app: FastAPI) -> None:
    client, _ = register(either_app)
    elsewhere = browser(either_app)
    elsewhere.post("/auth/sign-in", json={"login": "anna", "password": PASSWORD})
    wrong = client.post("/auth/password", json={"password": "not it", "new_password": NEW})
    assert wrong.status_code == 403
    easy = client.post("/auth/password", json={"password": PASSWORD, "new_password": "password1234"})
    assert easy.status_code == 422
    assert elsewhere.get("/probe").status_code == 200
    changed = client.post("/auth/password", json={"password": PASSWORD, "new_password": NEW})
    assert changed.status_code == 204, changed.text
    assert client.get("/probe").status_code == 200
    assert elsewhere.get("/probe").status_code == 401
    assert browser(either_app).post("/auth/sign-in", json={"login": "anna", "password": NEW}).status_code == 200


def test_new_codes_need_the_password(app: FastAPI) -> None:
    client, old = register(app)
    assert client.post("/auth/recovery-codes", json={"password": "not it"}).status_code == 403
    new = client.post("/auth/recovery-codes", json={"password": PASSWORD}).json()["codes"]
    assert len(new) == 8
    assert (
        browser(app).post("/auth/recover", json={"login": "anna", "code": old[0], "password": NEW}).status_code == 401
    )


def test_sign_ins_are_listed_and_ended(either_app: FastAPI) -> None:
    client, _ = register(either_app)
    phone = browser(either_app)
    phone.headers["User-Agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1"
    phone.post("/auth/sign-in", json={"login": "anna", "password": PASSWORD})
    listed = client.get("/auth/sign-ins").json()
    assert {(one["browser"], one["current"]) for one in listed} == {("", True), ("Safari on iPhone", False)}
    other = next(one["id"] for one in listed if not one["current"])
    stranger, _ = register(either_app, "boris")
    assert stranger.delete(f"/auth/sign-ins/{other}").status_code == 404
    assert phone.get("/probe").status_code == 200
    assert client.delete(f"/auth/sign-ins/{other}").status_code == 204
    assert client.delete(f"/auth/sign-ins/{other}").status_code == 404
    assert phone.get("/probe").status_code == 401


def test_every_other_browser_is_signed_out_at_once_and_nobody_elses(either_app: FastAPI) -> None:
    client, _ = register(either_app)
    others = [browser(either_app) for _ in range(3)]
    for other in others:
        other.post("/auth/sign-in", json={"login": "anna", "password": PASSWORD})
    stranger, _ = register(either_app, "boris")
    assert client.delete("/auth/sign-ins").status_code == 204
    assert [other.get("/probe").status_code for other in others] == [401] * 3
    assert client.get("/probe").status_code == stranger.get("/probe").status_code == 200
    assert [one["current"] for one in client.get("/auth/sign-ins").json()] == [True]


@pytest.mark.parametrize(
    "to",
    [
        *(
            "//evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "https://evil.test",
            "/\t/evil.test",
            "/\n/evil.test",
            "///evil",
        ),
        *(
            "javascript:alert(1)",
            "evil.test",
            "",
            "/%0d%0aSet-Cookie:x=1\r\nX: y",
            "/é",
            "/" + "a" * 2000,
            "/@evil.test//",
        ),
        *("/auth/sign-out", "/sign-in", "/api/user", "http:/evil.test", "/\x00", "/ /evil.test", "/\u2028/evil"),
    ],
)
def test_nobody_is_sent_on_to_another_site(app: FastAPI, to: str) -> None:
    register(app)
    client = browser(app)
    word = form_word(client, app)
    form = {"login": "anna", "password": PASSWORD, "csrf": word, "next": to}
    answer = client.post("/auth/sign-in", data=form)
    if len(to) > 1000 and answer.status_code == 422:
        return
    assert answer.headers["location"] in {"/", "/@evil.test//"}


def test_who_may_register_is_for_the_keeper_to_say(home: Path, sqlite_url: str) -> None:
    closed = web_app(configured(home, sqlite_url, auth={"registration": "closed"}))
    asked = {"login": "anna", "password": PASSWORD}
    assert browser(closed).post("/auth/register", json=asked).status_code == 403
    first = web_app(configured(home, sqlite_url, auth={"registration": "first"}))
    assert browser(first).post("/auth/register", json=asked).status_code == 201
    refused = browser(first).post("/auth/register", json={**asked, "login": "boris"})
    assert refused.status_code == 403
    assert "stoic users add" in refused.json()["detail"]
    for app in (closed, first):
        hosted_by(app).application.close()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"login": "anna", "password": "short"}, 422),
        ({"login": "anna", "password": "passwordpassword"}, 422),
        ({"login": "anna", "password": "x" * 1001}, 422),
        ({"login": "anna\u200b", "password": PASSWORD}, 422),
        ({"login": "anna"}, 422),
        ({"login": ["anna"], "password": PASSWORD}, 422),
        ({"login": "anna", "password": PASSWORD, "name": "x" * 101}, 422),
    ],
)
def test_what_cannot_be_an_account_is_refused_and_not_repeated(
    app: FastAPI, asked: dict[str, object], status: int
) -> None:
    answer = browser(app).post("/auth/register", json=asked)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)
    assert str(asked.get("password", "?")) not in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"[" * 5000, "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"login": "\\ud800", "password": "\\ud800aaaaaaaaaaaa"}', "application/json", 422),
        (b"x" * 20_000, "application/json", 413),
        (b"a=1&" * 2000, "application/x-www-form-urlencoded", 422),
        (b"login=anna", "text/plain", 415),
        (b"", "", 415),
    ],
)
def test_what_cannot_be_read_is_refused(app: FastAPI, content: bytes, kind: str, status: int) -> None:
    client = browser(app)
    client.headers["X-CSRF-Token"] = form_word(client, app)
    assert client.post("/auth/sign-in", content=content, headers={"Content-Type": kind}).status_code == status


def test_one_address_cannot_guess_at_many_logins(app: FastAPI) -> None:
    statuses = [
        browser(app, f"2001:db8::{number:x}")
        .post("/auth/sign-in", json={"login": f"p{number}x", "password": "guess"})
        .status_code
        for number in range(32)
    ]
    assert statuses[:30] == [401] * 30
    assert statuses[30:] == [429, 429]
    assert (
        browser(app, "198.51.100.7").post("/auth/sign-in", json={"login": "p", "password": "guess"}).status_code == 401
    )


def test_nothing_that_was_typed_is_logged(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    register(app)
    browser(app).post("/auth/sign-in", json={"login": "anna", "password": "the secret of anna"})
    assert "NotRecognised" in caplog.text
    assert "anna" not in caplog.text
