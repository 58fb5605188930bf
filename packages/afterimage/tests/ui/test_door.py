"""Who comes in: whoever has the link, once, from a page of ours; and nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from afterimage.storage import SQLiteBackend
from afterimage.testing_pages import Visitor, visiting

PAGES = ("overview", "search", "sessions", "files", "entry?id=x", "forget?kind=entry&entry=x", "nothing")


@pytest.fixture
def visitor(home: Path) -> Iterator[Visitor]:
    """Who comes in is the same on every database."""
    with SQLiteBackend(home / "m.db") as backend, visiting(backend, home / ".afterimage") as made:
        yield made


@pytest.fixture
def outside(visitor: Visitor) -> Visitor:
    """Somebody of this machine who knows the address, and has no cookie."""
    visitor.client.cookies.clear()
    return visitor


@pytest.mark.parametrize("page", PAGES)
def test_without_the_cookie_there_is_nothing(outside: Visitor, page: str) -> None:
    answer = outside.get(page)
    assert answer.status_code == 403
    assert "A link is needed" in answer.text


def test_who_followed_a_link_from_elsewhere_is_told_how_to_go_on(outside: Visitor) -> None:
    """A strict cookie is not sent along such a link, though the browser has it."""
    page = outside.get("entry?id=x").text
    assert '<a href="">Open this page from here</a>' in page
    assert "<code>afterimage ui</code>" in page
    nowhere = outside.client.get("/").text
    assert '<a href="">' not in nowhere, "it would lead nowhere"
    assert "<code>afterimage ui</code>" in nowhere


def test_nothing_is_found_outside_the_folder_either(visitor: Visitor) -> None:
    assert {visitor.client.get(path).status_code for path in ("/", "/overview", "/docs", "/../etc/passwd")} == {403}


def test_a_link_is_good_once(outside: Visitor) -> None:
    link = outside.door.link()
    assert outside.client.get(link).status_code == 200
    assert outside.get("overview").status_code == 200
    outside.client.cookies.clear()
    assert outside.client.get(link).status_code == 403


def test_a_new_link_puts_an_end_to_the_one_before(outside: Visitor) -> None:
    before = outside.door.link()
    outside.door.link()
    assert outside.client.get(before).status_code == 403


@pytest.mark.parametrize("token", ["", "x", "é", "\udcff"])
def test_no_other_token_opens(outside: Visitor, token: str) -> None:
    outside.door.link()
    assert not outside.door.enter(token)
    assert outside.client.get("/enter", params={"token": token.encode("utf-8", "replace").decode()}).status_code == 403


def test_who_stands_outside_makes_the_terminal_show_a_new_link_if_the_first_is_spent(outside: Visitor) -> None:
    outside.client.get("/")
    outside.client.get("/")
    assert len(outside.told) == 1, "not too often"
    assert outside.client.get(outside.told[0]).status_code == 200


def test_a_link_that_waits_is_not_replaced(outside: Visitor) -> None:
    link = outside.door.link()
    outside.client.get("/")
    assert outside.told == []
    assert outside.client.get(link).status_code == 200


def test_the_cookie_is_for_this_folder_no_script_and_no_other_site(visitor: Visitor) -> None:
    cookie = visitor.client.get(visitor.door.link()).headers["set-cookie"]
    assert f"Path={visitor.door.folder}" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age" not in cookie


def test_coming_in_leads_on_from_a_page_of_ours(visitor: Visitor) -> None:
    """A strict cookie would not go along a redirection that a file or another site began."""
    page = visitor.client.get(visitor.door.link())
    assert page.status_code == 200
    assert f'http-equiv="refresh" content="0; url={visitor.door.folder}/overview"' in page.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "localhost:8777", "127.0.0.1:8777.evil"])
def test_another_host_is_answered_nothing(visitor: Visitor, host: str) -> None:
    for path in (f"{visitor.door.folder}/overview", "/static/app.css", "/enter"):
        answer = visitor.client.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert "AfterImage" not in answer.text
    assert visitor.told == []


def test_every_answer_forbids_scripts_frames_caches_and_other_places(visitor: Visitor) -> None:
    answers: list[Any] = [visitor.get(page) for page in PAGES]
    answers += [visitor.client.get(path) for path in ("/", "/static/app.css", "/static/nothing", visitor.door.link())]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert not re.search(r"<script|<style| style=|javascript:", answer.text)
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", answer.text)


def test_only_our_two_files_are_given_out(visitor: Visitor) -> None:
    assert visitor.client.get("/static/app.css").headers["content-type"].startswith("text/css")
    assert visitor.client.get("/static/mark.svg").headers["content-type"] == "image/svg+xml"
    for name in ("..%2fapp.py", "%2fetc%2fpasswd", "app.py", "."):
        assert visitor.client.get(f"/static/{name}").status_code in {403, 404}
