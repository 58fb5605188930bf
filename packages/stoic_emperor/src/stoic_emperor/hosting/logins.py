"""What people type to sign in, and how it is compared."""

from __future__ import annotations

import re
import unicodedata

from stoic_emperor.errors import Unacceptable

SHORTEST, LONGEST = 3, 254

#: Letters of these look alike: `а` of Cyrillic and `a` of Latin are not the same login, and nobody could see it.
_LOOKING_ALIKE = ("LATIN", "GREEK", "CYRILLIC", "CHEROKEE", "COPTIC", "ARMENIAN")

_SIGNS = set("._-+@'")

#: Letters and marks that show nothing (Unicode's Default_Ignorable_Code_Point, of the kinds that are let in).
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def login_key(login: str) -> str:
    """How a login is kept and compared: whose row it is. Different spellings of the same have the same key."""
    return f"login:{_normal(login)}"


def check_login(login: str) -> str:
    """``login`` as it is shown.

    Raises:
        Unacceptable: it cannot be one.
    """
    shown = unicodedata.normalize("NFC", login.strip())
    normal = _normal(login)
    if not SHORTEST <= len(normal) <= LONGEST:
        raise Unacceptable(f"a name to sign in with has {SHORTEST} to {LONGEST} characters: choose another")
    if _UNSEEN.search(normal) or not all(_is_plain(sign) for sign in normal):
        raise Unacceptable(
            "a name to sign in with is made of letters, digits and . _ - + @ ' without spaces: choose another"
        )
    if not any(unicodedata.category(sign)[0] in "LN" for sign in normal):
        raise Unacceptable("a name to sign in with needs a letter or a digit: choose another")
    if len(_scripts(normal)) > 1:
        raise Unacceptable("a name to sign in with is written in one script, so that it is what it looks like")
    return shown


def _normal(login: str) -> str:
    """Case, width and composition do not matter; folding may take something apart again, so it is done twice."""
    once = unicodedata.normalize("NFKC", login).casefold()
    return unicodedata.normalize("NFKC", once).casefold().strip()


def _is_plain(sign: str) -> bool:
    return sign in _SIGNS or unicodedata.category(sign) in {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"}


def _scripts(text: str) -> set[str]:
    names = (unicodedata.name(sign, "") for sign in text if sign.isalpha())
    return {script for name in names for script in _LOOKING_ALIKE if name.startswith(f"{script} ")}
