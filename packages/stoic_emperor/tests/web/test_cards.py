"""On the card of a conversation every number is called or written to at a touch, and nothing else is taken for one."""

from __future__ import annotations

import re

import pytest

from stoic_emperor.safety import Resources, resources_for
from stoic_emperor.web.cards import card_html
from stoic_emperor.web.rendering import render

_LINK = re.compile(r'<a href="(tel|sms):([+0-9]+)">([^<]*)</a>')
COUNTRIES = [*Resources().countries(), ""]


def digits(text: str) -> list[str]:
    """The numbers in it, as they are dialled."""
    return [re.sub(r"[^+0-9]", "", number) for number in re.findall(r"[0-9][0-9 ()/-]*[0-9]", text)]


@pytest.mark.parametrize("country", COUNTRIES)
def test_each_number_of_each_country_is_a_link_that_dials_it(country: str) -> None:
    card = resources_for(country)
    links = _LINK.findall(card_html(card))
    called = [number for scheme, number, _ in links if scheme == "tel"]
    written = [number for scheme, number, _ in links if scheme == "sms"]
    emergency = digits(card.emergency) or ["112", "911"]
    assert called == emergency + [number for line in card.lines for number in digits(line.phone)]
    assert written == [number for line in card.lines for number in digits(line.text)]
    assert all(re.sub("[^+0-9]", "", shown) == number for _, number, shown in links)


@pytest.mark.parametrize("country", COUNTRIES)
def test_nothing_but_the_links_is_added(country: str) -> None:
    html = card_html(resources_for(country))
    assert _LINK.sub(r"\3", html) == render(resources_for(country).as_markdown())
    chats = [line.chat for line in resources_for(country).lines if line.chat.startswith("https:")]
    assert all(f'<a href="{chat}" rel="noopener nofollow noreferrer">' in html for chat in chats)
