"""Keeping passwords: argon2id with its library's present parameters, and which passwords are too easy to guess."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from stoic_emperor.errors import Unacceptable

SHORTEST, LONGEST = 12, 1_000

#: What people choose when they are made to choose something long; without digits and signs at the ends. Ours: the words
#: of the field's lists of leaked passwords that anybody would name, and what lies near in this house.
_WORDS = """
password passwort motdepasse contrasena wachtwoord parola senha administrator adminadmin letmein letmeinplease
iloveyou iloveyousomuch welcome welcomeback changeme changemenow trustnoone trustno mypassword thisismypassword
yourpassword newpassword secret topsecret supersecret master dragon monkey football baseball superman batman
sunshine princess starwars pokemon whatever nothing computer internet google facebook correcthorsebatterystaple
qwerty qwertz azerty qwertyuiop qwertzuiop azertyuiop asdfghjkl yxcvbnm zxcvbnm qazwsx qazwsxedc qweasdzxc
stoic stoicemperor marcusaurelius emperor meditations seneca epictetus memento mementomori amorfati
"""
_COMMON = frozenset(_WORDS.split())
_KEYS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm")


def check_password(password: str, login: str) -> None:
    """Refuse what would be among the first that anybody tries.

    Raises:
        Unacceptable: it says what to do.
    """
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        raise Unacceptable(f"a password has {SHORTEST} to {LONGEST} characters: a sentence of your own is a good one")
    if _is_easy(normal.casefold(), login.casefold()):
        raise Unacceptable(
            "this password is among the first that anybody would try: take several words that do not belong together"
        )


def _is_easy(password: str, login: str) -> bool:
    letters = re.sub(r"[\W\d_]+", "", password)
    return (
        len(set(password)) < 5
        or letters in _COMMON
        or any(letters == word * (len(letters) // len(word)) for word in _COMMON if letters)
        or re.fullmatch(r"(.{1,4})\1+.{0,4}", password) is not None
        or password in {login * n for n in range(1, 9)}
        or (len(login) > 3 and len(password.replace(login, "").replace(login.partition("@")[0], "")) < 5)
        or _runs(password) > len(password) * 0.75
    )


def _runs(password: str) -> int:
    """How many characters follow their neighbour on a keyboard or in an alphabet."""
    pairs = {row[i : i + 2] for keys in _KEYS for row in (keys, keys[::-1]) for i in range(len(row) - 1)}
    return sum(password[i : i + 2] in pairs for i in range(len(password) - 1))


def _normal(password: str) -> str:
    """The same password typed on another system is the same."""
    return unicodedata.normalize("NFC", password)


class Argon2:
    """The `Hasher` of the house. Each call takes 64 MB while it lasts: `Hosted.with_passwords` bounds how many do."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """With the library's parameters, which follow RFC 9106; tests may take weaker ones."""
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        return self._hasher.hash(_bytes(password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        if len(password) > LONGEST:
            # Nobody has one, so that nothing is told by answering at once.
            return False
        try:
            self._hasher.verify(password_hash or self._nobodys, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _nobodys(self) -> str:
        """Compared with where there is nothing to compare with: it takes as long."""
        return self.hash("nobody has this password, and it opens nothing")


def _bytes(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")
