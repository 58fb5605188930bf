"""Entries that are nearly the same are one answer, so that five copies do not push out the second answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from afterimage.hook.fingerprints import Lines

if TYPE_CHECKING:
    from capsa import Record

#: Characters of an entry that are compared.
_MOST = 100_000
#: The share of their lines that texts have in common which are nearly the same. The lines are at hand, so they are
#: compared themselves: the marks of the recall index see a function of eight lines change in half of them.
_NEARLY = 0.75


def grouped(records: Sequence[Record]) -> list[list[Record]]:
    """``records``, best first, in groups of nearly the same code, each where its best stood."""
    groups: list[tuple[set[str], list[Record]]] = []
    for record in records:
        lines = set(Lines(record.text[:_MOST]).texts)
        group = next((known for first, known in groups if _nearly(first, lines)), None)
        if group is None:
            groups.append((lines, [record]))
        else:
            group.append(record)
    return [group for _, group in groups]


def _nearly(one: set[str], other: set[str]) -> bool:
    most = max(len(one), len(other))
    return min(len(one), len(other)) >= _NEARLY * most > 0 and len(one & other) >= _NEARLY * most
