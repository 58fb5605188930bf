"""A running web application for a browser to look at, with a model that follows a script."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn
from fastapi import FastAPI

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.models import now
from stoic_emperor.testing.models import Drips, FakeServer, Hangs, Refuses, Says, Seen
from stoic_emperor.testing.web import configured, hosted_by, web_app
from stoic_emperor.web.auth import cookies

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

REPLY = (
    "You were shown two things: what another chose, and what you chose.\n\n"
    "The first was never yours. *The second still is.*\n\nBegin there."
)

_NOTICED = Says(
    '{"emotional_state": "tired", "detected_patterns": ["puts work before sleep"],'
    ' "semantic_assertions": [{"text": "They build boats.", "confidence": 0.9}]}'
)
#: Whatever is said, what the model notices of it; instead of the usual.
ANALYSIS = "(analysis)"

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
            return script.get(ANALYSIS, _NOTICED)
        said = str(seen.body["messages"][-1]["content"])
        return next((move for word, move in script.items() if word in said), Says(REPLY))

    return answer


@contextlib.contextmanager
def running_site(folder: Path, url: str, *, model_name: str = "any", **sections: Any) -> Iterator[Site]:
    """A site of its own, on a port of its own, until the end."""
    script: Script = {}
    with FakeServer([_answer(script)]) as model:
        configuration = configured(
            folder,
            url,
            models={"main": model_name, "base_url": model.openai_url},
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


class Open(Protocol):
    """Opens a browser of a person, or of nobody, at a page."""

    def __call__(self, site: Site, person: Person | None = None, path: str = "/", **options: Any) -> Page:
        """With options of the browser's context."""
