"""Weeks as a board of pegs."""

from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree as ET

from stoic_emperor.web.pages.picture import pegs

MONDAY = dt.date(2026, 3, 2)


def weeks(*counts: dict[str, int], step: int = 1) -> list[tuple[dt.date, dict[str, int]]]:
    return [(MONDAY + dt.timedelta(weeks=at * step), found) for at, found in enumerate(counts)]


def drawn(*counts: dict[str, int], step: int = 1) -> ET.Element:
    made = pegs(weeks(*counts, step=step), "Moods")
    assert made is not None
    return ET.fromstring(made)


def test_nothing_is_no_picture() -> None:
    assert pegs([], "Moods") is None
    assert pegs(weeks({}, {}), "Moods") is None


def test_there_is_a_peg_where_something_was_and_a_hole_in_every_other_week() -> None:
    picture = drawn({"calm": 1}, {}, {"calm": 4, "sad": 1}, step=2)
    circles = [(one.get("class"), float(one.get("r", 0))) for one in picture.iter("circle")]
    assert len(circles) == 2 * 8, "eight weeks at least, a row each"
    calm = [radius for kind, radius in circles[:8] if kind == "peg"]
    assert len(calm) == 2
    assert calm[1] > calm[0], "more often is larger"


def test_it_is_named_for_those_who_do_not_see_it_and_rows_come_by_how_often() -> None:
    picture = drawn({"calm": 1, "sad": 2, "glad": 2})
    assert picture.get("role") == "img"
    assert picture.findtext("title") == "Moods"
    words = [text.text for text in picture.iter("text") if not text.get("class")]
    assert words == ["glad", "sad", "calm"]


def test_half_a_year_and_six_rows_are_shown_at_most() -> None:
    picture = drawn(*({f"mood {n}": 1 for n in range(9)} for _ in range(80)))
    assert len(list(picture.iter("circle"))) == 26 * 6


def test_what_people_say_stays_text() -> None:
    picture = drawn({'<script>alert(1)</script>"&': 1, "a" * 99: 1})
    texts = [text.text or "" for text in picture.iter("text")]
    assert '<script>alert(1)</script>"&' in texts
    assert all(len(text) <= 40 for text in texts)
    assert not list(picture.iter("script"))
