"""Two texts compared: right, readable, and bounded."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from afterimage.ui.diffs import Difference, difference

LINES = st.lists(st.sampled_from(["a", "b", "", "def f():", "    return 1", "x = 1", "x = 2"]), max_size=30)


def side(found: Difference, sign: str) -> list[str]:
    """What a reader sees of one side."""
    return ["".join(part.text for part in line.parts) for line in found.lines if line.sign in {sign, " "}]


@given(LINES, LINES)
def test_what_is_shown_is_in_both_texts_at_its_number(before: list[str], after: list[str]) -> None:
    found = difference("\n".join(before), "\n".join(after))
    for line in found.lines:
        text = "".join(part.text for part in line.parts)
        assert line.old is None or before[line.old - 1] == text
        assert line.new is None or after[line.new - 1] == text
    hidden = sum(line.hidden for line in found.lines)
    if before and before[-1] and after and after[-1]:
        assert len(side(found, "-")) + hidden == len(before)
        assert len(side(found, "+")) + hidden == len(after)


def test_changed_words_are_marked_in_lines_that_are_alike() -> None:
    found = difference("total = price * 2\n", "total = price * 3\n")
    assert [[(p.text, p.changed) for p in line.parts] for line in found.lines] == [
        [("total = price * ", False), ("2", True)],
        [("total = price * ", False), ("3", True)],
    ]


def test_lines_that_have_nothing_in_common_are_not_marked() -> None:
    found = difference("alpha beta\n", "x = [1]\n")
    assert not any(part.changed for line in found.lines for part in line.parts)


def test_unchanged_lines_far_away_are_left_out() -> None:
    text = [f"line {n}" for n in range(100)]
    found = difference("\n".join(text), "\n".join([*text[:50], "new", *text[50:]]))
    assert [line.hidden for line in found.lines if not line.sign] == [47, 47]
    assert (found.added, found.removed) == (1, 0)


def test_the_largest_texts_are_compared_in_time() -> None:
    old = "\n".join(str(n % 97) for n in range(40_000))
    new = "\n".join(str(n % 89) for n in range(40_000))
    began = time.process_time()
    found = difference(old, new)
    assert len(found.lines) == 2_000
    assert found.more
    assert time.process_time() - began < 5
