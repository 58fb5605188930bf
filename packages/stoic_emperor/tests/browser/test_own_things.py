"""What is a person's own: history, what is remembered, files, account, and the end of it."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import FilePayload, expect

from stoic_emperor.hosting.waiting import Task
from stoic_emperor.models import CondensedSummary, Message, SemanticInsight, now
from stoic_emperor.testing.site import Open, Site
from stoic_emperor.testing.web import hosted_by

pytestmark = [pytest.mark.debian("chromium"), pytest.mark.slow]


def test_a_conversation_is_renamed_copied_and_erased_with_a_receipt(site: Site, open_page: Open) -> None:
    person = site.person()
    session = person.begin_session(title="The boat")
    person.add_message(Message(session_id=session.id, role="user", content="I build a boat"))
    page = open_page(site, person, "/history")
    page.locator("summary", has_text="Rename").click()
    page.get_by_label("Title").fill("The ark")
    page.get_by_role("button", name="Keep the title").click()
    expect(page.locator(".rows .title")).to_have_text("The ark")
    expect(page.get_by_role("link", name="The ark")).to_be_focused()
    expect(page.locator("#told")).to_have_text("The title is now: The ark")
    with page.expect_download() as copied:
        page.get_by_role("link", name="Download").click()
    assert "I build a boat" in copied.value.path().read_text()
    expect(page.locator("h2 .count")).to_have_text("1")
    page.locator("summary", has_text="Erase").click()
    expect(page.get_by_text("everything said in it")).to_be_visible()
    page.get_by_role("button", name="Erase it").click()
    expect(page.locator(".said-so[tabindex]")).to_contain_text("1 conversation")
    expect(page.locator(".said-so[tabindex]")).to_be_focused()
    expect(page.locator("h2 .count")).to_have_text("0")
    assert person.sessions() == []


def test_what_is_remembered_is_put_right_forgotten_and_paused(site: Site, open_page: Open) -> None:
    person = site.person()
    session = person.begin_session()
    said = person.add_message(Message(session_id=session.id, role="user", content="I build boats"))
    for text in ("They build ships.", "They hate water."):
        person.add_insight(SemanticInsight(user_id=person.user_id, source_message_id=said.id, assertion=text))
    person.add_summary(CondensedSummary(user_id=person.user_id, content="Boats.", period_start=now(), period_end=now()))
    page = open_page(site, person, "/journey")
    expect(page.locator(".insight").first).to_contain_text("I build boats")
    ships = page.locator(".insight", has_text="They build ships.")
    ships.locator("summary", has_text="Put it right").click()
    ships.get_by_label("What is right instead").fill("They build boats.")
    ships.get_by_role("button", name="Keep it so").click()
    expect(page.locator(".insight", has_text="They build boats.")).to_contain_text("in your own words")
    water = page.locator(".insight", has_text="They hate water.")
    water.locator("summary", has_text="Forget").click()
    water.get_by_role("button", name="Forget it").click()
    expect(page.locator(".said-so[tabindex]")).to_contain_text("1 insight")
    assert page.evaluate("document.activeElement.className") == "said-so", "the receipt is where one is"
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_text("It has been paused since")).to_be_visible()
    user = person.get()
    assert user is not None
    assert user.paused_at is not None
    page.get_by_role("button", name="Go on remembering").click()
    expect(page.get_by_role("button", name="Pause it")).to_be_visible()
    assert [insight.assertion for insight in person.insights()] == ["They build boats."]
    page.get_by_role("button", name="Write a new portrait").click()
    expect(page.get_by_text("It will be written")).to_be_visible()


async def _nothing(_most: int) -> list[Task]:
    return []


def test_the_past_is_read_when_one_asks_for_it_and_how_far_it_is_is_shown(
    site: Site, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = site.person()
    then = now() - dt.timedelta(days=30)
    session = person.begin_session(created_at=then)
    for said in ("I build boats", "I sail them"):
        person.add_message(Message(session_id=session.id, role="user", content=said, created_at=then))
        person.add_message(Message(session_id=session.id, role="emperor", content="Good.", created_at=then))
    page = open_page(site, person, "/journey")
    expect(page.get_by_text("2 turns of before then are not read")).to_be_visible()
    told = page.locator("[data-follow] output")
    with monkeypatch.context() as busy:
        busy.setattr(hosted_by(site.app).worker, "_take", _nothing)
        page.get_by_role("button", name="Reflect on what was said before").click()
        expect(told).to_have_text("Is being read")
        expect(page.locator("[data-follow] progress")).to_have_attribute("max", "2")
    expect(told).to_have_text("Read")
    expect(page.locator("[data-follow] progress")).to_have_count(0)
    page.reload()
    expect(page.locator(".insight")).to_contain_text("They build boats.")
    expect(page.get_by_role("button", name="Reflect on what was said before")).to_have_count(0)


def test_a_journal_is_brought_along_and_read(site: Site, open_page: Open) -> None:
    person = site.person()
    page = open_page(site, person, "/import")
    page.locator("#journal").set_input_files(
        {"name": "2024-01-03.md", "mimeType": "text/markdown", "buffer": b"# Snow\n\nIt snowed on the boat.\n"}
    )
    page.get_by_role("button", name="Bring them along").click()
    expect(page.locator("#uploads output").first).to_have_text("Read")
    page.reload()
    expect(page.locator("#uploads output").first).to_have_text("A conversation was made of it")
    assert len(person.sessions()) == 1
    page.locator("#journal").set_input_files({"name": "x.exe", "mimeType": "text/plain", "buffer": b"x"})
    page.get_by_role("button", name="Bring them along").click()
    expect(page.get_by_role("alert").first).to_contain_text("cannot be read here")


def test_of_several_files_that_are_refused_each_is_named(site: Site, open_page: Open) -> None:
    page = open_page(site, site.person(), "/import")
    expect(page.get_by_text("Nothing yet.")).to_be_visible()
    files: dict[str, bytes] = {"one.exe": b"x", "good.md": b"It snowed.\n", "two.pdf": b"x", "three.md": b""}
    payloads: list[FilePayload] = [
        {"name": name, "mimeType": "text/plain", "buffer": content} for name, content in files.items()
    ]
    page.locator("#journal").set_input_files(payloads)
    page.get_by_role("button", name="Bring them along").click()
    error = page.locator("form[data-import=journal] .error")
    for name in ("one.exe", "two.pdf", "three.md"):
        expect(error).to_contain_text(name)
    expect(error).not_to_contain_text("good.md")
    expect(page.locator("#uploads output")).to_have_text(["Read"])
    expect(page.get_by_text("Nothing yet.")).to_be_hidden()


def test_name_country_and_consent_are_changed_and_taken_back(site: Site, open_page: Open) -> None:
    person = site.person()
    page = open_page(site, person, "/account")
    page.get_by_label("How you want to be called").fill("Marcia")
    page.get_by_label("Country").select_option("US")
    page.get_by_role("button", name="Keep").first.click()
    expect(page.get_by_text("Kept.")).to_be_visible()
    page.get_by_label("A language model may read what I write").uncheck()
    page.get_by_role("button", name="Keep").nth(1).click()
    expect(page.get_by_text("Kept.")).to_have_count(2)
    user = person.get()
    assert user is not None
    assert (user.name, user.country, user.consent_at) == ("Marcia", "US", None)
    page.goto("/help")
    expect(page.get_by_role("link", name="988").first).to_have_attribute("href", "tel:988")


def test_a_sign_in_elsewhere_is_ended(site: Site, open_page: Open) -> None:
    person = site.person()
    elsewhere = open_page(site, person, "/journey")
    page = open_page(site, person, "/account")
    page.get_by_role("button", name="End it").click()
    expect(page.locator(".said-so").filter(has_text="Done.")).to_be_visible()
    elsewhere.goto("/journey")
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_every_other_browser_is_signed_out_by_one_button(site: Site, open_page: Open) -> None:
    person = site.person()
    elsewhere = [open_page(site, person, "/journey") for _ in range(2)]
    page = open_page(site, person, "/account")
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_role("status").first).to_have_text("Every other browser is signed out.")
    expect(page.get_by_role("button", name="End it")).to_have_count(0)
    expect(page.get_by_role("button", name="Sign out everywhere else")).to_have_count(0)
    for other in elsewhere:
        other.goto("/journey")
        expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_everything_is_taken_along_and_erased_with_a_receipt_table_by_table(
    request: pytest.FixtureRequest, open_page: Open, database: str
) -> None:
    site: Site = request.getfixturevalue("site" if database == "sqlite" else "postgres_site")
    person = site.person()
    session = person.begin_session(title="The boat")
    person.add_message(Message(session_id=session.id, role="user", content="I build a boat"))
    page = open_page(site, person, "/account")
    for name in ("To read (Markdown)", "For programs (JSON)"):
        with page.expect_download() as copied:
            page.get_by_role("link", name=name).click()
        assert "I build a boat" in copied.value.path().read_text()
    page.locator("summary", has_text="Erase all that is kept of me").click()
    page.get_by_label("the word “erase”").fill("no")
    if page.locator("#erase-password").count():
        page.locator("#erase-password").fill("none was set")
    page.get_by_role("button", name="Erase everything").click()
    expect(page.locator("form[data-then=receipt] .error")).to_contain_text("nothing was erased", ignore_case=True)
    page.get_by_label("the word “erase”").fill("erase")
    page.get_by_role("button", name="Erase everything").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is erased")
    rows = dict(row.inner_text().split("\t") for row in page.locator("#receipt tbody tr").all())
    assert (rows["messages"], rows["conversations"], rows["names with their settings"]) == ("1", "1", "1")
    assert person.get() is None
    page.goto("/journey")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
