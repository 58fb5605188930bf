"""Every page: for everybody, in both lights, at every width, by keyboard, light in weight."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from stoic_emperor.hosting.uploads import Uploads
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.library.passages import Tags
from stoic_emperor.models import CondensedSummary, Message, PsychUpdate, SemanticInsight, now
from stoic_emperor.testing.models import Drips
from stoic_emperor.testing.site import OPERATOR, Open, Site
from stoic_emperor.testing.web import hosted_by
from stoic_emperor.web.pages.templating import STATIC

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Response


pytestmark = [pytest.mark.debian("chromium"), pytest.mark.slow]

NOBODY = ("/help", "/terms", "/how-it-works", "/sign-in", "/register", "/recover", "/nowhere")
#: What one sees between signing in and the first conversation.
ENTERING = ("/auth/register", "/recovery-codes", "/welcome")
SIGNED_IN = ("/", "/chat", "/history", "/history?q=boat", "/journey", "/library", "/import", "/account", "/operator")


@pytest.fixture(scope="module")
def helena(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Somebody with something on every page."""
    book: Path = tmp_path_factory.mktemp("books") / "on boats.txt"
    book.write_text("\n\n".join(f"BOOK {n}\n\nOf boats, thought {n}." for n in ("I", "II", "III")))
    hosted_by(site.app).application.library.import_path(
        book, author="Seneca", work="On Boats", tags=Tags.of(["reason"])
    )
    # Whoever keeps the house has one page more.
    person = site.person(user_id=OPERATOR)
    at = now() - dt.timedelta(weeks=3)
    for week in range(3):
        session = person.begin_session(title=f"The boat, {week}", created_at=at + dt.timedelta(weeks=week))
        said = person.add_message(Message(session_id=session.id, role="user", content="I build a **boat**."))
        update = PsychUpdate(emotional_state="calm", detected_patterns=["begins again"])
        reply = "Good.\n\n1. Measure.\n2. Cut.\n\n> Slowly.\n\n[Read](https://example.org)"
        person.add_message(Message(session_id=session.id, role="emperor", content=reply, psych_update=update))
        person.add_insight(
            SemanticInsight(user_id=person.user_id, source_message_id=said.id, assertion=f"They build boat {week}.")
        )
    person.add_summary(
        CondensedSummary(user_id=person.user_id, content="They spoke of a boat.", period_start=at, period_end=now())
    )
    reviews = {"one": {"agreements": ["the boat"], "concerns": []}, "two": {"agreements": [], "concerns": ["short"]}}
    log = {"consensus": False, "rounds": [{"reviews": reviews}]}
    person.add_profile("A builder.", log)
    person.add_profile("A builder of boats.\n\n- **slow**", log)
    uploads = Uploads(hosted_by(site.app).application.database, person.user_id)
    id_ = uploads.begin("journal", "journal.md", {})
    uploads.received(id_, 0)
    uploads.finish(uploads.get(id_), {"imported": ["journal.md"], "failed": []})
    return person


ALL_RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
WIDTHS = (320, 390, 820, 1440)


@dataclass
class Facts:
    """What was seen of one page."""

    status: int
    axe: list[Any]
    #: Widths at which it is wider than its window.
    wide: list[int] = field(default_factory=list)
    #: What is pressed, and lower than 24 pixels.
    small: list[str] = field(default_factory=list)
    help_at: str = ""
    #: Bytes of the page and all it needs.
    weight: int = 0


@pytest.fixture(scope="module")
def tour(site: Site, helena: Person, chromium: Browser) -> dict[str, Facts]:
    """Every page, visited once and looked at in all ways."""
    context = chromium.new_context(base_url=site.url, reduced_motion="reduce")
    # What was loaded for one page is weighed with the next one, too.
    shared = sum(len(context.request.get(f"/static/{name}").body()) for name in ("app.css", "app.js", "marks.svg"))
    seen = {}
    page = context.new_page()
    for path in NOBODY:
        seen[path] = _look(page, path, shared)
    site.sign_in(context, helena)
    library = hosted_by(site.app).application.library
    for path in (*SIGNED_IN, f"/library/{quote(next(library.browse()).id)}"):
        seen[path] = _look(page, path, shared)
    seen["/chat, while a reply comes"] = _look_at(page, _streaming(site, page), shared)
    context.close()
    context = chromium.new_context(base_url=site.url, reduced_motion="reduce")
    page = context.new_page()
    for path in ENTERING:
        seen[path] = _look_at(page, _registered(page), shared) if path == ENTERING[0] else _look(page, path, shared)
    context.close()
    return seen


