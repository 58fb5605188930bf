"""The Porter stemmer, as published: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980.

Ours, on the standard library, because both databases and a process without any package must cut the
same word to the same stem.
"""

from __future__ import annotations

import functools
import re

_CONSONANT = "[^aeiou]"
_VOWEL = "[aeiouy]"
_C = _CONSONANT + "[^aeiouy]*"
_V = _VOWEL + "[aeiou]*"

# m, the number of vowel-consonant sequences, as the paper defines it.
_M_ABOVE_0 = re.compile(f"^(?:{_C})?{_V}{_C}")
_M_IS_1 = re.compile(f"^(?:{_C})?{_V}{_C}(?:{_V})?$")
_M_ABOVE_1 = re.compile(f"^(?:{_C})?{_V}{_C}{_V}{_C}")
_HAS_VOWEL = re.compile(f"^(?:{_C})?{_VOWEL}")
_DOUBLE_CONSONANT = re.compile(r"([^aeiouylsz])\1$")
_CONSONANT_VOWEL_CONSONANT = re.compile(f"^{_C}{_VOWEL}[^aeiouwxy]$")

_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "abli": "able",
    "alli": "al", "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate",
    "alism": "al", "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive",
    "biliti": "ble",
}  # fmt: skip
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
)  # fmt: skip


def _longest_first(suffixes: object) -> re.Pattern[str]:
    ordered = sorted(suffixes, key=len, reverse=True)  # type: ignore[call-overload]
    return re.compile("(?:" + "|".join(ordered) + ")$")


_SUFFIX_2, _SUFFIX_3, _SUFFIX_4 = _longest_first(_STEP_2), _longest_first(_STEP_3), _longest_first(_STEP_4)

# Asked first, as str.endswith is many times as fast as a search and seldom true.
_ENDS_2, _ENDS_3 = tuple(_STEP_2), tuple(_STEP_3)
#: No step changes a word that ends otherwise; half of all words do.
_ENDS = ("s", "ed", "ing", "y", "l", "i", "er", "or", "ion", "ism", "e", "ic", "nt", "ou")


@functools.lru_cache(maxsize=1 << 17)
def stem(word: str) -> str:
    """The stem of a word in lower-case ASCII letters; others are given back as they are."""
    if len(word) < 3 or not word.endswith(_ENDS) or not (word.isascii() and word.isalpha()):
        return word
    # A 'y' at the beginning is a consonant.
    word = _step_1(word.replace("y", "Y", 1) if word[0] == "y" else word)
    if word.endswith(_ENDS_2) and (match := _SUFFIX_2.search(word)):
        rest = word[: match.start()]
        if _M_ABOVE_0.search(rest):
            word = rest + _STEP_2[match[0]]
    if word.endswith(_ENDS_3) and (match := _SUFFIX_3.search(word)):
        rest = word[: match.start()]
        if _M_ABOVE_0.search(rest):
            word = rest + _STEP_3[match[0]]
    return _step_5(_step_4(word)).lower()


def _step_1(word: str) -> str:
    if word.endswith(("sses", "ies")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if word.endswith("eed"):
        if _M_ABOVE_0.search(word[:-3]):
            word = word[:-1]
    else:
        rest = word[:-2] if word.endswith("ed") else word[:-3] if word.endswith("ing") else None
        if rest is not None and _HAS_VOWEL.search(rest):
            word = rest
            if word.endswith(("at", "bl", "iz")) or _CONSONANT_VOWEL_CONSONANT.search(word):
                word += "e"
            elif _DOUBLE_CONSONANT.search(word):
                word = word[:-1]
    if word.endswith("y") and _HAS_VOWEL.search(word[:-1]):
        word = word[:-1] + "i"
    return word


def _step_4(word: str) -> str:
    if word.endswith(_STEP_4) and (match := _SUFFIX_4.search(word)):
        rest = word[: match.start()]
        return rest if _M_ABOVE_1.search(rest) else word
    if word.endswith(("sion", "tion")) and _M_ABOVE_1.search(word[:-3]):
        return word[:-3]
    return word


def _step_5(word: str) -> str:
    if word.endswith("e"):
        rest = word[:-1]
        if _M_ABOVE_1.search(rest) or (_M_IS_1.search(rest) and not _CONSONANT_VOWEL_CONSONANT.search(rest)):
            word = rest
    if word.endswith("ll") and _M_ABOVE_1.search(word):
        word = word[:-1]
    return word
