"""A running web application for tests: people with browsers of their own, and streams read event by event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import now
from stoic_emperor.testing.talker import Talker, give_model
from stoic_emperor.testing.web import at_the_machine, configured, hosted_by, signed_in, web_app
from stoic_emperor.web.state import Hosted


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    id: int
    kind: str
    data: dict[str, Any]


def events(lines: Iterator[str]) -> Iterator[Event]:
    """What a stream tells, event by event."""
    held: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            held[name] = value
        elif "event" in held:
            yield Event(int(held["id"]), held["event"], json.loads(held["data"]))
            held = {}


@dataclass
class House:
    """A web application that runs, and those who talk with it."""

    app: FastAPI
    talker: Talker
    #: The browser that keeps it running.
    main: TestClient
    _made: int = 0

    @property
    def hosted(self) -> Hosted:
        """What the application has."""
        return hosted_by(self.app)

    def person(self, user_id: str) -> Person:
        """What is kept of somebody."""
        return self.hosted.application.database.person(user_id)

    def somebody(self, *, adult: bool = True, remembers: bool = True) -> tuple[str, TestClient]:
        """A new person, and their browser, in the same running application."""
        self._made += 1
        user_id = f"person-{self._made}"
        browser = signed_in(self.app, user_id, adult=adult)
        browser.portal = self.main.portal
        if adult and remembers:
            self.person(user_id).change(asked_at=now(), consent_at=now())
        return user_id, browser

    @contextmanager
    def hearing(self, browser: TestClient, url: str, **json_: Any) -> Iterator[Iterator[Event]]:
        """A stream, to be read as far as one likes."""
        with browser.stream("POST", url, json=json_) as response:
            assert response.status_code == 200, response.read()
            yield events(response.iter_lines())

    @contextmanager
    def resuming(
        self, browser: TestClient, session_id: str, after: int = 0, last_event_id: str = ""
    ) -> Iterator[Iterator[Event]]:
        """A stream that was begun before."""
        url = f"/api/sessions/{session_id}/stream?after={after}"
        with browser.stream("GET", url, headers={"Last-Event-ID": last_event_id}) as response:
            assert response.status_code == 200, response.read()
            yield events(response.iter_lines())

    def heard(self, browser: TestClient, url: str, **json_: Any) -> list[Event]:
        """All of a stream."""
        with self.hearing(browser, url, **json_) as told:
            return list(told)


@contextmanager
def running_house(home: Path, url: str, talker: Talker, **sections: Any) -> Iterator[House]:
    """The web application as it runs for many people, with limits that no test reaches unless it sets them."""
    sections.setdefault("web", {"requests_per_minute": 0, "address_requests_per_minute": 0, "operators": ["keeper"]})
    app = web_app(configured(home, url, "local", **sections))
    give_model(app, talker)
    with at_the_machine(app) as main:
        yield House(app, talker, main)
