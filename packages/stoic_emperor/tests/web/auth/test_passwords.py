"""Passwords: which are too easy, and that nothing of them is kept."""

from __future__ import annotations

import statistics
import time

import pytest
from argon2 import PasswordHasher

from stoic_emperor.errors import Unacceptable
from stoic_emperor.web.auth.passwords import Argon2, check_password


@pytest.mark.parametrize(
    "password",
    [
        "oxen graze by the tiber",
        "correct horse battery",
        "Tr0ub4dor&3Tr",
        "pässwörter sind lang",
        "七転び八起き七転び八起きと言う",
        "x7-Kq2!mZp9w",
        " spaces count too ",
        "a sentence " * 90,
    ],
)
def test_what_takes_a_while_to_guess_is_accepted(password: str) -> None:
    check_password(password, "anna@example.org")


@pytest.mark.parametrize(
    "password",
    [
        *("short", "elevenchars", "", "x" * 1001, "aaaaaaaaaaaa", "abababababab", "123456789012", "abcdefghijkl"),
        *("Password1234", "passwordpassword", "PASSWORD!!!!", "1234password", "qwertyuiop12", "letmein123456"),
        *("iloveyou1234", "marcusaurelius", "StoicEmperor1!", "anna@example.org", "anna@example.org1", "changeme1234"),
        *("qwertyqwerty12", "zxcvbnmasdfghjkl", "abcabcabcabc1", "      aaaaaa"),
    ],
)
def test_what_anybody_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(Unacceptable):
        check_password(password, "anna@example.org")


def test_a_password_is_recognised_however_its_letters_are_composed() -> None:
    hasher = Argon2(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    kept = hasher.hash("caf\u00e9 au lait le matin")
    assert kept.startswith("$argon2id$")
    assert hasher.verify(kept, "cafe\u0301 au lait le matin")
    assert not hasher.verify(kept, "cafe au lait le matin")
    assert not hasher.verify(kept, "\ud800" * 12)
    assert not hasher.verify("not a hash", "x" * 12)
    assert not hasher.verify(None, "nobody has this password, and it opens nothing")


def test_parameters_that_were_raised_make_old_hashes_outdated() -> None:
    weak = Argon2(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    assert not weak.is_outdated(weak.hash("x" * 12))
    assert Argon2().is_outdated(weak.hash("x" * 12))


def test_where_there_is_nothing_to_compare_with_it_takes_as_long() -> None:
    hasher = Argon2(PasswordHasher(time_cost=2, memory_cost=4096, parallelism=1))
    kept = hasher.hash("oxen graze by the tiber")
    hasher.verify(None, "warm up")

    def cost(password_hash: str | None) -> float:
        begun = time.process_time()
        hasher.verify(password_hash, "not it at all")
        return time.process_time() - begun

    known, nobody = ([cost(of) for _ in range(15)] for of in (kept, None))
    assert 0.6 < statistics.median(nobody) / statistics.median(known) < 1.6
