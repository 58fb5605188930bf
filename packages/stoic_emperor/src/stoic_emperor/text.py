"""Whole characters: what a terminal, a model or an old file may give half of, nobody can read, store or send."""

from __future__ import annotations

import re
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """``text`` without halves of surrogate pairs: two side by side are one character, one alone is U+FFFD."""
    if text.isascii() or _HALF.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def all_whole(value: Any) -> Any:
    """The same for every text in lists and mappings."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [all_whole(item) for item in value]
    if isinstance(value, dict):
        return {all_whole(key): all_whole(item) for key, item in value.items()}
    return value
