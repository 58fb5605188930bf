"""Text on its way to and from a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.llm._text import SpokenText, clean, without_thinking


def spoken(pieces: list[str]) -> str:
    stream = SpokenText()
    return "".join(stream.feed(piece) for piece in pieces) + stream.end()


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({min(place, len(text)) for place in places} | {len(text)})
    return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


@given(st.text(st.characters(exclude_characters="\0"), max_size=60), st.lists(st.integers(0, 60)))
def test_however_a_text_is_cut_it_comes_out_whole(text: str, places: list[int]) -> None:
    # UTF-16 as JSON escapes it: one half of a pair at a time.
    halves = "".join(
        chr(int.from_bytes(text.encode("utf-16-be", "surrogatepass")[at : at + 2], "big"))
        for at in range(0, 2 * (len(text.encode("utf-16-be", "surrogatepass")) // 2), 2)
    )
    assert spoken(cut(halves, places)) == clean(text)


@given(
    st.text(st.characters(exclude_characters="<\0", exclude_categories=["Cs"]), max_size=30),
    st.lists(st.integers(0, 80)),
)
def test_thoughts_never_come_out(thought: str, places: list[int]) -> None:
    text = f" <think>{thought}</think>\n\nGood day. <think>is a word here</think>"
    assert spoken(cut(text, places)) == "Good day. <think>is a word here</think>"


@given(st.text())
def test_clean_text_can_be_stored_and_shown(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\0" not in cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("text", ["<", "<3 you", "<thinking hard>", "  <b>", ""])
def test_a_reply_may_begin_with_a_bracket(text: str) -> None:
    assert without_thinking(text) == text


def test_text_is_shown_as_soon_as_it_can_be() -> None:
    stream = SpokenText()
    assert stream.feed("Go") == "Go"
    assert stream.feed("od \ud83d") == "od "
    assert stream.feed("\ude00") == "😀"
    assert stream.end() == ""
