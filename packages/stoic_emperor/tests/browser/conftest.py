"""A real browser, a real server, and a model that follows a script. Whatever a page may not do fails its test.

The browser of a module ends with it: while it runs, its driver holds an event loop in this thread.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from fastapi import FastAPI

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import now
from stoic_emperor.testing.models import Drips, FakeServer, Hangs, Refuses, Says, Seen
from stoic_emperor.testing.web import configured, hosted_by, web_app
from stoic_emperor.web.auth import cookies

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from capsa.local_postgres import LocalPostgres

REPLY = (
    "You were shown two things: what another chose, and what you chose.\n\n"
    "The first was never yours. *The second still is.*\n\nBegin there."
)

#: What the model says, by a word in what it is told; a test may add its own.
Script = dict[str, Says | Drips | Hangs | Refuses]

#: Who keeps the house.
OPERATOR = "keeper"

_numbers = itertools.count(1)


@dataclass
class Site:
    """One running web application."""

    url: str
    app: FastAPI
    script: Script
    model: FakeServer

    def person(self, name: str = "Helena", *, user_id: str | None = None) -> Person:
        """Somebody new, who has said everything that is asked at first."""
        hosted = hosted_by(self.app)
        person = hosted.application.database.person(user_id or f"person-{next(_numbers)}")
        person.ensure(name)
        person.change(asked_at=now(), consent_at=now(), country="GB")
        hosted.accounts.ensure(person.user_id, "local")
        hosted.accounts.confirm_adult(person.user_id, "local")
        return person

    def sign_in(self, context: BrowserContext, person: Person) -> None:
        """Put the cookie of a sign-in into a browser."""
        begun = hosted_by(self.app).sign_ins.begin(person.user_id, "Chromium on Linux")
        value = cookies.written(person.user_id, begun.id, begun.secret)
        context.add_cookies(
            [
                {
                    "name": cookies.SIGN_IN,
                    "value": value,
                    "url": self.url.replace("http:", "https:"),
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )


def _answer(script: Script) -> Callable[[Seen], Any]:
    def answer(seen: Seen) -> Any:
        if not seen.body.get("stream"):
            return Says(
                '{"emotional_state": "tired", "detected_patterns": ["puts work before sleep"],'
                ' "semantic_assertions": [{"text": "They build boats.", "confidence": 0.9}]}'
            )
        said = str(seen.body["messages"][-1]["content"])
        return next((move for word, move in script.items() if word in said), Says(REPLY))

    return answer


@contextlib.contextmanager
def running_site(folder: Path, url: str, **sections: Any) -> Iterator[Site]:
    """A site of its own, on a port of its own, until the end."""
    script: Script = {}
    with FakeServer([_answer(script)]) as model:
        configuration = configured(
            folder,
            url,
            models={"main": "any", "base_url": model.openai_url},
            safety={"second_opinion": False},
            web={
                "operators": [OPERATOR],
                "requests_per_minute": 0,
                "address_requests_per_minute": 0,
                **sections.pop("web", {}),
            },
            **sections,
        )
        app = web_app(configuration)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", ws="none"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.02)
            yield Site(f"http://localhost:{port}", app, script, model)
        finally:
            server.should_exit = True
            thread.join(40)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site on SQLite, shared by the tests of a module; each has a person of its own."""
    folder = tmp_path_factory.mktemp("site")
    with running_site(folder, f"sqlite:///{folder}/stoic.db") as made:
        yield made


@pytest.fixture(scope="module")
def postgres_site(tmp_path_factory: pytest.TempPathFactory, postgres_server: LocalPostgres) -> Iterator[Site]:
    """The same on PostgreSQL."""
    from capsa.testing.databases import fresh_database

    with fresh_database(postgres_server) as url, running_site(tmp_path_factory.mktemp("site"), url) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)
    path = shutil.which("chromium")
    with sync_playwright() as playwright:
        # As root, in a container, Chromium has no sandbox of its own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@dataclass
class Watched:
    """What pages did that none may do."""

    origin: str
    faults: list[str] = field(default_factory=list)

    def request(self, request: Any) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.faults.append(f"a request left for {request.url}")

    def dialog(self, dialog: Any) -> None:
        self.faults.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def console(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "violation" in message.text:
            self.faults.append(message.text)

    def error(self, error: Any) -> None:
        self.faults.append(f"the script broke: {error.error}")


Open = Callable[..., "Page"]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Opens a browser of a person, or of nobody, at a page; what it did that it may not is a failure in the end."""
    opened: list[tuple[BrowserContext, Watched]] = []

    def make(site: Site, person: Person | None = None, path: str = "/", **options: Any) -> Page:
        context = chromium.new_context(base_url=site.url, **{"reduced_motion": "reduce", **options})
        context.set_default_timeout(15_000)
        watched = Watched(site.url)
        context.on("request", watched.request)
        context.on("dialog", watched.dialog)
        context.on("console", watched.console)
        context.on("weberror", watched.error)
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error('violation', e.violatedDirective))"
        )
        opened.append((context, watched))
        if person is not None:
            site.sign_in(context, person)
        page = context.new_page()
        page.goto(path)
        return page

    yield make
    for context, _ in opened:
        context.close()
    assert [fault for _, watched in opened for fault in watched.faults] == []
