"""Lines in blocks of a bounded size, cut where blank lines are: what is left where no grammar helps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from afterimage.chunking.units import Span

#: Characters of a block: it is closed at the next blank line when it has so many, and anywhere before it has more.
LEAST, MOST = 500, 1_600
#: Characters without spaces that are worth a place of their own.
WORTHWHILE = 24


def blocks(lines: Sequence[str], first: int, last: int, name: str = "", kind: str = "block") -> Iterator[Span]:
    """The lines from ``first`` to ``last``, counted from 1, in blocks; those with next to nothing in them left out."""
    begin, size = first, 0
    for number in range(first, last + 1):
        line = lines[number - 1]
        if size and (size + len(line) > MOST or (size >= LEAST and not line.strip())):
            yield from trimmed(lines, Span(name, kind, begin, number - 1))
            begin, size = number, 0
        size += len(line) + 1
    yield from trimmed(lines, Span(name, kind, begin, last))


def trimmed(lines: Sequence[str], span: Span) -> Iterator[Span]:
    """``span`` without blank lines around it; nothing, if next to nothing is left."""
    first, last = span.first, span.last
    while first <= last and not lines[first - 1].strip():
        first += 1
    while last >= first and not lines[last - 1].strip():
        last -= 1
    letters = 0
    for number in range(first, last + 1):
        letters += len("".join(lines[number - 1].split()))
        if letters >= WORTHWHILE:
            yield Span(span.name, span.kind, first, last)
            return
