"""Quotations in a reply: which spans are quotations, and what the library says of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa import open_database
from stoic_emperor.library import Library, Verdict, annotate, check_quotations
from stoic_emperor.library.quoted import find_quoted

SENECA = "We suffer more often in imagination than in reality; don’t be unhappy before the crisis comes. Some things\
 torment us more than they ought, and some before they ought."
ENTRY = """---
format: reflections
name: mine
author: Epictetus
work: Enchiridion
---
## Handles
- passage: 43

Everything has two handles; by one it can be carried.
"""


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_database(f"sqlite:///{tmp_path / 'memory.db'}") as database:
        library = Library(database)
        (tmp_path / "letters.md").write_text(f"# Letters\n\n## 13\n\n{SENECA}\n\n## 14\n\nAnother matter entirely.\n")
        (tmp_path / "own.md").write_text(ENTRY)
        for file, author in (("letters.md", "Seneca"), ("own.md", None)):
            library.import_path(tmp_path / file, author=author, work="Letters")
        yield library


def texts(reply: str) -> list[str]:
    return [span.text for span in find_quoted(reply)]


def verdicts(reply: str, library: Library, said: tuple[str, ...] = ()) -> list[Verdict]:
    return [quotation.verdict for quotation in check_quotations(reply, library, said=said)]


# Spans


@pytest.mark.parametrize(
    "reply",
    [
        'He wrote: "one two three four".',
        "He wrote: “one two three four”.",
        "He wrote: ‘one two three four’.",
        "He wrote: 'one two three four'.",
        "Er schrieb: „one two three four“.",
        "Er schrieb: »one two three four«.",
        "Il écrit : « one two three four ».",
        "Il écrit : ‹one two three four›.",
        "「one two three four」と",
        "『one two three four』",
        "As he says:\n\n> one two\n> three four\n\nIndeed.",
        "> “one two three four”\n> — Seneca, Letters 13",
    ],
)
def test_every_style_of_quotation_is_seen(reply: str) -> None:
    assert [" ".join(text.split()) for text in texts(reply)] == ["one two three four"]


@pytest.mark.parametrize(
    "reply",
    [
        'Only "three words here".',
        "It's what dogs' owners don't say, isn't it, at least not in the owners' house.",
        "Rock 'n' roll is not a quotation of anybody at all, it's music.",
        'An inch is written 5" and nothing is quoted here at all, is it.',
        '```\nprint("one two three four")\n```',
        '"never closed and so no quotation\n\nof anything" at all',
    ],
)
def test_what_is_no_quotation_is_left_alone(reply: str) -> None:
    assert texts(reply) == []


def test_apostrophes_do_not_end_a_quotation() -> None:
    assert (
        texts("‘don’t be unhappy before the crisis’ and 'it's the masters' own voice' too")
        == [
            "don’t be unhappy before the crisis",
            "it's the masters' own voice",
        ]
        or texts("‘don’t be unhappy before the crisis’")[0] == "don’t be unhappy before the crisis"
    )


def test_places_are_those_of_the_reply() -> None:
    reply = 'Yes. "One two three four." No. “Five six seven eight”'
    assert [reply[span.start : span.end] for span in find_quoted(reply)] == [
        '"One two three four."',
        "“Five six seven eight”",
    ]


@given(st.text(alphabet="\"'“”‘’„«»‹›「」>\n ab*_`—", max_size=200))
def test_whatever_the_marks_spans_lie_in_the_text_and_apart(reply: str) -> None:
    place = 0
    for span in find_quoted(reply):
        assert place <= span.start < span.end <= len(reply)
        place = span.end


@pytest.mark.parametrize("sign", ['"', "'", "“", "‘", "’", "«", "»", ">", '" a', "' a", " 'a", "> a\n", "„a “"])
def test_marks_without_end_take_no_longer_than_other_text(sign: str) -> None:
    started = time.perf_counter()
    find_quoted("He said " + sign * 30_000)
    assert time.perf_counter() - started < 2


# The library


@pytest.mark.parametrize(
    "reply",
    [
        "“We suffer more often in imagination than in reality.”",
        '"we SUFFER more often, in imagination,   than in reality"',
        "“We suffer more often in *imagination* than\nin reality”",
        "“don't be unhappy before the crisis comes”",
        "“We suffer more often in imagination … before the crisis comes”",
        "“We suffer more often ... than in reality [...] before they ought.”",
        "“[Remember:] some things torment us more than they ought”",
        "> We suffer more often\n> in imagination than in reality;\n> — Seneca",
    ],
)
def test_what_stands_in_the_library_is_cited_with_its_place(reply: str, library: Library) -> None:
    (quotation,) = check_quotations(reply, library)
    assert quotation.verdict is Verdict.VERBATIM
    assert (quotation.author, quotation.work, quotation.place) == ("Seneca", "Letters", "13")
    assert annotate(reply, [quotation]).endswith("\n\n*— Seneca, Letters 13*")


@pytest.mark.parametrize(
    "reply",
    [
        "“We suffer more in imagination than in reality”",
        "“We suffer more often in imaginations than in reality”",
        "“in reality … we suffer more often in imagination”",
        "“We suffer more often in imagination than in realit”",
    ],
)
def test_one_word_more_or_less_or_in_another_order_is_a_paraphrase(reply: str, library: Library) -> None:
    (quotation,) = check_quotations(reply, library)
    assert quotation.verdict is Verdict.PARAPHRASE
    assert annotate(reply, [quotation]).endswith("*— a paraphrase; compare Seneca, Letters 13*")


def test_what_is_not_there_at_all_is_said_to_be_a_paraphrase(library: Library) -> None:
    reply = "“The obstacle is the way to everything”"
    (quotation,) = check_quotations(reply, library)
    assert (quotation.verdict, quotation.passage) == (Verdict.UNKNOWN, None)
    assert annotate(reply, [quotation]).endswith("*— not in the library: take it as a paraphrase*")


def test_the_librarys_own_words_are_not_given_out_as_an_authors(library: Library) -> None:
    (quotation,) = check_quotations("“Everything has two handles”", library)
    assert quotation.verdict is Verdict.VERBATIM
    assert quotation.source_line == "the library's own words, after Epictetus, Enchiridion 43"


def test_the_persons_own_words_are_not_marked(library: Library) -> None:
    reply = "You said “my boss hates me and I cannot sleep”. Is that so?"
    assert verdicts(reply, library, ("Well, my boss hates me, and I cannot sleep any more.",)) == []
    assert verdicts(reply, library, ("Something else.",)) == [Verdict.UNKNOWN]


def test_a_quotation_may_reach_over_the_cut_between_two_passages(tmp_path: Path) -> None:
    sentences = [f"Wave {n} breaks upon headland {n} and then grows quiet." for n in range(60)]
    (tmp_path / "long.txt").write_text(" ".join(sentences))
    with open_database(f"sqlite:///{tmp_path / 'memory.db'}") as database:
        library = Library(database)
        library.import_path(tmp_path / "long.txt")
        assert library.count() > 2
        for first in range(57):
            assert verdicts(f"“{' '.join(sentences[first : first + 3])}”", library) == [Verdict.VERBATIM], first


def test_a_quotation_of_nothing_but_frequent_words_is_found_among_many_like_it(tmp_path: Path) -> None:
    # Each passage has the same words as often as the others; only the order differs.
    common = ["it", "is", "not", "of", "the", "and", "to", "in"]
    orders = [common[n:] + common[:n] for n in range(8)] + [common[n::-1] + common[:n:-1] for n in range(8)]
    passages = [" ".join([*order, *common, *(["the", "of"] * (n % 5))]) for n, order in enumerate(orders * 12)]
    # Long, and with each of the words once: nothing that a ranking by words would put in front.
    passages[7] = "in the it of to is not and " + " ".join(f"rare{n}" for n in range(100))
    (tmp_path / "many.md").write_text("\n\n".join(f"## {n}\n\n{text}." for n, text in enumerate(passages)))
    with open_database(f"sqlite:///{tmp_path / 'memory.db'}") as database:
        library = Library(database)
        library.import_path(tmp_path / "many.md")
        (quotation,) = check_quotations("“in the it of to is not and”", library)
        assert (quotation.verdict, quotation.place) == (Verdict.VERBATIM, "7")


def test_an_empty_library_knows_nothing(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'memory.db'}") as database:
        assert verdicts("“one two three four”", Library(database)) == [Verdict.UNKNOWN]


def test_a_reply_without_quotations_stays_as_it_is(library: Library) -> None:
    reply = "No quotation.\n\nNone at all.\n"
    assert annotate(reply, check_quotations(reply, library)) == reply


def test_the_line_stands_below_the_paragraph_and_names_each_where_there_are_several(library: Library) -> None:
    reply = (
        "First “We suffer more often in imagination than in reality” and “everything has two handles”.\n\n"
        "Then:\n> some before they ought\n\nEnd."
    )
    assert annotate(reply, check_quotations(reply, library)) == (
        "First “We suffer more often in imagination than in reality” and “everything has two handles”.\n\n"
        "*— “We suffer more …”: Seneca, Letters 13; "
        "“everything has two …”: the library's own words, after Epictetus, Enchiridion 43*\n\n"
        "Then:\n> some before they ought\n\n*— Seneca, Letters 13*\n\nEnd."
    )
