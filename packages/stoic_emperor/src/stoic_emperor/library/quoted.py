"""Where a text quotes: the spans between quotation marks of any style, and block quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Shorter spans are titles, terms and scare quotes.
MIN_WORDS = 4
#: Longer ones are a mark that was never closed.
MAX_LENGTH = 4_000

WORD = re.compile(r"[^\W_]+")

# Opening mark -> what closes it. A German quotation closes with what opens an English one.
_PAIRS = {
    "“": "”",
    "„": "“”",
    "«": "»",
    "»": "«",
    "‹": "›",
    "「": "」",
    "『": "』",
    "‘": "’",
    '"': '"',
    "'": "'",
    "‚": "‘’",
}
_OPENING = re.compile(f"[{''.join(_PAIRS)}]")
#: Also apostrophes: they open only before a word and close only after one.
_AMBIGUOUS = frozenset("'’‘")

_BLOCK_LINE = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+(.*)$")
_ATTRIBUTION = re.compile(r"[ \t]*(?:—|–|--|―|-[ \t])")
_FENCED = re.compile(r"^[ \t]{0,3}(```|~~~)")
_MARKS = "".join({*_PAIRS, *"".join(_PAIRS.values())})


@dataclass(frozen=True, slots=True)
class Span:
    """A quotation as it stands in a text."""

    #: Without the marks.
    text: str
    #: From its first mark to behind its last, or the lines of a block.
    start: int
    end: int
    block: bool = False


def find_quoted(text: str) -> list[Span]:
    """The quotations of at least four words, in order; what stands inside another is not told apart."""
    blocks, runs = _lines(text)
    spans = [span for block in blocks if (span := _block(text, *block))]
    for start, end in runs:
        spans.extend(_inline(text, start, end))
    return sorted((span for span in spans if _counts(span.text)), key=lambda span: span.start)


def _counts(text: str) -> bool:
    # Scripts without blanks have no words to count: there, a character is one.
    return sum(len(word) if ord(word[0]) >= 0x2E80 else 1 for word in WORD.findall(text)) >= MIN_WORDS


def _lines(text: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Block quotes, and the paragraphs between them; code is neither."""
    blocks: list[tuple[int, int]] = []
    runs: list[tuple[int, int]] = []
    place, fenced, last = 0, False, ""
    for line in text.splitlines(keepends=True):
        end = place + len(line)
        if _FENCED.match(line):
            fenced, kind = not fenced, ""
        elif fenced or not line.strip():
            kind = ""
        else:
            kind = "block" if _BLOCK_LINE.match(line.rstrip("\r\n")) else "run"
        if kind:
            where = blocks if kind == "block" else runs
            if kind == last:
                where[-1] = where[-1][0], end
            else:
                where.append((place, end))
        place, last = end, kind
    return blocks, runs


def _block(text: str, start: int, end: int) -> Span | None:
    inner: list[str] = []
    for line in text[start:end].splitlines():
        match = _BLOCK_LINE.match(line)
        content = match[1] if match else ""
        if inner and _ATTRIBUTION.match(content):
            break
        inner.append(content)
    said = "\n".join(inner).strip().strip("*_").strip(_MARKS)
    body = text[start:end].rstrip()
    return Span(said, start, start + len(body), block=True) if said else None


def _inline(text: str, start: int, end: int) -> list[Span]:
    spans: list[Span] = []
    # Where a mark was looked for in vain, it need not be looked for again: no text takes quadratic time.
    hopeless: set[str] = set()
    place = start
    while match := _OPENING.search(text, place, end):
        opening, at = match[0], match.start()
        place = at + 1
        if opening in hopeless or not _opens(text, at, start, end):
            continue
        closing = _closing(text, at + 1, end, opening)
        if closing is None:
            hopeless.add(opening)
        elif closing - at <= MAX_LENGTH:
            spans.append(Span(text[at + 1 : closing].strip(), at, closing + 1))
            place = closing + 1
    return spans


def _opens(text: str, at: int, start: int, end: int) -> bool:
    before = text[at - 1] if at > start else " "
    after = text[at + 1] if at + 1 < end else " "
    if text[at] in "\"'":
        return not before.isalnum() and not after.isspace()
    # The French put a blank inside, and » opens only where it does not close.
    return not (before.isalnum() and text[at] in "»‘‚")


def _closing(text: str, first: int, end: int, opening: str) -> int | None:
    wanted = _PAIRS[opening]
    for at in range(first, end):
        if text[at] not in wanted:
            continue
        after = text[at + 1] if at + 1 < end else " "
        if text[at] in _AMBIGUOUS and opening in "'‘‚" and (after.isalnum() or text[at - 1].isspace()):
            continue
        if opening == '"' and text[at - 1].isspace() and after.isalnum():
            continue
        return at
    return None
