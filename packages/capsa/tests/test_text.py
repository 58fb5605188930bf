from __future__ import annotations

import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from capsa.text import ESCAPE, bytes_to_stored, from_stored, to_stored

#: Any code points at all, those that need an escape often.
anything = st.text(
    st.characters(categories=["L", "N", "P", "S", "Z", "C"]) | st.sampled_from("\0\ud800\udfff\ufdd004AF")
)


@given(anything)
@example("\0")
@example("\ud83d\ude00")
@example(ESCAPE)
@example(ESCAPE + "0000")
@example(ESCAPE + "\0")
def test_what_is_stored_is_given_back(text: str) -> None:
    assert from_stored(to_stored(text)) == text


@given(anything)
def test_what_is_stored_any_database_can_hold(text: str) -> None:
    stored = to_stored(text)
    assert "\0" not in stored
    assert stored.encode().decode() == stored


@given(st.text(st.characters(exclude_characters=["\0", ESCAPE], exclude_categories=["Cs"])))
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert to_stored(text) is text
    assert from_stored(text) is text


@given(anything, anything)
def test_two_texts_are_never_stored_alike(one: str, other: str) -> None:
    assert (to_stored(one) == to_stored(other)) == (one == other)


@given(st.binary() | anything.map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xed\xa0\x80")
@example(b"\xff\0")
@example(ESCAPE.encode() + b"\x80")
def test_bytes_of_another_program_come_back_to_the_byte(data: bytes) -> None:
    stored = bytes_to_stored(data).decode()
    assert stored == to_stored(data.decode("utf-8", "surrogateescape"))
    assert from_stored(stored).encode("utf-8", "surrogateescape") == data


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "\ufdd0", "plain"])
def test_sqlite_holds_it(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    (kept,) = connection.execute("SELECT ?", (to_stored(text),)).fetchone()
    assert from_stored(kept) == text
    connection.close()
