"""Coming in and leaving: with JavaScript and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from stoic_emperor.testing.site import Open, Site

pytestmark = [pytest.mark.debian("chromium"), pytest.mark.slow]

PASSWORD = "four unrelated words here"


@pytest.mark.parametrize("javascript", [True, False])
def test_somebody_new_makes_an_account_and_comes_back_by_a_recovery_code(
    site: Site, open_page: Open, *, javascript: bool
) -> None:
    login = f"helena-{javascript}@example.org"
    page = open_page(site, None, "/journey", java_script_enabled=javascript)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Name or e-mail").fill(login)
    page.get_by_label("Password").fill("password1234")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Name or e-mail")).to_have_value(login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".codes li")).to_have_count(8)
    codes = page.locator(".codes li").all_inner_texts()
    page.get_by_role("link", name="I have kept them").click()
    # Nobody gets past the first questions.
    page.goto("/journey")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")
    assert not page.get_by_role("checkbox").nth(1).is_checked(), "consent is given, not taken"
    page.get_by_label("How do you want to be called?").fill("Helena")
    page.get_by_label("Where are you?").select_option("DE")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Journey")
    expect(page.get_by_text("you have not agreed that what you write is analysed")).to_be_visible()
    page.goto("/help")
    expect(page.get_by_label("Contacts for another country")).to_have_value("DE")
    page.goto("/account")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_role("link", name="I have lost my password").click()
    page.get_by_label("Name or e-mail").fill(login)
    page.get_by_label("Recovery code").fill(codes[0])
    page.get_by_label("New password").fill(f"{PASSWORD} and more")
    page.get_by_role("button", name="Choose it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Helena")


def test_who_reloads_the_page_with_the_codes_is_told_the_truth_and_loses_nothing(site: Site, open_page: Open) -> None:
    page = open_page(site, None, "/register")
    page.get_by_label("Name or e-mail").fill("reloads")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".codes li")).to_have_count(8)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    expect(page.get_by_text("cannot be shown again")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make new codes").click()
    expect(page.locator(".codes li")).to_have_count(8)
    codes = page.locator(".codes li").all_inner_texts()
    page.reload()
    expect(page.get_by_text("8 are unused")).to_be_visible()
    other = open_page(site, None, "/recover")
    other.get_by_label("Name or e-mail").fill("reloads")
    other.get_by_label("Recovery code").fill(codes[0])
    other.get_by_label("New password").fill(f"{PASSWORD} and more")
    other.get_by_role("button", name="Choose it").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Welcome")


def test_a_wrong_password_is_told_and_a_right_one_leads_on(site: Site, open_page: Open) -> None:
    page = open_page(site, None, "/register")
    page.get_by_label("Name or e-mail").fill("marcia")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".codes")).to_be_visible()
    other = open_page(site, None, "/library")
    other.get_by_label("Name or e-mail").fill("marcia")
    other.get_by_label("Password").fill("not this one, surely")
    other.keyboard.press("Enter")
    expect(other.get_by_role("alert")).to_contain_text("do not belong together")
    expect(other.get_by_label("Name or e-mail")).to_have_value("marcia")
    other.get_by_label("Password").fill(PASSWORD)
    other.keyboard.press("Enter")
    expect(other.get_by_role("heading", level=1)).to_have_text("Welcome")


def test_without_being_of_age_nobody_comes_in(site: Site, open_page: Open) -> None:
    page = open_page(site, None, "/register", java_script_enabled=False)
    page.get_by_label("Name or e-mail").fill("young")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".codes")).to_be_visible()
    page.goto("/welcome")
    page.locator("input[name=adult]").evaluate("node => node.removeAttribute('required')")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("for adults")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")
