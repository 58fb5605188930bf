"""The unit of an entry that answers a question: what is shown of it, and judged."""

from __future__ import annotations

from collections.abc import Sequence

from afterimage.chunking.cutting import cut
from afterimage.chunking.entries import WINDOW
from afterimage.chunking.units import Unit
from afterimage.hook.fingerprints import Lines

#: Words of a long question that are looked for.
_MOST_WORDS = 200


def units_of(path: str, text: str) -> tuple[Unit, ...]:
    """The units of what is too long to be shown whole; none where there are not several."""
    if len(text) <= WINDOW:
        return ()
    units = cut(path, text).units
    return units if len(units) > 1 else ()


def answering(
    units: Sequence[Unit], question: str, nearest: Unit | None = None, *, literal: bool = False
) -> Unit | None:
    """The one of ``units`` to show; None if none of them answers better than the others.

    Args:
        nearest: the one that is nearest in meaning, where that is known.
        literal: whether the question stands somewhere in them in so many letters.
    """
    if not units:
        return None
    if literal or nearest is None:
        by_words = _by_words(units, question)
        if by_words is not None:
            return by_words
    return nearest


def like(units: Sequence[Unit], code: str) -> Unit | None:
    """The one of ``units`` that has most lines in common with ``code``; None if none has any."""
    wanted = set(Lines(code).texts)
    shared = [len(wanted & set(Lines(unit.text).texts)) for unit in units]
    return units[shared.index(max(shared))] if any(shared) else None


def _by_words(units: Sequence[Unit], question: str) -> Unit | None:
    from capsa import query_terms

    whole = _flat(question)
    having = [unit for unit in units if whole and whole in _flat(unit.text)]
    if having:
        # Where it is defined comes before where it is used.
        return next((unit for unit in having if whole in _flat(unit.name)), having[0])
    asked = set(query_terms(question)[:_MOST_WORDS])
    weights = [_weight(asked & set(query_terms(f"{unit.name}\n{unit.text}"))) for unit in units]
    named = [_weight(asked & set(query_terms(unit.name))) for unit in units]
    best = max(range(len(units)), key=lambda i: (weights[i] + named[i], -i))
    return units[best] if weights[best] else None


def _weight(words: set[str]) -> int:
    # A long word is a rare one.
    return sum(min(len(word), 8) for word in words)


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
