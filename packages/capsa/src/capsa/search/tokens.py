"""Text -> terms: one tokeniser for both databases, so that both find the same.

* A word is a run of letters and digits, in lower case, without accents, cut to its stem.
* An identifier of several words (``get_user_name``, ``getUserName``, ``HTTPServer``) gives its words and, as
  one more term, all of them joined: either spelling finds the other, and the whole is rare.
* Scripts written without spaces (Chinese, Japanese, Thai, …) and Hangul give every character and every
  pair of neighbours; a query of more than one character goes by the pairs.
* A pictograph is a term of its own.

Standard library only.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from capsa.search.stemmer import stem

#: Longer runs (hashes, base64) are cut: they are found by their beginning.
MAX_TERM = 64

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
#: What is no letter, digit or '_' becomes a blank: several times as fast as a regular expression that finds the rest.
_BLANKS = {c: " " for c in range(128) if not (chr(c).isalnum() or chr(c) == "_")}

# Blocks of scripts without spaces between words, and Hangul, whose particles hang on the word.
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u3005-\u3007"
    "\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_PICTOGRAPH = "\u2190-\u2bff\u3200-\u33ff\U0001f000-\U0001faff"


@functools.cache
def _unicode_token() -> re.Pattern[str]:
    # Python's \w leaves out the marks that many scripts write vowels with.
    blocks = (*range(0x300, 0x1E00), *range(0xA600, 0xAC00))
    marks = "".join(chr(c) for c in blocks if unicodedata.category(chr(c)) in {"Mn", "Mc"})
    word = f"(?:(?![{_UNSPACED}{_PICTOGRAPH}])[\\w{re.escape(marks)}])+"
    return re.compile(f"[{_UNSPACED}]+|[{_PICTOGRAPH}]|{word}")


@functools.cache
def _unspaced_character() -> re.Pattern[str]:
    return re.compile(f"[{_UNSPACED}]")


def terms(text: str) -> tuple[dict[str, int], int]:
    """The terms of a text to be indexed.

    Returns:
        How often each term occurs, and the number of words (joined identifiers and pairs not counted).
    """
    counts: dict[str, int] = {}
    words = 0
    known = counts.get
    # Most words of a text come again, and again in the next: each is taken apart once.
    counted = Counter(split(text))
    apart = _taking_apart(text, counted)
    for token, times in counted.items():
        parts, joined = apart(token)
        words += len(parts) * times
        for term in parts:
            counts[term] = known(term, 0) + times
        for term in joined:
            counts[term] = known(term, 0) + times
    return counts, words


def query_terms(text: str) -> list[str]:
    """The terms to look for, each once: the joined ones first, then in the order of the query."""
    whole: dict[str, None] = {}
    single: dict[str, None] = {}
    found = dict.fromkeys(split(text))
    apart = _taking_apart(text, found)
    for token in found:
        parts, joined = apart(token)
        for term in joined:
            whole[term] = None
        if not (joined and _is_unspaced(token)):
            for term in parts:
                single[term] = None
    return list(whole | single)


def split(text: str) -> list[str]:
    """The words of a text as they are written; `take_apart` gives the terms of each."""
    if text.isascii():
        return text.translate(_BLANKS).split()
    return _unicode_token().findall(_fold(text))


def _taking_apart(text: str, found: Collection[str]) -> Callable[[str], tuple[tuple[str, ...], tuple[str, ...]]]:
    """`take_apart` for the words ``found`` in ``text``; of plain text what it comes to, a third faster."""
    plain = text.isascii() and max(map(len, found), default=0) <= MAX_TERM
    return _words if plain else take_apart


def take_apart(token: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of a token, and what stands for several of them at once."""
    if _is_unspaced(token):
        run = token.lower()
        return tuple(run), tuple(map("".join, itertools.pairwise(run)))
    # What is long seldom comes again, and kept would fill the memory.
    return _words(token) if len(token) <= MAX_TERM else _words.__wrapped__(token)


@functools.lru_cache(maxsize=1 << 17)
def _words(token: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # Lower case is not enough outside of ASCII: 'ß' and 'ς' are the same letters as 'SS' and 'Σ'.
    chain = token if token.isascii() and token.islower() else _CAMEL.sub("_", token).casefold()
    if "_" not in chain:
        return (stem(chain[:MAX_TERM]),), ()
    parts = [part[:MAX_TERM] for part in chain.split("_") if part]
    return tuple(map(stem, parts)), (joined(parts),) if len(parts) > 1 else ()


def joined(parts: Iterable[str]) -> str:
    """The term that stands for the lower-case parts of an identifier at once."""
    # Not remembered: what an identifier gives joined hardly comes from another one.
    return stem.__wrapped__("".join(parts)[:MAX_TERM])


def chains(words: Sequence[str]) -> list[str | None]:
    """Words in lower case, with ``_`` between their parts: what `take_apart` begins with, for many at once.

    None of a word that is not ASCII, or longer than `MAX_TERM`: it is left to `take_apart`.
    """
    chains = [word if word.isascii() and len(word) <= MAX_TERM else None for word in words]
    others = [place for place, word in enumerate(chains) if word is not None and not word.islower()]
    made = _CAMEL.sub("_", "\n".join(words[place] for place in others)).lower().split("\n") if others else ()
    for place, chain in zip(others, made, strict=True):
        chains[place] = chain
    return chains


def _is_unspaced(token: str) -> bool:
    return not token.isascii() and _unspaced_character().match(token) is not None


def _fold(text: str) -> str:
    """Compatibility forms made plain, accents of Latin, Greek and Cyrillic letters dropped."""
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", decomposed))
