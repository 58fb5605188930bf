"""Places are compared as a reader would."""

from __future__ import annotations

import random

import pytest

from stoic_emperor.library.order import in_order
from stoic_emperor.library.passages import Passage


@pytest.mark.parametrize(
    "places",
    [
        ["1", "2", "10", "13A", "14-15", "20"],
        ["1.9", "1.10", "2.1", "10.3"],
        ["Book I", "Book II", "Book IX", "Book XL"],
        ["Book II, Chapter 2", "Book II, Chapter 10", "Book IV, Chapter 1"],
        ["Letter 2", "Letter 13", "Letter 104"],
    ],
)
def test_places_have_an_order(places: list[str]) -> None:
    found = [Passage(id=place, text="x", place=place, position=i) for i, place in enumerate(places)]
    random.Random(7).shuffle(found)
    assert [p.place for p in in_order(found)] == places


@pytest.mark.parametrize("places", [["Preface", "Book I"], ["Book II", "Appendix 1", "Book I"], [None, "2", "1"]])
def test_where_places_cannot_be_compared_the_file_decides(places: list[str | None]) -> None:
    found = [Passage(id=str(i), text="x", place=place, position=i) for i, place in enumerate(places)]
    assert in_order(reversed(found)) == found


def test_pieces_of_one_place_stay_as_they_follow_each_other() -> None:
    found = [Passage(id=str(i), text="x", place="Book I", position=i) for i in range(12)]
    assert in_order(reversed(found)) == found
