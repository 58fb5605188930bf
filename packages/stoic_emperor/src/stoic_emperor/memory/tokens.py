"""How long a text is for a language model, without its tokenizer: every provider has another."""

from __future__ import annotations

import math
import re

#: Of English.
LETTERS_A_TOKEN = 3.7

#: Letters of alphabets with accents, Greek, Cyrillic, Hebrew and Arabic among them.
_EUROPEAN = re.compile("[\x80-\u07ff]")


def count_tokens(text: str) -> int:
    """An estimate that is rather too high.

    English takes about four characters a token; scripts without spaces about one character, accented and Cyrillic
    letters between the two.
    """
    if text.isascii():
        return math.ceil(len(text) / LETTERS_A_TOKEN)
    plain = len(text.encode("ascii", "ignore"))
    european = len(_EUROPEAN.findall(text))
    return math.ceil(plain / LETTERS_A_TOKEN + european / 1.8 + (len(text) - plain - european) * 1.1)


def cut(text: str, tokens: int) -> str:
    """The beginning of ``text``, at most ``tokens`` long, at a word's end if there is one; "…" marks the cut."""
    if count_tokens(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens(f"{text[:middle]}…") <= tokens:
            low = middle
        else:
            high = middle - 1
    kept = text[:low]
    return (kept.rsplit(None, 1)[0] if kept.count(" ") else kept).rstrip() + "…"
