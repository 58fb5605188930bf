"""Halves of characters become whole ones, or the sign for what cannot be read; names are what is seen of them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.text import all_whole, plain_line, whole

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


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Anna \n Maria ", "Anna Maria"),
        ("\u202egnp.exe", "gnp.exe"),
        ("A\x00n\x1bn\u200ba\ufeff", "Anna"),
        ("\u2066x\u2069\u200f", "x"),
        ("שרה", "שרה"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚀 ❤\ufe0f", "👩\u200d🚀 ❤\ufe0f"),
        ("\u200b\u2060\u3164", ""),
        ("\u200d\u200c", ""),
        (" \t\n", ""),
    ],
)
def test_a_name_is_what_is_seen_of_it(given: str, kept: str) -> None:
    assert plain_line(given) == kept


@given(ANY)
def test_no_name_turns_what_follows_it_round_or_breaks_its_line(text: str) -> None:
    line = plain_line(text)
    assert plain_line(line) == line
    assert not any(
        unicodedata.bidirectional(sign) in {"RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI"} for sign in line
    )
    assert not any(unicodedata.category(sign) in {"Cc", "Zl", "Zp"} for sign in line)
