"""Texts as a model can take them."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """``text`` with U+FFFD for each lone surrogate: UTF-8, which every model reads, has none."""
    return _SURROGATE.sub("\ufffd", text)
