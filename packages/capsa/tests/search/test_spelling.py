"""An explanation shows the words that somebody typed, not what the index makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa import Mode, Record, Store
from capsa.search.spelling import Typed
from capsa.search.tokens import query_terms


@pytest.mark.parametrize(
    ("query", "typed"),
    [
        ("running quickly, running", ["running", "quickly"]),
        ("parse_config(path)", ["parse_config", "path"]),
        ("getUserName HTTPServer", ["getUserName", "HTTPServer"]),
        ("__init__", ["__init__"]),
        ("os.path.join", ["os", "path", "join"]),
        ("«naïve», Größe!", ["«naïve»", "Größe"]),
        ("日本語", ["日本", "本語"]),
        ("🎉 a+=b", ["🎉", "a", "b"]),
    ],
)
def test_every_word_that_was_found_is_shown_once_as_it_was_typed(query: str, typed: list[str]) -> None:
    assert Typed(query).giving(query_terms(query)) == typed


def test_of_an_identifier_that_was_found_in_part_the_part_is_shown() -> None:
    assert Typed("parse_config getUserName").giving(["pars", "name"]) == ["parse", "Name"]


def test_what_was_not_found_is_not_shown() -> None:
    assert Typed("splitting strings").giving(["split"]) == ["splitting"]
    assert Typed("splitting strings").giving([]) == []


@given(st.text())
def test_any_query_can_be_explained(query: str) -> None:
    terms = query_terms(query)
    assert bool(Typed(query).giving(terms)) == bool(terms)


def test_a_hit_explains_itself_with_the_words_of_the_query(store_url: str) -> None:
    with Store.open(store_url) as store:
        notes = store.collection("notes")
        notes.add([Record(text="it splits the configuration into strings")])
        (hit,) = notes.search("splitting configurations", mode=Mode.LEXICAL)
    assert hit.reason == "words: splitting, configurations"