def _registered(page: Page) -> Response:
    """The codes, which only whoever has just made an account sees."""
    page.goto("/register")
    page.get_by_label("Name or e-mail").fill("somebody-new")
    page.get_by_label("Password").fill("four unrelated words here")
    with page.expect_navigation() as shown:
        page.keyboard.press("Enter")
    assert page.locator(".codes li").count() == 8
    return shown.value


def _streaming(site: Site, page: Page) -> Response:
    """A reply that has begun, with a whole paragraph, and does not end while it is looked at."""
    site.script["endless"] = Drips(
        "A *first* paragraph.\n\n| a | b |\n|---|--:|\n| c | 1 |\n\nAnd then on " + "and on " * 3_000, 0.05
    )
    answer = page.goto("/chat")
    page.get_by_label("Your message").fill("endless")
    page.keyboard.press("Enter")
    page.locator(".reply td").first.wait_for()
    page.get_by_role("button", name="Stop").wait_for()
    assert answer is not None
    return answer


def _look(page: Page, path: str, shared: int) -> Facts:
    answer = page.goto(path)
    assert answer is not None
    return _look_at(page, answer, shared)


def _look_at(page: Page, answer: Response, shared: int) -> Facts:
    page.evaluate("document.querySelectorAll('main details').forEach((node) => { node.open = true })")
    facts = Facts(answer.status, _axe(page, ALL_RULES), weight=len(answer.body()) + shared)
    page.emulate_media(color_scheme="dark")
    facts.axe += _axe(page, CONTRAST)
    page.emulate_media(color_scheme="light")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            facts.wide.append(width)
        if width == 390:
            facts.small = page.evaluate(SMALL)
    facts.help_at = page.locator("header .help-now").evaluate("node => `${node.offsetLeft} ${node.offsetTop}`")
    return facts


SMALL = """[...document.querySelectorAll('button, summary, input, select, nav a, .quiet')]
    .filter((node) => node.checkVisibility() && node.getBoundingClientRect().height < 24 && node.type !== 'checkbox')
    .map((node) => node.outerHTML.slice(0, 80))"""


def _axe(page: Page, rules: dict[str, Any]) -> list[Any]:
    """What axe finds wrong."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    return [(fault["id"], [node["target"] for node in fault["nodes"]][:3]) for fault in found.response["violations"]]


def test_every_page_is_there(tour: dict[str, Facts]) -> None:
    assert {path: facts.status for path, facts in tour.items() if facts.status != 200} == {"/nowhere": 404}


def test_axe_finds_nothing_in_either_light(tour: dict[str, Facts]) -> None:
    assert {path: facts.axe for path, facts in tour.items() if facts.axe} == {}


def test_no_page_is_wider_than_its_window(tour: dict[str, Facts]) -> None:
    assert {path: facts.wide for path, facts in tour.items() if facts.wide} == {}


def test_everything_that_is_pressed_is_large_enough(tour: dict[str, Facts]) -> None:
    assert {path: facts.small for path, facts in tour.items() if facts.small} == {}


def test_help_is_at_the_same_place_on_every_page(tour: dict[str, Facts]) -> None:
    assert len({facts.help_at for facts in tour.values()}) == 1, {p: f.help_at for p, f in tour.items()}


def test_a_page_weighs_at_most_60_kilobytes_with_all_it_needs(tour: dict[str, Facts]) -> None:
    assert {path: facts.weight for path, facts in tour.items() if facts.weight > 60_000} == {}


def test_the_script_is_smaller_than_20_kilobytes() -> None:
    assert (STATIC / "app.js").stat().st_size < 20_000


def test_the_first_thing_the_keyboard_reaches_leads_past_the_menu(site: Site, helena: Person, open_page: Open) -> None:
    page = open_page(site, helena, "/journey")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_colours_that_were_chosen_stay(site: Site, helena: Person, open_page: Open) -> None:
    page = open_page(site, helena, "/help", color_scheme="light")
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.get_by_role("button", name="Lamp").click()
    night = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert night != paper
    page.goto("/terms")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == night
    assert page.get_by_role("button", name="Lamp").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="As the system").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == paper
