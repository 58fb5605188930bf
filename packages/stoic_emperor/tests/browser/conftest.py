"""A real browser, a real server, and a model that follows a script. Whatever a page may not do fails its test.

The browser of a module ends with it: while it runs, its driver holds an event loop in this thread.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from stoic_emperor.infrastructure.person import Person
from stoic_emperor.testing.site import Open, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from capsa import LocalPostgres


@pytest.fixture(scope="module", autouse=True)
def _no_starter_library() -> Iterator[None]:
    """Each test brings the texts it needs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("stoic_emperor.library.starter.starter_library", lambda: None)
        yield


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
