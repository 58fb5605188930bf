"""The order of a book: by the places of its passages, whichever files they came in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from stoic_emperor.library.passages import Passage

_PART = re.compile(r"(?P<number>\d+)(?P<letter>[a-z]?)(?![a-z])|(?P<word>[^\W\d_]+)", re.IGNORECASE)
_ROMAN = re.compile(r"(?=[IVXLCDM])(M*)(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1_000}


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it is compared: ``Book II, Chapter 3`` is 2, 3, and ``13A`` stands between 13 and 14."""

    numbers: tuple[tuple[int, str], ...]
    #: What stands between the numbers.
    words: tuple[str, ...]

    @classmethod
    def read(cls, place: str) -> Self:
        """As it is written."""
        numbers: list[tuple[int, str]] = []
        words: list[str] = []
        for part in _PART.finditer(place):
            if part["number"]:
                numbers.append((int(part["number"]), part["letter"].upper()))
            elif (roman := _of_roman(part["word"])) is not None:
                numbers.append((roman, ""))
            else:
                words.append(part["word"].casefold())
        return cls(tuple(numbers), tuple(words))


def in_order(passages: Iterable[Passage]) -> list[Passage]:
    """The passages of one work as a reader of the book comes to them.

    By their places, where all have one that can be compared with the others; else file by file, as they stand there.
    """
    found = sorted(passages, key=lambda passage: (passage.file or "", passage.position))
    places = [Place.read(passage.place or "") for passage in found]
    longest = max((place.words for place in places), key=len, default=())
    if not all(place.numbers and place.words == longest[: len(place.words)] for place in places):
        return found
    # Pieces of one place stay as they follow each other.
    order = sorted(range(len(found)), key=lambda at: places[at].numbers)
    return [found[at] for at in order]


def _of_roman(word: str) -> int | None:
    if _ROMAN.fullmatch(word) is None:
        return None
    values = [_VALUES[letter] for letter in word]
    return sum(
        value if value >= following else -value for value, following in zip(values, [*values[1:], 0], strict=True)
    )
