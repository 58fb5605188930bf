"""A database that stops while people are here: they are told soon, monitors are told what, and it comes back."""

from __future__ import annotations

import time
from pathlib import Path

from capsa.testing.databases import running_server
from stoic_emperor.testing.web import browser, configured, hosted_by, signed_in, web_app
from stoic_emperor.web.auth.cookies import SIGN_IN

HTML = {"Accept": "text/html"}


def test_while_postgresql_is_away_everybody_is_told_within_two_seconds_until_it_is_back(home: Path) -> None:
    with running_server() as server:
        app = web_app(configured(home, server.url))
        with signed_in(app, "anna") as anna:
            anna.put("/api/user", json={"country": "GB"})
            assert anna.get("/journey", headers=HTML).status_code == 200
            server.stop()
            anna.get("/journey", headers=HTML)
            for path in ("/journey", "/history", "/api/sessions"):
                began = time.monotonic()
                answer = anna.get(path, headers=HTML)
                assert (answer.status_code, time.monotonic() - began < 2) == (503, True), path
                assert "cannot be reached at the moment" in answer.text
            said = anna.post("/api/chat", json={"message": "I want to kill myself tonight."})
            assert said.status_code == 503
            assert "may be in danger right now" in said.json()["detail"]
            assert "116 123" in said.json()["detail"], "where she is was read before"
            forged = browser(app)
            forged.cookies.set(SIGN_IN, f"{anna.cookies[SIGN_IN][:-4]}AAAA", domain="stoic.test")
            said = forged.post("/api/chat", json={"message": "I want to kill myself tonight."})
            assert "may be in danger right now" in said.json()["detail"]
            assert "116 123" not in said.json()["detail"], "to whom else should it be told"
            began = time.monotonic()
            while (ready := anna.get("/ready")).json()["checks"]["database"]["ok"]:
                assert time.monotonic() - began < 10, "what is told of the database is old"
                time.sleep(0.5)
            began = time.monotonic()
            checks = anna.get("/ready").json()["checks"]
            assert time.monotonic() - began < 3
            assert ready.status_code == 503
            assert {name: check["ok"] for name, check in checks.items()} == {
                "database": False,
                "background": True,
                "embedding_model": True,
                "language_model": True,
                "disk": True,
                "queue": False,
            }
            server.start()
            began = time.monotonic()
            while anna.get("/journey", headers=HTML).status_code != 200:
                assert time.monotonic() - began < 10
                time.sleep(0.2)
        hosted_by(app).application.close()


def test_where_no_room_is_left_it_says_so_and_what_was_there_is_shown(home: Path) -> None:
    app = web_app(configured(home, "sqlite:///./data/memory.db"))
    with signed_in(app, "anna") as anna:
        session = anna.post("/api/sessions", json={"title": "Kept"}).json()
        engine = hosted_by(app).application.database.engine
        with engine.maintain() as tx:
            # The engine writes through one connection, for which the file is full now.
            tx.execute("PRAGMA max_page_count = 1")
        answer = anna.post("/api/chat", json={"message": "What was I afraid of? " * 400})
        assert answer.status_code == 503
        assert "no room left" in answer.json()["detail"]
        assert "cannot be reached" not in answer.text
        assert str(home) not in answer.text
        assert session["id"] in anna.get("/api/sessions").text
    hosted_by(app).application.close()
