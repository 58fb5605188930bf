from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.search import tokens

ALPHABETS = {
    "Latin": "abcdefgXYZéßñ019", "Greek": "αβγΔΣςά", "Cyrillic": "абвЖЩйё", "Chinese": "记忆是所有事物",
    "Japanese": "きおくカタカナ記憶", "Thai": "ความทรงจำผู้พิทักษ์", "Khmer": "ការចងចាំគឺជា", "Hangul": "기억은모든것",
    "Devanagari": "स्मृतिखज़ाना", "Arabic": "الذاكرة", "Hebrew": "זיכרון",
}  # fmt: skip
words = st.one_of([st.text(alphabet, min_size=1, max_size=12) for alphabet in ALPHABETS.values()])
any_text = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]), max_size=200)


def found(query: str, text: str) -> bool:
    """Whether a record with the text has every term of the query."""
    counts, _ = tokens.terms(text)
    terms = tokens.query_terms(query)
    return bool(terms) and all(term in counts for term in terms)


@given(st.lists(words, min_size=1, max_size=8), st.data())
def test_every_word_of_a_text_finds_it(parts: list[str], data: st.DataObject) -> None:
    text = " ".join(parts)
    word = data.draw(st.sampled_from(parts))
    if tokens.query_terms(word):
        assert found(word, text)
        assert not word.isascii() or set(tokens.query_terms(word.upper())) & tokens.terms(text)[0].keys()


@pytest.mark.parametrize("name", ["Chinese", "Japanese", "Thai", "Khmer", "Hangul"])
@given(data=st.data())
def test_in_a_script_without_spaces_every_piece_of_a_text_finds_it(name: str, data: st.DataObject) -> None:
    # Marks that follow a base may be put into another order with it, so pieces are whole syllables here.
    syllables = re.findall(r"\w[^\w]*", data.draw(st.text(ALPHABETS[name], min_size=2, max_size=30)))
    start = data.draw(st.integers(0, max(0, len(syllables) - 1)))
    end = data.draw(st.integers(start + 1, len(syllables) or start + 1))
    piece = "".join(syllables[start:end])
    if piece:
        assert found(piece, "".join(syllables))


@given(any_text)
def test_a_text_finds_itself_if_it_has_words_at_all(text: str) -> None:
    assert found(text, text) or not tokens.terms(text)[0]


@given(any_text)
def test_terms_can_be_stored_and_be_told_apart_in_one_line(text: str) -> None:
    counts, length = tokens.terms(text)
    for term, n in counts.items():
        assert n >= 1
        assert term
        assert not re.search("[ :\0\ud800-\udfff\ufdd0]", term)
        assert len(term) <= 2 * tokens.MAX_TERM
        assert len(term.encode()) <= 512
    assert length <= sum(counts.values())


@given(any_text)
def test_terms_do_not_depend_on_what_else_is_in_the_text(text: str) -> None:
    # The ASCII path and the Unicode path cut ASCII words alike.
    plain = "".join(c if c.isascii() else " " for c in text)
    counts, _ = tokens.terms(plain)
    mixed, _ = tokens.terms(plain + " é")
    assert {term: n for term, n in mixed.items() if term != "e"} == {t: n for t, n in counts.items() if t != "e"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("get_user_name", "getUserName"), ("getUserName", "GetUserName"), ("HTTPServer", "http_server"),
        ("straße", "STRASSE"), ("Straße", "straße"), ("λόγος", "ΛΌΓΟΣ"), ("Λόγος", "λογος"), ("é", "e\u0301"),
        ("ﬁle", "file"), ("Ｆｕｌｌ", "full"), ("İstanbul", "istanbul"), ("naïve", "NAIVE"), ("ёж", "ЕЖ"),
        ("ﾒﾓﾘ", "メモリ"), ("x²", "x2"),
    ],
)  # fmt: skip
def test_spellings_of_one_name_find_each_other(one: str, other: str) -> None:
    assert found(one, other)
    assert found(other, one)


@pytest.mark.parametrize("identifier", ["get_user_name", "getUserName", "HTTPServer", "__init__", "αΒήτα"])
def test_an_identifier_is_found_by_itself_and_by_its_words(identifier: str) -> None:
    text = f"x = {identifier}(1)"
    assert found(identifier, text)
    for part in re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier):
        assert found(part, text)


def test_the_joined_spelling_is_asked_for_first_and_counts_as_no_word() -> None:
    assert tokens.query_terms("of get_user_name") == ["getusernam", "of", "get", "user", "name"]
    assert tokens.terms("get_user_name")[1] == 3


def test_pairs_are_asked_for_and_a_single_character_alone() -> None:
    assert tokens.query_terms("記憶力") == ["記憶", "憶力"]
    assert tokens.query_terms("記") == ["記"]


def test_long_runs_are_found_by_their_beginning() -> None:
    digest = "0123456789abcdef" * 16
    assert found(digest, f"sha256 {digest}")
    assert found(digest[: tokens.MAX_TERM], digest)
    assert all(len(term) <= tokens.MAX_TERM for term in tokens.terms(digest)[0])


@pytest.mark.parametrize("text", ["", " ", "!?", "\0", "\ud800", "_", "___", "---", "\u0301"])
def test_what_has_no_words_has_no_terms(text: str) -> None:
    assert tokens.query_terms(text) == []
    assert tokens.terms(text) == ({}, 0)


def test_the_memory_of_words_does_not_grow_with_the_length_of_what_was_read() -> None:
    tokens._words.cache_clear()
    tokens.terms(" ".join(f"{i}" * 100 for i in range(1_000, 1_100)))
    tokens.terms("记忆是所有事物的守护者和宝藏" * 10)
    assert tokens._words.cache_info().currsize == 0


@pytest.mark.parametrize("text", ["x" * 300_000, "aB" * 150_000, "a_" * 150_000, "日" * 100_000, "é" * 100_000])
def test_no_text_takes_long(text: str) -> None:
    began = time.monotonic()
    tokens.terms(text)
    tokens.query_terms(text)
    assert time.monotonic() - began < 5
