"""The examples that Porter's paper gives for each of its rules, and a few that are hard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.search.stemmer import stem

# Step by step, as the paper lists them; where later steps go on, the stem is what all steps make of the word.
WORDS = """
caresses caress   ponies poni       ties ti           caress caress     cats cat
feed feed         agreed agre       plastered plaster bled bled         motoring motor     sing sing
conflated conflat troubled troubl   sized size        hopping hop       tanned tan         falling fall
hissing hiss      fizzed fizz       failing fail      filing file       happy happi        sky sky
relational relat  conditional condit rational ration  valenci valenc    hesitanci hesit    digitizer digit
conformabli conform radicalli radic differentli differ vileli vile      analogousli analog vietnamization vietnam
predication predic operator oper    feudalism feudal  decisiveness decis hopefulness hope  callousness callous
formaliti formal  sensitiviti sensit sensibiliti sensibl
triplicate triplic formative form   formalize formal  electriciti electr electrical electr hopeful hope goodness good
revival reviv     allowance allow   inference infer   airliner airlin   gyroscopic gyroscop adjustable adjust
defensible defens irritant irrit    replacement replac adjustment adjust dependent depend  adoption adopt
homologou homolog communism commun  activate activ    angulariti angular homologous homolog effective effect
bowdlerize bowdler
probate probat    rate rate         cease ceas        controll control  roll roll
generalizations gener oscillators oscil
""".split()  # noqa: SIM905 - a table


@pytest.mark.parametrize(("word", "expected"), list(zip(WORDS[::2], WORDS[1::2], strict=True)))
def test_the_examples_of_the_paper(word: str, expected: str) -> None:
    assert stem(word) == expected


@pytest.mark.parametrize("family", [
    "connect connected connecting connection connections",
    "index indexed indexing", "memory memories", "search searches searched searching",
    "yield yields yielded", "query queries queried",
])  # fmt: skip
def test_the_forms_of_a_word_have_one_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize("word", ["", "a", "is", "x9s", "été", "日本", "123", "a_b"])
def test_what_is_no_english_word_stays(word: str) -> None:
    assert stem(word) == word


@given(st.text("abcdefghijklmnopqrstuvwxyz", max_size=40))
def test_a_stem_is_made_of_the_word_and_is_never_longer_or_empty(word: str) -> None:
    result = stem(word)
    assert len(result) <= len(word) + 1
    assert bool(result) == bool(word)
    assert result == result.lower()
    assert result[:1] == word[:1]
