"""The conversation: what is shown while a reply comes, and what can be done with what was said."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import capsa
from stoic_emperor.models import Message, Status, now
from stoic_emperor.testing.models import Drips, Hangs, Refuses, Says
from stoic_emperor.testing.site import Open, Site
from stoic_emperor.testing.web import hosted_by

if TYPE_CHECKING:
    from playwright.sync_api import Page


pytestmark = pytest.mark.debian("chromium")

LONG = "\n\n".join(f"Paragraph {n} of a reply that is long enough to be scrolled through." for n in range(14))
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 700}, "is_mobile": True, "has_touch": True}


def say(page: Page, words: str) -> None:
    page.get_by_label("Your message").fill(words)
    page.keyboard.press("Enter")


def done(page: Page) -> None:
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_a_conversation_from_its_first_word_to_its_place_in_the_history(
    request: pytest.FixtureRequest, open_page: Open, database: str
) -> None:
    site: Site = request.getfixturevalue("site" if database == "sqlite" else "postgres_site")
    person = site.person()
    page = open_page(site, person)
    expect(page.get_by_role("heading", level=1)).to_have_text("What is on your mind, Helena?")
    expect(page.get_by_text("You are talking with a computer program")).to_be_visible()
    say(page, "I keep thinking of **Thursday**.")
    done(page)
    expect(page.locator(".said strong")).to_have_text("Thursday")
    expect(page.locator(".reply em")).to_have_text("The second still is.")
    expect(page.locator(".notice").first).to_contain_text("computer program")
    assert "/chat/" in page.url
    say(page, "And of Friday.")
    done(page)
    expect(page.locator(".turn")).to_have_count(4)
    page.reload()
    expect(page.locator(".turn")).to_have_count(4)
    expect(page.locator(".reply em").last).to_have_text("The second still is.")
    # Said otherwise, what came after it is gone.
    page.get_by_role("button", name="Reword").click()
    expect(page.get_by_label("Your message")).to_have_value("And of Friday.")
    page.get_by_label("Your message").fill("And of Saturday.")
    page.keyboard.press("Enter")
    done(page)
    expect(page.locator(".said .prose")).to_have_text(["I keep thinking of Thursday.", "And of Saturday."])
    page.get_by_role("button", name="Ask again").click()
    done(page)
    expect(page.locator(".turn")).to_have_count(4)
    assert [m.content for m in person.messages(person.sessions()[0].session.id) if m.role == "user"] == [
        "I keep thinking of **Thursday**.",
        "And of Saturday.",
    ]
    page.get_by_role("link", name="History").click()
    page.get_by_label("Find what was said").fill("Saturday")
    page.keyboard.press("Enter")
    page.locator(".rows a").first.click()
    expect(page.locator(".turn")).to_have_count(4)
    page.get_by_role("link", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)


def test_words_appear_as_they_come_and_one_status_says_so(site: Site, open_page: Open) -> None:
    site.script["slowly"] = Drips("One two three four five six seven eight. " * 4, 0.05)
    page = open_page(site, site.person())
    status = page.locator(".composer [role=status]")
    say(page, "slowly")
    expect(status).to_have_text("Marcus is composing.")
    expect(page.locator(".reply .tail")).to_contain_text("three")
    assert page.get_by_role("log").get_attribute("aria-live") == "off"
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    done(page)
    expect(status).to_contain_text("Marcus wrote: One two three")


def test_a_reply_is_stopped_by_escape_and_what_was_shown_is_kept(site: Site, open_page: Open) -> None:
    site.script["stop me"] = Drips("Word after word after word. " * 40, 0.05)
    person = site.person()
    page = open_page(site, person)
    say(page, "stop me")
    expect(page.locator(".reply .tail")).to_contain_text("after word")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Stopped here.")).to_be_visible()
    done(page)
    kept = person.recent_messages()[-1]
    assert kept.status.value == "stopped"
    assert page.locator(".reply .prose").inner_text().strip() == kept.content.strip()


def test_a_reply_is_stopped_by_its_button_with_nothing_typed(site: Site, open_page: Open) -> None:
    site.script["stop by button"] = Drips("Word after word after word. " * 40, 0.05)
    page = open_page(site, site.person())
    say(page, "stop by button")
    expect(page.locator(".reply .tail")).to_contain_text("after word after")
    expect(page.get_by_label("Your message")).to_have_value("")
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped here.")).to_be_visible()
    done(page)


def test_what_was_said_is_put_otherwise_while_it_is_still_being_answered(site: Site, open_page: Open) -> None:
    site.script["too early"] = Drips("Word after word after word. " * 40, 0.05)
    person = site.person()
    page = open_page(site, person)
    say(page, "too early")
    expect(page.locator(".reply .tail")).to_contain_text("after word")
    page.get_by_role("button", name="Reword").click()
    expect(page.get_by_label("Your message")).to_have_value("too early")
    page.get_by_label("Your message").fill("in its time")
    page.keyboard.press("Enter")
    expect(page.locator(".reply em")).to_have_text("The second still is.")
    done(page)
    assert [m.content for m in person.recent_messages() if m.role == "user"] == ["in its time"]


def test_the_page_can_be_reloaded_in_the_middle_of_a_reply(site: Site, open_page: Open) -> None:
    site.script["reload"] = Drips("First paragraph of it.\n\nSecond one, still being said here. " * 3 + "End.", 0.06)
    page = open_page(site, site.person())
    say(page, "reload")
    expect(page.locator(".reply .prose")).to_contain_text("First paragraph")
    page.reload()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    done(page)
    expect(page.locator(".reply .prose")).to_contain_text("End.")
    expect(page.locator(".turn")).to_have_count(2)
    assert page.locator(".reply .prose").inner_text().count("First paragraph") == 3


def test_a_long_paragraph_stands_there_once_after_reloading(site: Site, open_page: Open) -> None:
    site.script["one long"] = Drips("Word0 word1 word2 word3. " + "and so on " * 40, 0.05)
    page = open_page(site, site.person())
    say(page, "one long")
    expect(page.locator(".reply .tail")).to_contain_text("and so on and so on")
    page.wait_for_timeout(1_500)
    page.reload()
    expect(page.locator(".reply .tail")).to_contain_text("and so on")
    assert page.locator(".reply .prose").inner_text().count("Word0") == 1
    page.keyboard.press("Escape")
    done(page)


def test_a_line_that_breaks_is_taken_up_again(site: Site, open_page: Open) -> None:
    site.script["broken line"] = Drips("It goes on and on and on until here. " * 3 + "End.", 0.05)
    page = open_page(site, site.person())
    # The first answer ends in its middle, as when a proxy gives up.
    page.add_init_script(
        """const real = fetch; let broken = false;
        globalThis.fetch = async (url, ...rest) => {
          const answer = await real(url, ...rest);
          if (broken || !String(url).endsWith('/chat/stream')) return answer;
          broken = true;
          const reader = answer.body.getReader();
          let left = 4;
          return new Response(new ReadableStream({ async pull(to) {
            const { value, done } = await reader.read();
            if (done || left-- === 0) { to.close(); reader.cancel(); } else to.enqueue(value);
          } }), answer);
        };"""
    )
    page.reload()
    say(page, "broken line")
    done(page)
    assert page.locator(".reply .prose").inner_text().strip().endswith("End.")
    assert page.locator(".reply .prose").inner_text().count("It goes on") == 3


def test_who_reads_further_up_is_not_pulled_down(site: Site, open_page: Open) -> None:
    site.script["long"] = Drips(LONG, 0.02)
    page = open_page(site, site.person(), viewport={"width": 800, "height": 500})
    say(page, "long")
    expect(page.locator(".reply .prose")).to_contain_text("Paragraph 7")
    bottom = "document.documentElement.scrollHeight - innerHeight - scrollY"
    assert page.evaluate(bottom) < 120, "who is at the end stays there"
    page.mouse.move(300, 200)
    page.mouse.wheel(0, -400)
    expect(page.get_by_role("button", name="To the end")).to_be_visible()
    place = page.evaluate("scrollY")
    done(page)
    assert abs(page.evaluate("scrollY") - place) < 5
    page.get_by_role("button", name="To the end").click()
    assert page.evaluate(bottom) < 120


def test_nothing_is_sent_twice_however_fast_one_presses(site: Site, open_page: Open) -> None:
    site.script["twice"] = Drips("Only once is this said, and slowly enough. " * 6, 0.05)
    person = site.person()
    page = open_page(site, person)
    page.get_by_label("Your message").fill("twice")
    page.get_by_role("button", name="Send", exact=True).dblclick()
    page.get_by_label("Your message").fill("twice, while it speaks")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    done(page)
    assert [m.content for m in person.recent_messages() if m.role == "user"] == ["twice"]
    expect(page.locator(".reply .ended")).to_have_count(0)
    expect(page.get_by_label("Your message")).to_have_value("twice, while it speaks")


def test_what_was_typed_comes_back_when_it_could_not_be_sent(site: Site, open_page: Open) -> None:
    page = open_page(site, site.person())
    page.context.set_offline(True)
    say(page, "Keep these words.")
    expect(page.locator(".composer .error")).to_contain_text("cannot be reached")
    expect(page.get_by_label("Your message")).to_have_value("Keep these words.")
    expect(page.locator(".turn")).to_have_count(0)
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    done(page)
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".composer .error")).to_have_text("")


def test_a_model_that_fails_leaves_what_was_said_and_can_be_asked_again(site: Site, open_page: Open) -> None:
    site.script["fails"] = Refuses(400)
    person = site.person()
    page = open_page(site, person)
    say(page, "fails")
    expect(page.locator(".composer .error")).not_to_have_text("")
    expect(page.locator(".said .prose")).to_have_text("fails")
    del site.script["fails"]
    page.get_by_role("button", name="Ask again").click()
    done(page)
    expect(page.locator(".reply em")).to_have_text("The second still is.")
    expect(page.locator(".turn")).to_have_count(2)


def test_help_comes_before_everything_else(site: Site, open_page: Open) -> None:
    site.script["kill myself"] = Hangs(LONG, 120)
    page = open_page(site, site.person(), **PHONE)
    page.get_by_label("Your message").fill("I want to kill myself")
    page.get_by_role("button", name="Send", exact=True).tap()
    card = page.get_by_role("alert").filter(has_text="Samaritans")
    expect(card).to_be_visible()
    expect(card.get_by_role("link", name="116 123")).to_have_attribute("href", "tel:116123")
    expect(card.get_by_role("link", name="85258")).to_have_attribute("href", "sms:85258")
    expect(card.get_by_role("link", name="samaritans")).to_have_attribute("rel", "noopener nofollow noreferrer")
    expect(page.locator(".reply .prose")).to_contain_text("Paragraph 5")
    expect(page.get_by_role("heading", name="People who can help")).to_be_in_viewport()
    order = page.locator("#log > *").evaluate_all("nodes => nodes.map((node) => node.className)")
    assert order.index("help") < next(i for i, name in enumerate(order) if "reply" in name)
    page.keyboard.press("Escape")
    done(page)
    expect(card).to_be_visible()


def test_where_a_quotation_stands_is_shown_under_the_reply(site: Site, open_page: Open, tmp_path: Path) -> None:
    library = hosted_by(site.app).application.library
    text = tmp_path / "Meditations.txt"
    text.write_text("BOOK II\n\nBegin the morning by saying to thyself, I shall meet with the busybody.\n")
    library.import_path(text, author="Marcus Aurelius", work="Meditations")
    site.script["busybody"] = Says('He wrote: "I shall meet with the busybody."')
    page = open_page(site, site.person())
    say(page, "What about the busybody in the morning?")
    done(page)
    page.get_by_text("Sources", exact=True).click()
    expect(page.locator(".sources li").first).to_contain_text("Meditations")
    page.locator(".sources a").first.click()
    expect(page.locator(".passage.here")).to_contain_text("the busybody")


def test_a_turn_is_forgotten_with_what_came_of_it(site: Site, open_page: Open) -> None:
    person = site.person()
    page = open_page(site, person)
    say(page, "Forget this one.")
    done(page)
    page.locator("summary", has_text="Forget").click()
    expect(page.get_by_text("its place in the search")).to_be_visible()
    page.get_by_role("button", name="Forget it").click()
    expect(page.locator(".said-so").first).to_contain_text("2 messages")
    assert person.recent_messages() == []


def test_the_keyboard_alone_is_enough(site: Site, open_page: Open) -> None:
    page = open_page(site, site.person())
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "say":
            break
    page.keyboard.type("One line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and another")
    page.keyboard.press("Enter")
    done(page)
    assert page.evaluate("document.activeElement.id") == "say", "the place to write keeps the focus"
    assert page.locator(".said .prose").inner_text() == "One line\nand another"
    seen = []
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim()"))
        box = page.evaluate(
            """(() => { const at = document.activeElement.getBoundingClientRect();
            const bar = document.querySelector('.composer').getBoundingClientRect();
            return document.activeElement.closest('.composer') || at.top < bar.top; })()"""
        )
        assert box, f"{seen[-1]} is hidden behind the composer"
        if seen[-1] == "To the content":
            break
    assert {"Copy", "Ask again", "Reword", "New conversation", "Help now", "Journey"} <= set(seen)


def test_on_a_phone_the_keyboard_stays_away_while_a_reply_comes(site: Site, open_page: Open) -> None:
    site.script["phone"] = Drips("A few words, one by one.", 0.05)
    page = open_page(site, site.person(), **PHONE)
    page.get_by_label("Your message").fill("phone")
    page.get_by_role("button", name="Send", exact=True).tap()
    focused = []
    while page.get_by_role("button", name="Stop").is_visible():
        focused.append(page.evaluate("document.activeElement.id"))
        time.sleep(0.05)
    done(page)
    assert focused
    assert "say" not in {*focused, page.evaluate("document.activeElement.id")}


def stored(page: Page) -> list[str]:
    """What of somebody's words this browser keeps."""
    assert page.evaluate("localStorage.length") == 0
    kept: dict[str, str] = page.evaluate("({...sessionStorage})")
    return [value for key, value in kept.items() if key != "who"]


