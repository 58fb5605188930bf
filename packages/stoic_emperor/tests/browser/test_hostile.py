"""What others write does nothing on any page: names, messages, titles, imports, models, books. `open_page` asserts
that no script of theirs runs, no dialog opens and no request leaves for elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from stoic_emperor.hosting.uploads import Uploads
from stoic_emperor.models import CondensedSummary, Message, PsychUpdate, SemanticInsight, now
from stoic_emperor.testing.models import Says
from stoic_emperor.testing.site import OPERATOR, Open, Site
from stoic_emperor.testing.web import hosted_by

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.debian("chromium"), pytest.mark.slow]

WRITINGS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=https://evil.example/pixel>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "</div></main></body><style>@import 'https://evil.example/x.css'</style>",
    "<link rel=stylesheet href=https://evil.example/x.css><base href=https://evil.example/>",
    "<form action=https://evil.example><button autofocus onfocus=alert(1)>x</button></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "![x](https://evil.example/a.png)",
    "[x](javascript:alert(1)) <javascript:alert(1)> [y](data:text/html,<script>alert(1)</script>)",
    "\"' onmouseover=alert(1) autofocus onfocus=alert(1) x='\"",
    "{{ 7 * 7 }}{% for x in [1] %}{% endfor %}${alert(1)}",
    "</textarea><script>alert(1)</script></title><script>alert(1)</script><!--",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "\u202etxt.exe\u0000\ufeff",
)
CORPUS = "\n\n".join(WRITINGS)
LINE = " ".join(CORPUS.split())


def inert(page: Page) -> None:
    """Nothing came of it: nothing of theirs became a part of the page."""
    made = page.evaluate(
        """[...document.querySelectorAll('main *')].filter((node) =>
          ['SCRIPT', 'IFRAME', 'STYLE', 'LINK', 'META', 'BASE', 'IMG', 'MATH', 'OBJECT'].includes(node.tagName)
          || [...node.attributes].some((one) => one.name.startsWith('on')))
        .map((node) => node.outerHTML.slice(0, 100))"""
    )
    assert made == []
    links = page.evaluate("[...document.querySelectorAll('main a')].map((node) => node.protocol)")
    assert set(links) <= {"http:", "https:", "sms:", "tel:"}
    page.mouse.move(200, 300)


def test_nothing_that_anybody_wrote_acts_on_any_page(site: Site, open_page: Open, tmp_path: Path) -> None:
    person = site.person(LINE[:100], user_id=OPERATOR)
    session = person.begin_session(title=LINE)
    said = person.add_message(Message(session_id=session.id, role="user", content=CORPUS))
    update = PsychUpdate(emotional_state=LINE[:90], detected_patterns=[LINE[:200], "<b>bold</b>"])
    person.add_message(Message(session_id=session.id, role="emperor", content=CORPUS, psych_update=update))
    person.add_insight(SemanticInsight(user_id=person.user_id, source_message_id=said.id, assertion=LINE))
    person.add_summary(CondensedSummary(user_id=person.user_id, content=CORPUS, period_start=now(), period_end=now()))
    review = {"agreements": [LINE], "concerns": [LINE]}
    person.add_profile(CORPUS, {"consensus": True, "rounds": [{"reviews": {LINE: review}}]})
    person.add_profile(CORPUS)
    application = hosted_by(site.app).application
    with person.writing() as tx:
        application.recall(person.user_id).add_turn(said, tx)
    uploads = Uploads(application.database, person.user_id)
    failed = uploads.begin("journal", LINE, {})
    uploads.received(failed, 0)
    uploads.finish(uploads.get(failed), {"failed": [{"file": LINE, "why": LINE}], "help": CORPUS}, failed=True)
    book = tmp_path / "book.txt"
    book.write_text(f"A thought about the <b>scriptorium</b>.\n\n{CORPUS}\n".replace("\0", ""))
    application.library.import_path(book, author=f"<b>{LINE}", work=f"<i>{LINE}", source=LINE)
    (passage, *_) = application.library.browse()

    page = open_page(site, person)
    paths = (
        "/",
        "/chat",
        "/history",
        "/history?q=script",
        f"/history?q={'%3Cscript%3Ealert(1)%3C/script%3E'}",
        "/journey",
        "/library",
        "/library?q=scriptorium",
        "/library?author=%3Cscript%3Ealert(1)%3C/script%3E",
        f"/library/{passage.id.replace(':', '%3A')}",
        "/import",
        "/account",
        "/help?country=%22%3E%3Cscript%3E",
        "/nowhere/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/welcome?next=https://evil.example",
    )
    for path in paths:
        page.goto(path)
        page.evaluate("document.querySelectorAll('main details').forEach((node) => { node.open = true })")
        page.wait_for_timeout(30)
        inert(page)
    nobody = open_page(site, None, "/sign-in?next=//evil.example")
    assert nobody.locator("input[name=next]").get_attribute("value") == "/"


def test_nothing_that_a_model_streams_acts(site: Site, open_page: Open) -> None:
    site.script["hostile"] = Says(CORPUS, pieces=tuple(CORPUS[at : at + 7] for at in range(0, len(CORPUS), 7)))
    page = open_page(site, site.person(), "/chat")
    page.get_by_label("Your message").fill(f"hostile {CORPUS}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    expect(page.locator(".reply .prose")).to_contain_text("<script>alert(1)</script>")
    expect(page.locator(".said .prose")).to_contain_text("<script>alert(1)</script>")
    inert(page)
    page.get_by_role("button", name="Reword").click()
    expect(page.get_by_label("Your message")).to_have_value(re.compile(r"^hostile <script>alert\(1\)</script>\n"))


def test_a_file_name_and_what_is_typed_into_forms_do_not_act(site: Site, open_page: Open) -> None:
    page = open_page(site, site.person(), "/import")
    name = "<img src=x onerror=alert(1)>.md"
    page.locator("#journal").set_input_files(
        {"name": name, "mimeType": "text/markdown", "buffer": CORPUS.replace("\0", "").encode()}
    )
    page.get_by_role("button", name="Bring them along").click()
    expect(page.locator("#uploads output").first).to_have_text("Read")
    inert(page)
    page.goto("/account")
    page.get_by_label("How you want to be called").fill("<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Keep").first.click()
    expect(page.get_by_text("Kept.")).to_be_visible()
    page.goto("/chat")
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x")
    inert(page)
