"""The countries that a person may choose, for the numbers of help."""

from __future__ import annotations

from functools import cache

from stoic_emperor.safety import resources_for
from stoic_emperor.safety.resources import Resources


@cache
def _countries() -> dict[str, str]:
    resources = Resources()
    return {code: resources.card(code).country_name for code in resources.countries()}


def choices(chosen: str | None) -> list[tuple[str, str]]:
    """Code and name of the countries there are contacts for, and of the one that is chosen."""
    named = dict(_countries())
    if chosen:
        named.setdefault(chosen, chosen)
    return sorted(named.items(), key=lambda item: item[1])


def known_country(code: str | None) -> str | None:
    """The code of a country there are contacts for, or None."""
    code = (code or "").strip().upper()
    return code if code in _countries() else None


def reviewed() -> str:
    """When the contacts were reviewed."""
    day = resources_for(None).reviewed
    return "a day that is not known" if day is None else f"{day.day} {day:%B %Y}"
