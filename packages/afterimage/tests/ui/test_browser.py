"""The pages in a real browser: for everybody, in both lights, at every width, by keyboard, and all the way through."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from afterimage.storage import SQLiteBackend
from afterimage.sync import synchronise
from afterimage.testing_pages import Site, pleasant_memory, running_pages
from capsa.testing.embedders import HashingEmbedder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.debian("chromium"), pytest.mark.slow]

ALL_RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
WIDTHS = (320, 390, 820, 1440)
HOSTILE = "</script><img src=x onerror=document.title='broken'>"
SMALL = """[...document.querySelectorAll('button, .button, summary, input, select, nav[aria-label=Pages] a')]
    .filter((node) => node.checkVisibility() && node.type !== 'radio' && node.getBoundingClientRect().height < 24)
    .map((node) => node.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, in a container, Chromium has no sandbox of its own.
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def site(home: Path, tmp_path: Path) -> Iterator[Site]:
    with SQLiteBackend(home / "m.db", embedder=HashingEmbedder) as backend:
        pleasant_memory(backend, tmp_path / "work", dt.datetime.now(dt.UTC))
        backend.store(f"/p/{HOSTILE}.py", HOSTILE, "old", HOSTILE, session_id=HOSTILE)
        synchronise(backend, home / ".afterimage")
        with running_pages(backend, home / ".afterimage") as running:
            yield running


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """A browser that came in; what it did that no page may do is a failure in the end."""
    faults: list[str] = []
    context = chromium.new_context(reduced_motion="reduce")
    context.on("request", lambda request: _only(request.url, site.door.origin, faults))
    context.on("console", lambda message: faults.append(message.text) if "violat" in message.text.lower() else None)
    context.on("dialog", lambda dialog: faults.append(dialog.message))
    opened = context.new_page()
    opened.goto(site.door.link())
    opened.wait_for_url("**/overview")
    yield opened
    assert opened.title() != "broken"
    context.close()
    assert faults == []


def _only(url: str, origin: str, faults: list[str]) -> None:
    if not url.startswith((f"{origin}/", "data:", "file:")):
        faults.append(url)


def _look(page: Page, name: str) -> dict[str, Any]:
    """What is wrong with the page that is shown."""
    from axe_playwright_python.sync_playwright import Axe

    # A click is followed until the next page begins to come, and without its style everything on it is small.
    page.wait_for_load_state()
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true })")
    faults: dict[str, Any] = {}
    for light in ("light", "dark"):
        page.emulate_media(color_scheme=light)
        rules = ALL_RULES if light == "light" else {"type": "rule", "values": ["color-contrast"]}
        found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]
        if found:
            faults[f"{name}, {light}"] = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults[f"{name}, {width} wide"] = page.evaluate("document.documentElement.scrollWidth")
        if width == 390 and (small := page.evaluate(SMALL)):
            faults[f"{name}, small"] = small
    page.set_viewport_size({"width": 1180, "height": 800})
    return faults


@pytest.mark.slow
def test_every_page_is_for_everybody(site: Site, page: Page) -> None:
    faults = _look(page, "overview")
    for name in (
        "search",
        "search?q=sighting+species",
        "search?q=nothing-is-so&path=x",
        "sessions",
        "files",
        "nowhere",
    ):
        page.goto(site.at(name))
        faults |= _look(page, name)
    page.goto(site.at("search?q=no+such+place+on+earth"))
    page.locator(".hit h3 a").first.click()
    for step in ("entry", "All versions", "Compare the two that are chosen"):
        if step != "entry":
            page.get_by_text(step, exact=True).click()
        faults |= _look(page, step)
    for name in ("session", "file"):
        page.goto(site.at(f"{name}s"))
        page.locator("td a").first.click()
        faults |= _look(page, name)
    assert faults == {}


def test_somebody_finds_compares_and_forgets_by_keyboard_alone(site: Site, page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    page.get_by_label("Search by words or meaning").focus()
    page.keyboard.type("no such place on earth")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=*")
    page.locator(".hit h3 a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/entry?*")
    assert page.locator("ins").count()
    page.get_by_text("Forget…").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/forget?*")
    page.get_by_role("button", name="Forget 1 entry").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipt?*")
    assert "1, with all their words" in page.locator("main").inner_text()
    page.goto(site.at("search?q=no+such+place+on+earth"))
    assert "no such place on earth" not in page.locator(".hit").all_inner_texts().__str__()


def test_what_was_stored_does_nothing(site: Site, page: Page) -> None:
    for name in ("files?path=onerror", "search?q=onerror", "overview", "sessions"):
        page.goto(site.at(name))
        assert page.locator("main img").count() == 0
    page.goto(site.at("files?path=onerror"))
    page.locator("td a").first.click()
    page.locator(".when a").first.click()
    assert HOSTILE in page.locator(".code").first.inner_text() + page.locator(".code").last.inner_text()
    assert page.locator("main img").count() == 0


def test_a_second_browser_needs_a_link_of_its_own(site: Site, chromium: Browser, page: Page) -> None:
    context = chromium.new_context()
    other = context.new_page()
    other.goto(page.url)
    assert "A link is needed" in other.content()
    other.goto(site.told[0])
    other.wait_for_url("**/overview")
    context.close()


def test_a_page_that_leads_in_from_a_file_does(site: Site, chromium: Browser, tmp_path: Path) -> None:
    """As the command opens it: strict cookies are not sent along what another site began."""
    from afterimage.ui.run import _leading_to

    context = chromium.new_context()
    page = context.new_page()
    with _leading_to(site.door.link(), tmp_path) as leading:
        page.goto(leading.as_uri())
        page.wait_for_url("**/overview")
        assert "What is remembered" in page.content()
    context.close()
