"""Where a person finds help: reviewed contacts by country, never written by a model.

The file ``resources.yaml`` names the source of every line. Should it be unreadable, a card that depends on nothing is
shown in its place: help is never absent because something of ours is broken.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from stoic_emperor.errors import ConfigurationError
from stoic_emperor.safety._rules import read_file

_LOG = logging.getLogger(__name__)

_OPENING = (
    "This may be about something heavy. If you, or someone close to you, are in distress, "
    "a human being can do more than a program can."
)
_LISTENERS = "The people below listen to exactly this, and no special reason is needed to call them."
_EMERGENCY = "If you, or someone else, may be in danger right now, call {number}."
_NO_NUMBER = "your local emergency number (112 in Europe and from most mobile phones, 911 in much of the Americas)"
_ELSEWHERE = "Helplines in other countries, and for violence at home, eating, drink or drugs: {url}"
_ADDRESS = re.compile(r"https?://[^\s,)]+")
_CLOSING = "You can go on writing here whenever you like."


@dataclass(frozen=True, slots=True)
class Line:
    """One helpline. What is empty was not in the source."""

    name: str
    phone: str = ""
    text: str = ""
    chat: str = ""
    url: str = ""
    hours: str = ""
    languages: tuple[str, ...] = ()
    #: where this was read
    source: str = ""
    #: how old the source is, where that is known
    source_date: str = ""
    #: provider, register or press; resources.yaml explains
    basis: str = ""

    def ways(self) -> str:
        """How to reach it, in words."""
        ways = [f"{verb} {value}" for verb, value in (("call", self.phone), ("text", self.text)) if value]
        ways += [value if " " in value else f"chat: {value}" for value in (self.chat,) if value]
        if self.url and self.url != self.chat:
            ways.append(self.url)
        return ", ".join(ways)

    def details(self) -> str:
        """When, and in which languages."""
        return "; ".join(part for part in (self.hours, ", ".join(self.languages)) if part)


@dataclass(frozen=True, slots=True)
class ResourceCard:
    """What is shown: an opening, the emergency number, the lines, and how fresh they are."""

    #: ISO 3166 code, or "" where the country is not known
    country: str
    country_name: str
    emergency: str
    lines: tuple[Line, ...]
    elsewhere: str
    #: None on the card of last resort
    reviewed: date | None

    def as_text(self, opening: str | None = None) -> str:
        """The card for a terminal.

        Args:
            opening: instead of the usual one, where nothing was found.
        """
        body = [f"  {line.name} – {line.ways()}" + self._details(line) for line in self.lines]
        return "\n".join(
            [
                opening or self._opening(),
                "",
                self._emergency(),
                *body,
                self._elsewhere(),
                "",
                self._freshness(),
                _CLOSING,
            ]
        )

    def as_markdown(self) -> str:
        """The card for a page."""
        body = [f"- **{line.name}** – {line.ways()}" + self._details(line) for line in self.lines]
        blocks = [self._opening(), f"**{self._emergency()}**", "\n".join([*body, f"- {self._elsewhere()}"])]
        return "\n\n".join([*map(_linked, blocks), f"*{self._freshness()}* {_CLOSING}"])

    def _opening(self) -> str:
        return f"{_OPENING} {_LISTENERS}" if self.lines else _OPENING

    def _emergency(self) -> str:
        return _EMERGENCY.format(number=self.emergency or _NO_NUMBER)

    def _elsewhere(self) -> str:
        return _ELSEWHERE.format(url=self.elsewhere)

    def _freshness(self) -> str:
        where = f" for {self.country_name}" if self.country_name else ""
        if self.reviewed is None:
            return "The list of contacts could not be read; this is the part that needs none."
        return f"Contacts{where} reviewed on {self.reviewed.isoformat()}."

    @staticmethod
    def _details(line: Line) -> str:
        details = line.details()
        return f" ({details})" if details else ""


#: Shown when everything else is broken, so it is made of nothing but itself.
LAST_RESORT = ResourceCard("", "", "", (), "https://findahelpline.com", None)


class Resources:
    """The reviewed contacts, read once."""

    def __init__(self, content: Mapping[str, Any] | None = None) -> None:
        """Read the package's file, or take ``content`` of the same shape.

        Raises:
            ConfigurationError: The file is missing or damaged.
        """
        content = read_file("resources.yaml") if content is None else content
        try:
            self.reviewed = _date(content["reviewed"])
            self._elsewhere = str(content["international"]["url"])
            self._countries = {str(code): self._card(str(code), c) for code, c in content["countries"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError("resources.yaml of the safety package is damaged: install it again") from error

    def countries(self) -> tuple[str, ...]:
        """The countries there are contacts for."""
        return tuple(sorted(self._countries))

    def card(self, country: str | None) -> ResourceCard:
        """The card for a country, by its ISO 3166 code; the international one where it is not known."""
        code = (country or "").strip().upper()
        known = self._countries.get("GB" if code == "UK" else code)
        return known or ResourceCard("", "", "", (), self._elsewhere, self.reviewed)

    def _card(self, code: str, entry: Mapping[str, Any]) -> ResourceCard:
        lines = tuple(_line(line) for line in entry["lines"])
        reviewed = _date(entry.get("reviewed", self.reviewed))
        return ResourceCard(code, str(entry["name"]), str(entry["emergency"]), lines, self._elsewhere, reviewed)


def resources_for(country: str | None) -> ResourceCard:
    """The card for ``country``; there is always one, even if the file of contacts is damaged."""
    try:
        return Resources().card(country)
    except ConfigurationError:
        _LOG.exception("The contacts cannot be read; the card of last resort is shown")
        return LAST_RESORT


def _linked(text: str) -> str:
    """Addresses marked as such, so that they can be followed."""
    return _ADDRESS.sub(r"<\g<0>>", text)


def _line(entry: Mapping[str, Any]) -> Line:
    languages = tuple(str(language) for language in entry.get("languages", ()))
    return Line(**{key: str(value) for key, value in entry.items() if key != "languages"}, languages=languages)


def _date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
