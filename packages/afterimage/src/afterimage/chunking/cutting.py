"""Code cut at its functions, methods and classes where a grammar is at hand, else at blank lines.

What an edit wrote is rarely a whole file: it is cut as well as it can be, and what no definition names is a block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from afterimage.chunking import blocks, definitions
from afterimage.chunking.languages import language_of
from afterimage.chunking.units import Cut, Span, Unit

__all__ = ["MOST_UNITS", "Cut", "Unit", "cut"]

#: Units of one text: what has more was not written by hand, and its neighbours are joined.
MOST_UNITS = 64
#: Characters of a unit: a longer one is several, of one name.
_MOST = 6_000
#: Characters that are read by a grammar: some milliseconds for every 10,000.
_MOST_PARSED = 400_000


def cut(path: str, text: str) -> Cut:
    """The units of ``text``, which was written at ``path``. Never fails; of a bounded number."""
    lines = text.split("\n")
    found: Sequence[Span] | None = None
    language = language_of(path) if len(text) <= _MOST_PARSED else None
    if language is not None:
        found = definitions.spans(language, lines)
    if found is None:
        language = None
        found = list(blocks.blocks(lines, 1, len(lines)))
    bounded = [part for span in found for part in _bounded(lines, span)]
    units = (_unit(lines, span) for span in _joined(bounded))
    return Cut(tuple(units), language.name if language else "")


def _bounded(lines: Sequence[str], span: Span) -> Iterator[Span]:
    """``span``, or parts of it if it is too long."""
    if sum(len(line) + 1 for line in lines[span.first - 1 : span.last]) <= _MOST:
        yield span
    else:
        yield from blocks.blocks(lines, span.first, span.last, span.name, span.kind)


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """No more than `MOST_UNITS`: neighbours are joined, and called by the first and the last of them."""
    together = -(-len(spans) // MOST_UNITS) or 1
    for start in range(0, len(spans), together):
        group = spans[start : start + together]
        names = list(dict.fromkeys(span.name for span in group if span.name))
        name = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}" if names else ""
        kind = group[0].kind if len(group) == 1 else "block"
        yield Span(name, kind, group[0].first, group[-1].last)


def _unit(lines: Sequence[str], span: Span) -> Unit:
    return Unit(span.name, span.kind, span.first, span.last, "\n".join(lines[span.first - 1 : span.last]))
