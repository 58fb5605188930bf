"""Texts made to take long: half a million signs are read in a second; in a time that grew as their square, in hours."""

from __future__ import annotations

import pytest

from stoic_emperor.library import epub
from stoic_emperor.library.chunks import Chunk, chunks
from stoic_emperor.library.documents import Decoded, Section
from stoic_emperor.library.markdown import read_markdown
from stoic_emperor.library.plain_text import read_plain_text

pytestmark = pytest.mark.timeout(60)

SIGNS = 500_000


def repeated(unit: str) -> str:
    return unit * (SIGNS // len(unit))


def without_blanks(found: list[Chunk]) -> str:
    return "".join("".join(chunk.text.split()[chunk.overlap :]) for chunk in found)


@pytest.mark.parametrize("unit", ["a", "word ", ".", ". ", '!"', "。", "一", "—", ", ", "A.", "Mr. "])
def test_nothing_is_lost_of_a_paragraph_without_an_end(unit: str) -> None:
    text = repeated(unit)
    found = list(chunks(read_plain_text(Decoded(text)).sections))
    assert without_blanks(found) == "".join(text.split())


def test_nothing_is_lost_of_a_paragraph_that_is_mostly_blanks() -> None:
    text = "one" + " " * 50_000 + "two" + " " * 50_000 + "three"
    assert without_blanks(list(chunks([Section(paragraphs=(text,))]))) == "onetwothree"


@pytest.mark.parametrize("text", ["<!--", "# " + "#", "*a ", "[a](", "- ", "> ", "```\n", "=\n"])
def test_markdown_that_opens_and_never_closes(text: str) -> None:
    first, unit = (text[:2], text[2:]) if text.startswith("# ") else ("", text)
    read_markdown(Decoded(first + repeated(unit) + "\nThe end."))


@pytest.mark.parametrize(
    "unit",
    [
        "<!--",
        "<![",
        "<![CDATA[",
        "<!DOCTYPE ",
        "<?",
        "<",
        "</",
        "<a ",
        "<a/",
        "<p",
        "<p a='",
        '<p a="',
        "<script>",
        "&#",
    ],
)
def test_a_page_that_opens_and_never_closes(unit: str) -> None:
    epub._sections(repeated(unit).encode())
