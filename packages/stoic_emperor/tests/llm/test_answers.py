"""The types of a form's fields."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from stoic_emperor.llm.answers import Confidence, Phrases


class Form(BaseModel):
    confidence: Confidence


class Words(BaseModel):
    many: Phrases = []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (0.7, 0.7),
        (0, 0.0),
        (1, 1.0),
        (85, 0.85),
        (100, 1.0),
        ("0.7", 0.7),
        (".7", 0.7),
        ("85", 0.85),
        ("85%", 0.85),
        ("5 %", 0.05),
        ("8.5/10", 0.85),
        ("85/100", 0.85),
        ("4/5", 0.8),
        ("High", 0.85),
        (" very_high ", 0.95),
        ("moderate", 0.6),
        ("low", 0.3),
    ],
)
def test_what_can_only_mean_one_thing_is_understood(written: object, meant: float) -> None:
    assert Form.model_validate({"confidence": written}).confidence == pytest.approx(meant)


@pytest.mark.parametrize(
    "written",
    [7, 1.5, 10, 101, -0.1, math.nan, math.inf, True, None, "", "quite", "7", "11/10", "120%", "nan", "٣", [0.5], {}],
)
def test_what_could_mean_two_things_or_none_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="a number from 0 to 1"):
        Form.model_validate({"confidence": written})


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=12), st.none(), st.booleans()))
def test_whatever_is_accepted_is_a_number_from_0_to_1(written: object) -> None:
    try:
        found = Form.model_validate({"confidence": written}).confidence
    except ValidationError:
        return
    assert 0 <= found <= 1


def test_phrases_are_single_lines_without_blanks_and_repetitions() -> None:
    assert Words.model_validate({"many": None}).many == []
    assert Words.model_validate({"many": "one"}).many == ["one"]
    assert Words.model_validate({"many": [" a", "a ", "", None, "b\nc"]}).many == ["a", "b c"]
    for wrong in ({"many": {"a": 1}}, {"many": [1]}):
        with pytest.raises(ValidationError):
            Words.model_validate(wrong)