def test_a_draft_outlives_a_reload_in_its_tab_and_its_conversation_until_it_is_sent(
    site: Site, open_page: Open
) -> None:
    site.script["an old one"] = Says("Good.")
    person = site.person()
    old = person.begin_session(title="Old")
    person.add_message(Message(session_id=old.id, role="user", content="an old one"))
    page = open_page(site, person, f"/chat/{old.id}")
    box = page.get_by_label("Your message")
    box.fill("half a sentence")
    page.goto("/chat")
    expect(box).to_have_value("")
    box.fill("another beginning")
    page.reload()
    expect(box).to_have_value("another beginning")
    page.keyboard.press("Tab")
    box.press("Enter")
    done(page)
    assert stored(page) == ["half a sentence"]
    box.fill("typed since")
    page.reload()
    expect(box).to_have_value("typed since")
    page.goto(f"/chat/{old.id}")
    expect(box).to_have_value("half a sentence")
    # Rewording borrows the place to write, and gives it back.
    page.get_by_role("button", name="Reword").click()
    expect(box).to_have_value("an old one")
    page.get_by_role("button", name="Leave it as it was").click()
    expect(box).to_have_value("half a sentence")
    page.goto("/history")
    item = page.locator(".rows li", has_text="Old")
    item.locator("summary", has_text="Erase").click()
    item.get_by_role("button", name="Erase it").click()
    expect(page.locator(".said-so[tabindex]")).to_be_focused()
    assert stored(page) == ["typed since"]


