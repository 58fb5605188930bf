"""Halves of characters become whole ones, or the sign for what cannot be read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.text import all_whole, whole

ANY = st.text(st.characters() | st.characters(categories=["Cs"]))


@given(ANY)
def test_any_text_becomes_one_that_can_be_sent_and_stays_so(text: str) -> None:
    once = whole(text)
    once.encode("utf-8")
    assert whole(once) == once


def test_two_halves_side_by_side_are_one_character_and_one_alone_is_marked() -> None:
    assert whole("a\ud83d\ude00b") == "a\U0001f600b"
    assert whole("a\ud83db") == "a\N{REPLACEMENT CHARACTER}b"
    assert whole("\ufeffa\ude00") == "\ufeffa\N{REPLACEMENT CHARACTER}"


def test_texts_inside_are_found() -> None:
    assert all_whole({"\ud800": ["\udfff", 1, None, {"x": "y"}]}) == {
        "\N{REPLACEMENT CHARACTER}": ["\N{REPLACEMENT CHARACTER}", 1, None, {"x": "y"}]
    }
