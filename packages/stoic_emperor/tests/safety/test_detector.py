from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoic_emperor.errors import ConfigurationError
from stoic_emperor.safety import Category, CrisisDetector, Level
from stoic_emperor.safety._rules import load_rules

DETECTOR = CrisisDetector()


def level(text: str) -> Level | None:
    finding = DETECTOR.check(text)
    return finding.level if finding else None


@pytest.mark.parametrize(
    "spelling",
    [
        "I WANT TO KILL MYSELF",
        "i want to kill my self",
        "I want to k i l l  myself",
        "I want to k.i.l.l myself",
        "I want to k1ll mys3lf",
        "I want to k*ll myself",
        "I want to kilI myself".replace("I m", "l m"),
        "I want to killlll myself",
        "I want to kill\u200b my\u00adself",
        "I want to kíll mysélf",
        "I want to ki\u0301ll myself",
        "I want to kіll myself",  # a Cyrillic і
        "I wanna unalive myself",
        "I want to kill myslef",
        "iwanttokillmyself",
        "I want to\nkill myself",
        "**I want to kill myself**",
        "kms",
    ],
)
def test_no_spelling_hides_what_is_meant(spelling: str) -> None:
    assert level(spelling) is Level.EXPLICIT


@pytest.mark.parametrize("apostrophe", ["'", "’", "ʼ", "`", "´", ""])
def test_any_apostrophe_will_do(apostrophe: str) -> None:
    assert level(f"I don{apostrophe}t want to live anymore") is Level.EXPLICIT


def test_a_finding_says_where_but_not_what() -> None:
    text = "Good evening. I think I want to kill myself, Marcus."
    finding = DETECTOR.check(text)
    assert finding is not None
    assert finding.category is Category.SUICIDE
    assert "kill myself" in text[finding.start : finding.end]
    assert finding.start >= text.index("I think")
    assert "kill" not in repr(finding).replace(finding.rule, "")


def test_the_plainest_sign_counts() -> None:
    assert level("I feel like a burden to everyone. I'm going to kill myself tonight.") is Level.EXPLICIT


@pytest.mark.parametrize(
    "weaker",
    [
        "I would never kill myself.",
        "I'm not going to kill myself.",
        "Ten years ago I tried to kill myself.",
        "My friend wants to kill himself.",
        'My son wrote "I want to die" in his diary.',
    ],
)
def test_denied_long_past_quoted_or_about_another_shows_help_quietly(weaker: str) -> None:
    assert level(weaker) is Level.INDIRECT


@pytest.mark.parametrize(
    "plain",
    [
        "I can't stop thinking about killing myself.",
        "I tried to kill myself last night.",
        "I don't know how, but I will kill myself.",
        "Not joking, I want to kill myself.",
        "I want to kill myself, Seneca did it too.",
    ],
)
def test_what_only_looks_weaker_is_not(plain: str) -> None:
    assert level(plain) is Level.EXPLICIT


def test_an_idiom_hides_no_sign_beside_it() -> None:
    assert level("This deadline is killing me and I want to die.") is Level.EXPLICIT


def test_books_are_no_alarm_but_the_reader_may_be() -> None:
    assert level("Cato's suicide is discussed in this book.") is None
    assert level('Hamlet says: "I want to die", more or less.') is None
    assert level("I finished the book on Cato. I want to die like him.") is Level.EXPLICIT


def test_a_distance_is_no_sign() -> None:
    assert level("I ran 10 kms this morning.") is None


@given(st.text(st.characters(codec=None), max_size=400))
@settings(deadline=None, max_examples=150)
def test_any_unicode_is_read(text: str) -> None:
    finding = DETECTOR.check(text)
    assert finding is None or 0 <= finding.start <= finding.end <= len(text)


@given(st.text(max_size=60), st.text(max_size=60))
@settings(deadline=None, max_examples=60)
def test_words_around_a_sign_do_not_hide_it(before: str, after: str) -> None:
    assert DETECTOR.check(f"{before}. \n I want to kill myself. \n {after}") is not None


HOSTILE = {
    "beginnings": "i want to ",
    "letters": "k i l l ",
    "one word": "a",
    "run together": "iwanttodie",
    "stars": "k*",
    "denials": "not kill myself ",
    "quotes": '"',
    "marks": "a\u0301\u200d",
    "surrogates": "\ud800",
    "gaps": "how many pills and how many tablets ",
    "stops": ". ",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_of_100_kb_costs_little_and_in_proportion(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        started = time.process_time()
        DETECTOR.check(text)
        return time.process_time() - started

    # The least of two: other programs are at work here, too.
    quarter, whole = (min(seconds(size), seconds(size)) for size in (25_000, 100_000))
    assert whole < 6
    assert whole < max(8 * quarter, 0.3)  # quadratic work would make it sixteen times


def test_a_damaged_rule_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match="nowhere.yaml"):
        load_rules("nowhere.yaml")