def test_a_draft_is_gone_with_who_wrote_it(site: Site, open_page: Open) -> None:
    page = open_page(site, site.person())
    page.get_by_label("Your message").fill("mine alone")
    elsewhere = page.context.new_page()
    elsewhere.goto("/account")
    elsewhere.get_by_role("button", name="Sign out", exact=True).click()
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("Sign in")
    site.sign_in(page.context, site.person("Boris"))
    page.reload()
    expect(page.get_by_label("Your message")).to_have_value("")
    assert stored(page) == []
    page.get_by_label("Your message").fill("mine, too")
    page.goto("/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert stored(page) == []


def test_a_first_message_that_is_refused_stays_in_its_place_and_leaves_no_conversation(
    site: Site, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = site.person()
    page = open_page(site, person, "/chat")
    talking = hosted_by(site.app).talking
    monkeypatch.setattr(talking, "_most", 0)
    say(page, "What will become of this?")
    expect(page.locator(".composer .error")).to_contain_text("replies are used up")
    expect(page.get_by_label("Your message")).to_have_value("What will become of this?")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.get_by_text("You are talking with a computer program")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Your message")).to_have_value("What will become of this?")
    assert person.sessions() == []
    monkeypatch.setattr(talking, "_most", 100)
    page.get_by_role("button", name="Send", exact=True).click()
    done(page)
    expect(page.locator(".turn")).to_have_count(2)
    assert len(person.sessions()) == 1
    assert stored(page) == []


def test_what_breaks_before_anything_is_stored_gives_the_words_back(
    site: Site, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(site, site.person(), "/chat")
    with monkeypatch.context() as broken:
        broken.setattr("stoic_emperor.infrastructure.person.Person.add_message", _away)
        say(page, "Do not lose this.")
        expect(page.locator(".composer .error")).to_contain_text("cannot be reached")
    expect(page.get_by_label("Your message")).to_have_value("Do not lose this.")
    expect(page.locator(".turn")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Your message")).to_have_value("Do not lose this.")


def test_what_breaks_before_the_reply_leaves_the_words_where_they_are_stored(
    site: Site, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = site.person()
    page = open_page(site, person, "/chat")
    with monkeypatch.context() as broken:
        broken.setattr("stoic_emperor.companion.companion.Companion._context", _away)
        say(page, "This is stored.")
        expect(page.locator(".composer .error")).to_contain_text("cannot be reached")
    expect(page.get_by_label("Your message")).to_have_value("")
    expect(page.locator(".turn")).to_have_count(1)
    page.get_by_role("button", name="Ask again").click()
    done(page)
    assert [message.role for message in person.recent_messages()] == ["user", "emperor"]


def test_contacts_that_come_with_a_refusal_can_be_followed(
    site: Site, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(site, site.person(), "/chat")
    monkeypatch.setattr(hosted_by(site.app).talking, "_most", 0)
    say(page, "I want to die. I have the pills here.")
    expect(page.locator("#log .help a").first).to_be_visible()
    error = page.locator(".composer .error")
    expect(error).to_contain_text("replies are used up")
    expect(error).not_to_contain_text("danger")
    expect(page.get_by_label("Your message")).to_have_value("I want to die. I have the pills here.")


def _away(*_: object, **__: object) -> None:
    raise capsa.DatabaseUnavailable("the database went away")


def test_a_reply_that_another_process_gives_is_read_to_its_end_without_reloading(site: Site, open_page: Open) -> None:
    person = site.person()
    session = person.begin_session(title="Elsewhere")
    person.add_message(Message(session_id=session.id, role="user", content="Are you there?"))
    reply = Message(session_id=session.id, role="emperor", content="", status=Status.STREAMING)
    person.add_message(reply)
    page = open_page(site, person, f"/chat/{session.id}")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    person.finish_message(reply.id, "I am on", Status.STREAMING, now())
    expect(page.locator(".reply .prose")).to_have_text("I am on")
    person.finish_message(reply.id, "I am on *my way*.", Status.COMPLETE, reply.created_at)
    expect(page.locator(".reply em")).to_have_text("my way")
    done(page)


def test_words_said_meanwhile_in_a_terminal_end_nothing_on_the_page(site: Site, open_page: Open) -> None:
    person = site.person()
    session = person.begin_session(title="Elsewhere")
    person.add_message(Message(session_id=session.id, role="user", content="Are you there?"))
    reply = Message(session_id=session.id, role="emperor", content="I am", status=Status.STREAMING)
    person.add_message(reply)
    page = open_page(site, person, f"/chat/{session.id}")
    person.add_message(Message(session_id=session.id, role="user", content="These wait for its end"))
    person.finish_message(reply.id, "I am on", Status.STREAMING, now())
    expect(page.locator(".reply .prose")).to_have_text("I am on")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    person.finish_message(reply.id, "I am here.", Status.COMPLETE, reply.created_at)
    expect(page.locator(".reply .prose")).to_have_text("I am here.")
    done(page)
    expect(page.locator(".composer .error")).to_have_text("")


def test_what_is_said_while_a_terminal_is_answered_stays_in_its_box(site: Site, open_page: Open) -> None:
    person = site.person()
    session = person.begin_session(title="Elsewhere")
    page = open_page(site, person, f"/chat/{session.id}")
    reply = Message(session_id=session.id, role="emperor", content="To the terminal", status=Status.STREAMING)
    person.add_message(reply)
    say(page, "And to me?")
    expect(page.locator(".composer .error")).to_contain_text("answered elsewhere just now, in a terminal")
    expect(page.get_by_label("Your message")).to_have_value("And to me?")
    person.finish_message(reply.id, "To the terminal.", Status.COMPLETE, reply.created_at)
    page.get_by_role("button", name="Send", exact=True).click()
    done(page)
    expect(page.locator(".said .prose")).to_have_text(["And to me?"])
    assert [m.content for m in person.messages(session.id) if m.role == "user"] == ["And to me?"]
