from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.search import literal


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("where is parse_config used?", ["parse_config"]),
        ("what calls HTTPClient.getJson()", ["HTTPClient.getJson"]),
        ("fix src/app/main.py, please", ["src/app/main.py"]),
        ("see ~/x/y.py or C:\\dir\\x.c", ["~/x/y.py or C:\\dir\\x.c", "~/x/y.py", "C:\\dir\\x.c"]),
        ("why does it say super().setUp() here?", ["super().setUp()", "super"]),
        ('explain if method == "POST": to me', ['method == "POST":']),
        ("why x = y here", ["x = y"]),
        ("std::vector and a-b", ["std::vector", "a-b"]),
        ("call run() now", ["run"]),
        ("getUserName _private", ["getUserName", "_private"]),
        ("only plain words here", []),
        ("", []),
    ],
)
def test_what_a_query_names(query: str, names: list[str]) -> None:
    assert literal.phrases(query) == [query.strip(), *names] if query else literal.phrases(query) == []


def test_a_query_that_is_one_name_is_looked_for_once() -> None:
    assert literal.phrases(" parse_config ") == ["parse_config"]


@given(st.text())
def test_no_phrase_is_empty_or_comes_twice(query: str) -> None:
    phrases = literal.phrases(query)
    assert all(phrases)
    assert len(set(phrases)) == len(phrases)
    assert bool(phrases) == bool(query.strip())


@pytest.mark.parametrize("unit", [*"+:/.-_~\\a(日", "a+", "a:", "::", "a.", "a-", "+-", "a_", "()", ".+", "./", "aB"])
@pytest.mark.parametrize("end", ["", " ", "!"])
def test_no_query_takes_long(unit: str, end: str) -> None:
    query = "a" + unit * (100_000 // len(unit)) + end
    began = time.process_time()
    literal.phrases(query)
    assert time.process_time() - began < 3


@given(st.text(), st.text())
def test_case_and_the_width_of_white_space_do_not_matter(one: str, other: str) -> None:
    assert literal.normal(f" {one}\t\n {other} ".swapcase()) == literal.normal(f"{one} {other}".swapcase())
    assert literal.normal("IF  x:\n\tRETURN") == "if x: return"
