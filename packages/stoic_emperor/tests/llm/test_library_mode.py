"""The companion without a model."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from stoic_emperor.errors import ModelUnavailable
from stoic_emperor.llm import LibraryMode, Passage, Prompt, Turn
from stoic_emperor.llm.questions import OPEN, THEMES, question_for

ALL = [*OPEN, *(question for theme in THEMES for question in theme.questions)]

PASSAGE = Passage("Begin each day ready for the meddling.", "Marcus Aurelius", "Meditations", "II.1")


def reply(mode: LibraryMode, said: str, *passages: Passage, before: tuple[Turn, ...] = ()) -> str:
    async def whole() -> str:
        prompt = Prompt("", (*before, Turn("user", said)), 100)
        return "".join([piece async for piece in mode.stream(prompt, passages)])

    return asyncio.run(whole())


def question_in(text: str) -> str:
    return text.rpartition("A question to take with you: ")[2]


def test_it_says_that_no_model_speaks_then_quotes_then_asks() -> None:
    text = reply(LibraryMode(), "I am furious with my boss", PASSAGE)
    notice, lead, quotation, question = text.split("\n\n")
    assert notice.startswith("No language model is connected")
    assert lead == "One passage touches on what you wrote:"
    assert quotation == "> Begin each day ready for the meddling.\n>\n> — Marcus Aurelius, *Meditations* II.1"
    assert question.startswith("A question to take with you: ")
    assert question.endswith("?")


def test_the_full_notice_comes_once_and_a_short_one_after_it() -> None:
    mode = LibraryMode()
    first, second = reply(mode, "one"), reply(mode, "two")
    assert "nobody is composing an answer" in first
    assert second.startswith("From the library; no language model is connected.")


def test_without_a_passage_it_says_so_and_still_asks() -> None:
    text = reply(LibraryMode(), "my sourdough", Passage("  ", "a", "b"))
    assert "Nothing in the library comes close" in text
    assert question_in(text) in ALL


def test_the_same_words_get_the_same_question_in_a_new_session() -> None:
    said = "My brother and I fell out over money"
    assert question_in(reply(LibraryMode(), said)) == question_in(reply(LibraryMode(), said))


def test_no_question_comes_twice_in_a_session_until_all_have_come() -> None:
    mode = LibraryMode()
    asked = [question_in(reply(mode, "I am angry")) for _ in ALL]
    assert sorted(asked) == sorted(ALL)
    assert "all of my questions" in reply(mode, "I am angry")


def test_a_resumed_session_remembers_what_it_asked() -> None:
    said = "I cannot decide whether to move"
    first = reply(LibraryMode(), said)
    again = reply(LibraryMode(), said, before=(Turn("user", said), Turn("assistant", first)))
    assert question_in(again) != question_in(first)


def test_the_persons_own_words_count_where_the_prompt_holds_more() -> None:
    async def whole() -> str:
        prompt = Prompt("", (Turn("user", "<context>anger rage fury</context> I owe the bank money, and rent"),), 9)
        return "".join([piece async for piece in LibraryMode().stream(prompt, said="I owe the bank money, and rent")])

    money = next(theme for theme in THEMES if theme.name == "money")
    assert question_in(asyncio.run(whole())) in money.questions


def test_long_passages_are_cut_at_a_sentence_and_only_three_are_shown() -> None:
    long = Passage("A whole sentence stands here. " * 60, "Seneca", "Letters")
    text = reply(LibraryMode(), "x", long, PASSAGE, PASSAGE, Passage("the fourth", "a", "b"))
    assert "stands here. […]\n>\n> — Seneca, *Letters*" in text
    assert "the fourth" not in text
    assert len(text) < 2000


@pytest.mark.parametrize(
    ("said", "theme"),
    [
        ("My manager took credit for the project and the deadline is insane", "work"),
        ("I'm so angry and resentful", "anger"),
        ("I keep worrying about the interview tomorrow", "worry"),
        ("I miss her. The funeral was in May.", "grief"),
        ("I keep comparing myself, everyone else's life is ahead of mine. I envy them", "envy"),
        ("I can’t sleep, I am exhausted and overwhelmed", "rest"),
        ("Grateful for a beautiful day", "joy"),
    ],
)
def test_the_question_fits_what_was_said(said: str, theme: str) -> None:
    assert question_for(said) in next(found for found in THEMES if found.name == theme).questions


def test_what_belongs_to_no_theme_gets_an_open_question() -> None:
    assert question_for("xyzzy") in OPEN
    assert question_for("") in OPEN
    assert question_for("我很累") in OPEN


def test_the_bank_is_large_varied_and_free_of_diagnoses() -> None:
    assert len(THEMES) >= 20
    assert len(ALL) >= 60
    assert len(set(ALL)) == len(ALL)
    assert all(question.endswith("?") and question.count("?") <= 2 and len(question) <= 130 for question in ALL)
    # Not one way of asking over and over.
    assert len({" ".join(question.split()[:2]) for question in ALL}) >= 25
    clinical = r"disorder|depress|trauma|symptom|diagnos|narciss|attachment|pathol|toxic|avoidan|complex\b|therap"
    assert not [question for question in ALL if re.search(clinical, question, re.IGNORECASE)]
    # Whoever is in danger may meet any of them.
    assert not [question for question in ALL if re.search(r"\b(die|death|last day|kill|end it)\b", question)]


@given(st.text(max_size=80), st.sets(st.sampled_from(ALL)))
def test_any_words_get_a_question_that_was_not_asked(said: str, asked: set[str]) -> None:
    question = question_for(said, asked)
    assert question is None if len(asked) == len(ALL) else question not in asked


def test_it_fills_in_no_forms() -> None:
    with pytest.raises(ModelUnavailable, match="no language model is configured"):
        asyncio.run(LibraryMode().extract(Prompt("", (Turn("user", "x"),), 9), BaseModel))


def test_what_was_written_after_an_author_is_not_said_to_be_theirs() -> None:
    theirs = Passage("Some things are up to us.", "Epictetus", "Enchiridion", "1")
    ours = Passage("A window opened in a stuffy room.", "Epictetus", "Enchiridion", "21", reflection=True)
    assert theirs.source == "Epictetus, *Enchiridion* 1"
    assert ours.source == "after Epictetus, *Enchiridion* 21, in our words"
