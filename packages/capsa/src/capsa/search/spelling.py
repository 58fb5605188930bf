"""Terms of the index -> the words of the query that they come from, as they were typed: for explanations."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterator

from capsa.search import tokens

#: Where an identifier is taken apart, as `capsa.search.tokens` does it.
_SEAM = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")
_AROUND = string.punctuation.replace("_", "")


def as_typed(query: str, terms: Collection[str]) -> list[str]:
    """The words of ``query`` that give any of ``terms``, each once; an identifier is whole if it was found whole."""
    wanted = set(terms)
    return list(dict.fromkeys(word for typed in query.split() for word in _words(typed, wanted)))


def _words(typed: str, wanted: set[str]) -> Iterator[str]:
    split = tokens.split(typed)
    for token in split:
        # Alone it is shown with its accents, which the index drops.
        shown = typed.strip(_AROUND) if len(split) == 1 else token
        parts, joined = tokens.take_apart(token)
        if not joined:
            yield from (shown for part in parts if part in wanted)
        elif len(joined) > 1:
            # Neighbours in a script without spaces.
            yield from (pair for pair in joined if pair in wanted)
        elif joined[0] in wanted:
            yield shown
        else:
            pieces = [piece for piece in _SEAM.split(token) if piece]
            yield from (piece for part, piece in zip(parts, pieces, strict=False) if part in wanted)
