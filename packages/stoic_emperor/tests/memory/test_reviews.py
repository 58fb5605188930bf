"""What reviewers thought of a portrait, read from its log."""

from __future__ import annotations

from typing import Any

import pytest

from stoic_emperor.memory.reviews import Reviews, reviews_of
from stoic_emperor.models import Profile


def portrait(log: Any) -> Profile:
    return Profile(user_id="anna", content="…", consensus_log=log)


def test_the_last_round_counts() -> None:
    review = {"approved": True, "agreements": ["the boats"], "concerns": []}
    doubt = {"approved": False, "agreements": [], "concerns": ["too sure", "no source"]}
    log = {
        "consensus": False,
        "rounds": [
            {"number": 1, "reviews": {"one": doubt, "two": doubt}},
            {"number": 2, "reviews": {"one": review, "two": doubt}},
        ],
    }
    assert reviews_of(portrait(log)) == Reviews(
        False, agreed={"one": ["the boats"]}, disagreed={"two": ["too sure", "no source"]}
    )


def test_of_one_model_nobody_was_asked() -> None:
    assert reviews_of(portrait({"models": ["one"], "consensus": None, "rounds": []})) == Reviews()


@pytest.mark.parametrize(
    "log",
    [None, [], "x", {}, {"rounds": 3}, {"rounds": [3]}, {"rounds": [{"reviews": {"a": 1, "b": {"concerns": 7}}}]}],
)
def test_a_log_of_another_shape_says_nothing_and_breaks_nothing(log: Any) -> None:
    assert reviews_of(portrait(log)) == Reviews()


def test_an_earlier_programs_consensus_is_told() -> None:
    assert reviews_of(portrait({"consensus_reached": True})).consensus is True
