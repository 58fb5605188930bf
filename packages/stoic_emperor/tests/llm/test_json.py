"""The one JSON object in what a model wrote."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.llm._json import Unreadable, first_object

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "{", '"', "]"]), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "}", '\\"']), VALUES, max_size=3)
PROSE = st.text(st.characters(exclude_characters="{}[]", exclude_categories=["Cs"]), max_size=40)


@given(OBJECTS, PROSE, st.text(max_size=40), st.sampled_from([None, 2]))
def test_any_object_is_found_whatever_stands_around_it(
    value: dict[str, Any], before: str, after: str, indent: int | None
) -> None:
    assert first_object(before + json.dumps(value, indent=indent) + after) == value


@given(OBJECTS.filter(bool))
def test_an_object_that_breaks_off_is_never_half_read(value: dict[str, Any]) -> None:
    whole = json.dumps(value)
    for end in range(1, len(whole)):
        with pytest.raises(Unreadable):
            first_object(whole[:end])


@given(st.text(alphabet='{}[]",:\\ a1', max_size=60))
def test_any_text_gives_an_object_or_a_clear_no(text: str) -> None:
    try:
        assert isinstance(first_object(text), dict)
    except Unreadable as unreadable:
        assert str(unreadable)  # noqa: PT017  # either is right


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('I use [brackets] and {braces} first. {"a": 1}', {"a": 1}),
        ('[1] {"a": 1}', {"a": 1}),
        ('{"a": [1, 2, ], "b": ",}", }', {"a": [1, 2], "b": ",}"}),
        ('{"a": "line\nbreak"}', {"a": "line\nbreak"}),
        ('{"a": "\\ud83d\\ude00 \\ud83d \\u0000!"}', {"a": "😀 \ufffd !"}),
        ("{}", {}),
    ],
)
def test_examples(text: str, value: dict[str, Any]) -> None:
    assert first_object(text) == value


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": 2}]', '{"a": {"b": 1}', "[[{}, 1", "", "null", "{'a': 1}"])
def test_what_could_only_be_guessed_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        first_object(text)


def test_a_long_or_deep_answer_takes_no_time() -> None:
    started = time.monotonic()
    for text in ("{" * 100_000, '{"a":' * 20_000 + "1" + "}" * 20_000, "{} " * 1, "[1," * 30_000, "{,}" * 20_000):
        try:
            first_object(text)
        except Unreadable:
            continue
    assert time.monotonic() - started < 5
