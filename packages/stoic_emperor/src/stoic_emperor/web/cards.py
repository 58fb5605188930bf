"""Contacts as a page shows them: every number can be called or written to at a touch, every address followed."""

from __future__ import annotations

import re
from functools import partial

from markupsafe import Markup, escape

from stoic_emperor.safety import ResourceCard
from stoic_emperor.web.rendering import render

_NUMBER = re.compile(r"\+?[0-9][0-9 ()/-]*[0-9]")
_ADDRESS = re.compile(r"https?://[^\s<>]+")
#: Where numbers stand on a rendered card: those of names, hours and days are none to call.
_WAYS = re.compile(r"\b(call|text) ([^,<(]*)|\b(112|911)(?= in )")


def card_html(card: ResourceCard) -> Markup:
    """The card of a conversation."""
    return Markup(_WAYS.sub(_way, render(card.as_markdown())))  # noqa: S704 - rendered


def dialled(text: str) -> Markup:
    """Numbers as a phone can call them; for the reviewed contacts only."""
    return _linked_numbers(text, "tel")


def texted(text: str) -> Markup:
    """Numbers as a phone can write to them; likewise."""
    return _linked_numbers(text, "sms")


def linked(text: str) -> Markup:
    """Addresses as links; likewise."""
    link = r'<a href="\g<0>" rel="noopener nofollow noreferrer">\g<0></a>'
    return Markup(_ADDRESS.sub(link, str(escape(text))))  # noqa: S704 - escaped


def _linked_numbers(text: str, scheme: str) -> Markup:
    return Markup(_NUMBER.sub(partial(_number, scheme), str(escape(text))))  # noqa: S704 - escaped


def _way(found: re.Match[str]) -> str:
    verb, how, local = found.groups()
    if local is not None:
        return _number("tel", found)
    return f"{verb} {_NUMBER.sub(partial(_number, 'tel' if verb == 'call' else 'sms'), how)}"


def _number(scheme: str, found: re.Match[str]) -> str:
    return f'<a href="{scheme}:{re.sub("[^+0-9]", "", found[0])}">{found[0]}</a>'
