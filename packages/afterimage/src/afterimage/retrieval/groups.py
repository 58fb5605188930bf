"""What is nearly the same is one answer, so that five copies do not push out the second answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from afterimage.hook.fingerprints import Lines

_T = TypeVar("_T")

#: Characters of a text that are compared.
_MOST = 100_000
#: The share of their lines that texts have in common which are nearly the same. The lines are at hand, so they are
#: compared themselves: the marks of the recall index see a function of eight lines change in half of them.
_NEARLY = 0.75


def grouped(found: Sequence[_T], text: Callable[[_T], str]) -> list[list[_T]]:
    """``found``, best first, in groups of nearly the same ``text``, each where its best stood."""
    groups: list[tuple[set[str], list[_T]]] = []
    for one in found:
        lines = set(Lines(text(one)[:_MOST]).texts)
        group = next((known for first, known in groups if _nearly(first, lines)), None)
        if group is None:
            groups.append((lines, [one]))
        else:
            group.append(one)
    return [group for _, group in groups]


def _nearly(one: set[str], other: set[str]) -> bool:
    most = max(len(one), len(other))
    return min(len(one), len(other)) >= _NEARLY * most > 0 and len(one & other) >= _NEARLY * most
