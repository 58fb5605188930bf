from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.library.chunks import MAX_TOKENS, MAX_WORDS, Chunk, chunks, sentences, tokens
from stoic_emperor.library.documents import Section


def cut(*paragraphs: str) -> list[Chunk]:
    return list(chunks([Section(paragraphs=paragraphs)]))


def sentence(number: int, words: int = 12) -> str:
    return f"Sentence {number} " + " ".join(["word"] * (words - 2)) + "."


def without_overlap(chunk: Chunk) -> list[str]:
    return chunk.text.split()[chunk.overlap :]


def test_short_paragraphs_stand_together_in_one_passage() -> None:
    (only,) = cut("First.", "Second.")
    assert only.text == "First.\n\nSecond."


def test_a_paragraph_that_does_not_fit_any_more_begins_the_next_passage() -> None:
    first, second = " ".join(sentence(n) for n in range(10)), " ".join(sentence(n) for n in range(10, 20))
    assert [chunk.text for chunk in cut(first, second)] == [first, second]
    assert all(chunk.overlap == 0 for chunk in cut(first, second))


def test_a_long_paragraph_is_cut_between_sentences_and_goes_on_with_its_last_one() -> None:
    found = cut(" ".join(sentence(n) for n in range(40)))
    assert len(found) > 2
    for before, after in pairwise(found):
        assert before.text.endswith(".")
        assert after.overlap == 12
        assert after.text.startswith(sentences(before.text)[-1])


def test_a_long_last_sentence_is_not_repeated() -> None:
    first, second = cut(" ".join(sentence(n, 60) for n in range(4)))[:2]
    assert second.overlap == 0
    assert not set(sentences(first.text)) & set(sentences(second.text))


def test_no_passage_is_nothing_but_the_end_of_the_one_before() -> None:
    for count in range(1, 80):
        found = cut(" ".join(sentence(n) for n in range(count)))
        assert all(without_overlap(chunk) for chunk in found)
        numbers = [int(n) for chunk in found for n in re.findall(r"Sentence (\d+)", " ".join(without_overlap(chunk)))]
        assert numbers == list(range(count))


def test_no_passage_reaches_over_a_heading() -> None:
    found = list(chunks([Section(paragraphs=("One.",), place="I"), Section(paragraphs=("Two.",), place="II")]))
    assert [(chunk.text, chunk.section.place) for chunk in found] == [("One.", "I"), ("Two.", "II")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four… Five.", 5),
        ("He said: “Go.” Then he went.", 2),
        ("Mr. Brown, cf. Dr. A. Smith, agrees. So do I.", 2),
        ("It is so, e.g. in 3.14 cases. No.", 2),
        ("Wait ... not yet. Now.", 2),
        ("一句。两句！「三句。」四句", 4),
        ("no end", 1),
    ],
)
def test_sentences_end_where_a_reader_thinks_they_do(text: str, parts: int) -> None:
    assert len(sentences(text)) == parts


@given(st.lists(st.text(alphabet="aB. ,;!?\n“”é不Ω", max_size=900), max_size=5))
def test_whatever_the_text_nothing_is_lost_and_nothing_is_too_long(paragraphs: list[str]) -> None:
    cleaned = [" ".join(paragraph.split()) for paragraph in paragraphs]
    found = cut(*[paragraph for paragraph in cleaned if paragraph])
    assert "".join("".join(without_overlap(chunk)) for chunk in found) == "".join("".join(p.split()) for p in cleaned)
    assert all(tokens(chunk.text) <= MAX_TOKENS + 1 for chunk in found)


def test_a_sentence_that_no_passage_can_hold_is_cut_at_a_clause() -> None:
    found = cut(", ".join(f"clause {n} of many words that go on and on" for n in range(60)))
    assert len(found) > 1
    assert all(chunk.text.endswith(",") for chunk in found[:-1])
    assert all(len(chunk.text.split()) <= MAX_WORDS for chunk in found)


def test_a_word_without_end_is_cut_as_well() -> None:
    found = cut("x" * 50_000, "不" * 1_000)
    assert "".join("".join(without_overlap(chunk)) for chunk in found) == "x" * 50_000 + "不" * 1_000
