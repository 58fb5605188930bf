from __future__ import annotations

from datetime import date

import pytest

from stoic_emperor.errors import ConfigurationError
from stoic_emperor.safety import Resources, resources, resources_for

EXPECTED = {
    "US", "CA", "GB", "IE", "AU", "NZ", "DE", "AT", "CH", "FR", "BE", "NL", "ES",
    "PT", "IT", "PL", "SE", "NO", "DK", "FI", "IN", "ZA", "BR", "MX", "JP",
}  # fmt: skip


def test_there_are_contacts_for_each_promised_country() -> None:
    assert set(Resources().countries()) >= EXPECTED


@pytest.mark.parametrize("country", sorted(EXPECTED))
def test_each_contact_can_be_reached_and_names_its_source(country: str) -> None:
    card = resources_for(country)
    assert card.country == country
    assert card.emergency
    assert card.lines
    for line in card.lines:
        assert line.phone or line.text or line.chat
        assert line.source.startswith("http")
        assert line.basis in {"provider", "register", "press"}


@pytest.mark.parametrize("country", [None, "", "XX", "Atlantis", "\0"])
def test_an_unknown_country_gets_the_international_card(country: str | None) -> None:
    text = resources_for(country).as_text()
    assert "findahelpline.com" in text
    assert "112" in text
    assert "911" in text


@pytest.mark.parametrize("spelling", ["us", " US ", "Us"])
def test_a_country_is_found_however_it_is_written(spelling: str) -> None:
    assert "988" in resources_for(spelling).as_text()


def test_uk_is_understood() -> None:
    assert resources_for("UK") == resources_for("GB")


def test_the_card_says_when_it_was_reviewed() -> None:
    card = resources_for("US")
    assert card.reviewed is not None
    assert card.reviewed <= date.today()  # noqa: DTZ011 - a date of ours, compared with the day
    for shown in (card.as_text(), card.as_markdown()):
        assert f"reviewed on {card.reviewed.isoformat()}" in shown
        assert "988" in shown


def test_on_a_page_every_address_can_be_followed() -> None:
    for country in (*Resources().countries(), None):
        card = resources_for(country)
        addresses = {line.url for line in card.lines if line.url} | {card.elsewhere}
        assert all(f"<{address}>" in card.as_markdown() for address in addresses), country
        assert "<" not in card.as_text()


def test_a_damaged_file_still_gives_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*names: str) -> dict[str, object]:
        raise ConfigurationError("resources.yaml cannot be read")

    monkeypatch.setattr(resources, "read_file", damaged)
    text = resources_for("US").as_text()
    assert "findahelpline.com" in text
    assert "911" in text


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"reviewed": "yesterday", "international": {"url": "x"}, "countries": {}},
        {"reviewed": "2026-01-01", "international": None, "countries": {}},
        {"reviewed": "2026-01-01", "international": {"url": "x"}, "countries": {"US": {"lines": [{"fax": "1"}]}}},
    ],
)
def test_content_of_the_wrong_shape_is_an_error_that_names_the_file(content: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=r"resources\.yaml"):
        Resources(content)
