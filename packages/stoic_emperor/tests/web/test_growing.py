"""Markdown that grows is, after each paragraph, what it would be if it were rendered anew."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoic_emperor.web import growing
from stoic_emperor.web.growing import Growing
from stoic_emperor.web.rendering import render

PARTS = [
    "It rains, and *nobody* asks.", "Two lines\nof one paragraph", "- one", "- two\n- three", "* star", "*em* begins",
    "1. first", "2. second", "12) other", "   indented", "    code", "\tcode", "> quoted", "> - a list\n> - within",
    "```", "```\ncode\n```", "~~~ py\ncode", "# Heading", "Heading\n===", "***", "---", "- - -", "[x]: https://a.example",
    "See [x] and [y][x].", "> [x]: https://b.example", '"Quoted', 'words"', "| a | b |\n| - | - |\n| 1 | 2 |", "-",
    "1.", "\x00", "text\n- list", "+ plus\n\n  more of it", "<b>no</b>", "\r\nodd", "…", "don't",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=12)), min_size=1, max_size=9)


@pytest.mark.slow
@given(TEXTS, st.lists(st.sampled_from(["\n\n", "\n\n\n", "\n"]), min_size=9, max_size=9))
@settings(deadline=None, max_examples=500)
def test_after_each_paragraph_it_is_what_rendering_anew_gives(parts: list[str], gaps: list[str]) -> None:
    text = "".join(part + gap for part, gap in zip(parts, gaps, strict=False))
    growing, at = Growing(), 0
    while (at := text.find("\n\n", at + 1)) >= 0:
        assert growing.html(text[:at]) == str(render(text[:at]))
    assert growing.html(text) == str(render(text))


def test_a_text_that_is_not_more_of_the_same_is_rendered_anew() -> None:
    growing = Growing()
    assert growing.html("One.\n\nTwo.") == str(render("One.\n\nTwo."))
    assert growing.html("One.") == str(render("One."))
    assert growing.html("One. More.") == str(render("One. More."))


def test_a_paragraph_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []

    def noted(text: str) -> str:
        rendered.append(text.strip())
        return render(text)

    monkeypatch.setattr(growing, "render", noted)
    text, parts = "", [f"Paragraph {number}." for number in range(20)]
    grown = Growing()
    for part in parts:
        text = f"{text}\n\n{part}" if text else part
        grown.html(text)
    grown.html(text)
    assert rendered == parts
