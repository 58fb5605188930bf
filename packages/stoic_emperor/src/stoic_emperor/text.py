"""Whole characters: what a terminal, a model or an old file may give half of, nobody can read, store or send."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")

#: Zero-width (non-)joiner.
_JOINERS = "\u200c\u200d"
#: Letters and marks that show nothing (Unicode's Default_Ignorable_Code_Point, of the kinds that are no controls); the
#: variation selectors among them stay, which tell an emoji from a sign.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\U000e0000-\U000e0fff]")


def whole(text: str) -> str:
    """``text`` without halves of surrogate pairs: two side by side are one character, one alone is U+FFFD."""
    if text.isascii() or _HALF.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def plain_line(text: str) -> str:
    """``text`` as a name or a title may stand among other words: without what is not seen, or turns them round.

    Control characters, marks of direction and characters without width go; joiners stay, which scripts and emoji need.
    What is left is empty where nothing in it can be seen.
    """
    kept = "".join(sign for sign in whole(text) if sign.isspace() or sign in _JOINERS or _is_kept(sign))
    line = " ".join(kept.split())
    return line if any(unicodedata.category(sign)[0] in "LNPS" for sign in line if not _UNSEEN.match(sign)) else ""


def _is_kept(sign: str) -> bool:
    return unicodedata.category(sign) not in {"Cc", "Cf", "Co", "Cs"} and not _UNSEEN.match(sign)


def all_whole(value: Any) -> Any:
    """The same for every text in lists and mappings."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [all_whole(item) for item in value]
    if isinstance(value, dict):
        return {all_whole(key): all_whole(item) for key, item in value.items()}
    return value
