"""Two texts compared by line, and lines that were changed by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

#: Unchanged lines shown around each change.
_AROUND = 3
#: Lines of the parts that differ: of more, all of the one goes and all of the other comes.
_MOST_LINES = 3_000
#: Lines of a difference that are shown.
_SHOWN = 2_000
#: Words of a line that are compared, and the least share that two lines have in common if one became the other.
_MOST_WORDS, _ALIKE = 300, 0.4
_WORD = re.compile(r"\w+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference."""

    #: "+", "-", " ", or "" for lines that are left out, whose number is in ``hidden``.
    sign: str
    old: int | None = None
    new: int | None = None
    parts: tuple[Part, ...] = ()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of a text."""

    lines: tuple[Line, ...]
    added: int
    removed: int
    #: Lines beyond those that are shown.
    more: int = 0


def difference(old: str, new: str) -> Difference:
    """What leads from ``old`` to ``new``: bounded in time and size, whatever they are."""
    before, after = _lines(old), _lines(new)
    found = list(_compared(before, after))
    added = sum(line.sign == "+" for line in found)
    removed = sum(line.sign == "-" for line in found)
    shown = list(_folded(found))
    return Difference(tuple(shown[:_SHOWN]), added, removed, max(len(shown) - _SHOWN, 0))


def _lines(text: str) -> list[str]:
    # A text that ends a line begins no other.
    return text.removesuffix("\n").split("\n") if text else []


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    for tag, a, b, c, d in _steps(before, after):
        if tag == "equal":
            for n in range(b - a):
                yield Line(" ", a + n + 1, c + n + 1, (Part(before[a + n]),))
        else:
            yield from _replaced(before[a:b], after[c:d], a + 1, c + 1)


def _steps(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """As `SequenceMatcher.get_opcodes`, with what is the same at both ends taken off first."""
    start = 0
    most = min(len(before), len(after))
    while start < most and before[start] == after[start]:
        start += 1
    end = 0
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    a, b = len(before) - end, len(after) - end
    if start:
        yield "equal", 0, start, 0, start
    if a - start > _MOST_LINES or b - start > _MOST_LINES:
        yield "replace", start, a, start, b
    else:
        for tag, i, j, k, m in SequenceMatcher(None, before[start:a], after[start:b]).get_opcodes():
            yield tag, start + i, start + j, start + k, start + m
    if end:
        yield "equal", a, len(before), b, len(after)


def _replaced(gone: Sequence[str], came: Sequence[str], old: int, new: int) -> Iterator[Line]:
    pairs = [_words(one, other) for one, other in zip(gone, came, strict=False)]
    for n, text in enumerate(gone):
        yield Line("-", old + n, None, pairs[n][0] if n < len(pairs) else (Part(text),))
    for n, text in enumerate(came):
        yield Line("+", None, new + n, pairs[n][1] if n < len(pairs) else (Part(text),))


def _words(one: str, other: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Both lines with what is different in them marked, if enough of them is the same."""
    before, after = _WORD.findall(one), _WORD.findall(other)
    plain = (Part(one),), (Part(other),)
    if max(len(before), len(after)) > _MOST_WORDS:
        return plain
    steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    same = sum(len("".join(before[a:b]).strip()) for tag, a, b, _, _ in steps if tag == "equal")
    if same < _ALIKE * max(len(one.strip()), len(other.strip()), 1):
        return plain
    return (
        tuple(Part("".join(before[a:b]), tag != "equal") for tag, a, b, _, _ in steps if b > a),
        tuple(Part("".join(after[c:d]), tag != "equal") for tag, _, _, c, d in steps if d > c),
    )


def _folded(lines: Sequence[Line]) -> Iterator[Line]:
    """Without the unchanged lines that are far from any change."""
    near: set[int] = set()
    for n, line in enumerate(lines):
        if line.sign != " ":
            near.update(range(n - _AROUND, n + _AROUND + 1))
    hidden = 0
    for n, line in enumerate(lines):
        if n in near:
            if hidden:
                yield Line("", hidden=hidden)
            hidden = 0
            yield line
        else:
            hidden += 1
    if hidden:
        yield Line("", hidden=hidden)
