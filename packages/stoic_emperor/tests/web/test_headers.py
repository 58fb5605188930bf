"""Every answer tells the browser what it may do, whatever answers: a page, a route, a file, an error, a limit."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from fastapi import FastAPI

from stoic_emperor.testing.web import browser, configured, signed_in, web_app
from stoic_emperor.web.headers import CONTENT_POLICY


@pytest.fixture
def app(tmp_path: Path, home: Path) -> FastAPI:
    app = web_app(configured(home, f"sqlite:///{tmp_path}/s.db", web={"trust_proxy": 1}))

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("what somebody wrote")

    return app


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sign-in", 200),
        ("/auth/sign-ins", 401),
        ("/nowhere", 404),
        ("/static/app.css", 200),
        ("/static/nothing.js", 404),
        ("/broken", 500),
    ],
)
def test_the_headers_are_on_every_answer(app: FastAPI, path: str, status: int) -> None:
    with browser(app) as client:
        answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == CONTENT_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers.get_list("cache-control") == [
        "public, max-age=86400" if path.startswith("/static/") else "no-store"
    ]


def test_nothing_may_be_inline_or_from_elsewhere() -> None:
    assert "unsafe" not in CONTENT_POLICY
    for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in CONTENT_POLICY


@pytest.mark.parametrize(
    ("address", "forwarded", "expected"),
    [
        ("https://stoic.test", None, True),
        ("http://stoic.test", None, False),
        ("http://stoic.test", "https", True),
        # What the browser wrote there is not what the proxy appended.
        ("http://stoic.test", "https, http", False),
    ],
)
def test_browsers_are_held_to_tls_once_they_come_by_it(
    app: FastAPI, address: str, forwarded: str | None, expected: bool
) -> None:
    with browser(app) as client:
        headers = {"x-forwarded-proto": forwarded} if forwarded else {}
        answer = client.get(f"{address}/sign-in", headers=headers)
    assert ("strict-transport-security" in answer.headers) is expected


def test_a_proxy_that_nobody_named_is_not_believed(tmp_path: Path, home: Path) -> None:
    with browser(web_app(configured(home, f"sqlite:///{tmp_path}/s.db"))) as client:
        answer = client.get("http://stoic.test/sign-in", headers={"x-forwarded-proto": "https"})
    assert "strict-transport-security" not in answer.headers


def test_a_defect_of_ours_is_answered_and_logged_without_a_word_of_anybody(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    # The client would raise what the server's log would be handed.
    with caplog.at_level(logging.DEBUG), signed_in(app, "anna") as client:
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert "went wrong" in answer.json()["detail"]
    assert "RuntimeError" in caplog.text
    assert "what somebody wrote" not in caplog.text + answer.text
