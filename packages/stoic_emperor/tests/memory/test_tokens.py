"""The length of a text for a model: an estimate that is rather too high, and a cut that keeps to it."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.memory.tokens import count_tokens, cut


@given(st.text())
def test_letters_without_accents_count_least_and_scripts_without_spaces_most(text: str) -> None:
    weights = [1 / 3.7 if character < "\x80" else 1 / 1.8 if character < "\u0800" else 1.1 for character in text]
    assert abs(count_tokens(text) - math.ceil(sum(weights) - 1e-9)) <= 1


@given(st.text(), st.integers(2, 60))
def test_what_is_cut_is_no_longer_than_asked(text: str, tokens: int) -> None:
    short = cut(text, tokens)
    assert short == text or (short.endswith("…") and count_tokens(short) <= tokens + 1)
