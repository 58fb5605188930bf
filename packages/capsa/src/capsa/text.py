"""A reversible spelling for texts that a database cannot hold as they are.

PostgreSQL's text has no NUL, and UTF-8 has no lone surrogates, yet files written by others
hold both. Such a code point, and the escape itself, is stored as U+FDD0 and four hexadecimal
digits. U+FDD0 is a Unicode noncharacter, set apart for internal use (Unicode 16, section 23.7),
so an ordinary text is stored as it is and costs one scan.
"""

from __future__ import annotations

import re

ESCAPE = "\ufdd0"
_NEEDS_ESCAPE = re.compile("[\x00\ud800-\udfff\ufdd0]")
_ESCAPED = re.compile(ESCAPE + "([0-9A-F]{4})")
_ESCAPE_BYTES = ESCAPE.encode()


def to_stored(text: str) -> str:
    """Spell ``text`` so that both databases can hold it."""
    if _NEEDS_ESCAPE.search(text) is None:
        return text
    return _NEEDS_ESCAPE.sub(lambda match: f"{ESCAPE}{ord(match[0]):04X}", text)


def from_stored(text: str) -> str:
    """Give back exactly what `to_stored` was given."""
    if ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def bytes_to_stored(text: bytes) -> bytes:
    """`to_stored` for text as another program's SQLite file holds it: bytes, maybe not valid UTF-8.

    Invalid bytes are carried as the lone surrogates of Python's ``surrogateescape``.
    """
    if b"\0" not in text and _ESCAPE_BYTES not in text:
        try:
            text.decode()
        except UnicodeDecodeError:
            pass
        else:
            return text
    return to_stored(text.decode("utf-8", "surrogateescape")).encode()
