"""Terms of the index -> the words of the query that they come from, as they were typed: for explanations."""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from capsa.search import tokens

#: Where an identifier is taken apart, as `capsa.search.tokens` does it.
_SEAM = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")
_AROUND = string.punctuation.replace("_", "")


@dataclass(frozen=True, slots=True)
class _Choice:
    """Terms that a word of the query gives, each with what is shown for it; the first ones there are, alone."""

    alternatives: tuple[tuple[tuple[str, str], ...], ...]


class Typed:
    """The words of a query, taken apart once, however many hits are explained by them."""

    def __init__(self, query: str) -> None:
        self._query = query

    def giving(self, terms: Collection[str]) -> list[str]:
        """The words that give any of ``terms``, each once; an identifier is whole if it was found whole."""
        wanted = frozenset(terms)
        shown: dict[str, None] = {}
        for choice in self._choices:
            for alternative in choice.alternatives:
                if found := [word for term, word in alternative if term in wanted]:
                    shown.update(dict.fromkeys(found))
                    break
        return list(shown)

    @functools.cached_property
    def _choices(self) -> list[_Choice]:
        return [choice for typed in dict.fromkeys(self._query.split()) for choice in _choices(typed)]


def _choices(typed: str) -> Iterator[_Choice]:
    split = tokens.split(typed)
    for token in split:
        # Alone it is shown with its accents, which the index drops.
        shown = typed.strip(_AROUND) if len(split) == 1 else token
        parts, joined = tokens.take_apart(token)
        if not joined:
            yield _Choice((tuple((part, shown) for part in parts),))
        elif len(joined) > 1:
            # Neighbours in a script without spaces.
            yield _Choice((tuple((pair, pair) for pair in joined),))
        else:
            pieces = [piece for piece in _SEAM.split(token) if piece]
            yield _Choice((((joined[0], shown),), tuple(zip(parts, pieces, strict=False))))
