"""Logins: what can be one, and which are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoic_emperor.errors import Unacceptable
from stoic_emperor.hosting.logins import check_login, login_key


@pytest.mark.parametrize(
    "login", ["anna", "Anna.B@example.org", "o'hara+x@example.org", "마르쿠스", "Ελένη", "анна", "नमस्ते"]
)
def test_names_of_people_and_addresses_can_be_logins(login: str) -> None:
    assert check_login(f" {login} ") == login


@pytest.mark.parametrize(
    "login",
    [
        *("ab", "", "   ", "a" * 255, "two words", "tab\there", "nul\x00nul", "line\nline"),
        *("___", "...", "аnna", "annа@example.org", "pаypal", "αnna"),
        *(
            "an\u200bna",
            "an\u00adna",
            "\u202eanna",
            "anna\ufe0f",
            "\ud800anna",
            "anna<b>",
            "@house/x",
            "anna:b",
            "a,b,c",
        ),
    ],
)
def test_what_cannot_be_seen_or_looks_like_another_cannot_be_one(login: str) -> None:
    with pytest.raises(Unacceptable):
        check_login(login)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna", "ANNA"),
        ("anna", "ａｎｎａ"),
        ("josé", "JOSE\u0301"),
        ("straße", "STRASSE"),
        ("ﬁlip", "filip"),
        ("x²y", "x2y"),
    ],
)
def test_spellings_of_the_same_login_are_the_same(one: str, other: str) -> None:
    assert login_key(one) == login_key(other)


@given(st.text(max_size=40))
def test_every_login_is_the_same_however_often_it_is_normalised(text: str) -> None:
    key = login_key(text)
    assert login_key(key.removeprefix("login:")) == key
