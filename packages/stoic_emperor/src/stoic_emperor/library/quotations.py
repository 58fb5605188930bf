"""Whether what a reply puts in quotation marks stands in the library, word for word.

A model quotes from memory, and memory invents. First the passages are looked at that have all of the words, then those
that have the rarest; the words are compared one by one. Only the spelling, the punctuation and the case may differ, and
an ellipsis may leave something out.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from capsa import Mode
from stoic_emperor.library.passages import Kind, Passage
from stoic_emperor.library.quoted import WORD, Span, find_quoted

if TYPE_CHECKING:
    from stoic_emperor.library.library import Library

#: No reply quotes more; what comes after is not looked up.
MAX_QUOTATIONS = 12
#: Words that a search goes by, the longest first; the store weighs them by how rare they are.
_SEARCHED_WORDS = 16
#: Passages looked at word by word; of a short quotation more, as many passages have all of its words.
_CANDIDATES = 12
_CANDIDATES_IF_SHORT = 60
_CANDIDATES_IF_FREQUENT = 300
_SHORT = 8
#: With this share of the quotation's pairs of neighbouring words, a passage is what the quotation goes back to.
_RESEMBLES = 0.3
#: Between two ellipses at least one piece must be long enough to mean something.
_MIN_PIECE = 3

_ELLIPSIS = re.compile(r"\[[^\[\]]{0,200}\]|\(\s*(?:\.\s?\.\s?\.|…)\s*\)|\.\s?\.\s?\.(?:\s?\.)*|…")
_APOSTROPHES = re.compile("['’‘ʼ`´]")
_MARKUP = re.compile(r"[*_]+")


class Verdict(enum.StrEnum):
    """What the library says of a quotation."""

    #: It stands there word for word.
    VERBATIM = "verbatim"
    #: It does not, but something like it does.
    PARAPHRASE = "paraphrase"
    #: Nothing like it.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quotation in a reply, and what the library says of it."""

    span: Span
    verdict: Verdict
    #: The passage that has it, or that it resembles.
    passage: Passage | None = None

    @property
    def text(self) -> str:
        """What is quoted, without its marks."""
        return self.span.text

    @property
    def author(self) -> str | None:
        """Of the passage."""
        return self.passage.author if self.passage else None

    @property
    def work(self) -> str | None:
        """Of the passage."""
        return self.passage.work if self.passage else None

    @property
    def place(self) -> str | None:
        """Of the passage."""
        return self.passage.place if self.passage else None

    @property
    def source_line(self) -> str:
        """The line that tells a reader where the words are from."""
        if self.passage is None:
            return "not in the library: take it as a paraphrase"
        if self.verdict is Verdict.PARAPHRASE:
            return f"a paraphrase; compare {self.passage.reference}"
        if self.passage.kind is Kind.REFLECTION:
            return f"the library's own words, after {self.passage.reference}"
        return self.passage.reference


def check_quotations(reply: str, library: Library, *, said: Iterable[str] = ()) -> list[Quotation]:
    """Look up every quotation of at least four words of a completed reply.

    Args:
        said: what the person has said in this conversation: their own words, quoted back to them, are no
            quotation of an author and are left out.
    """
    own = [normal(text) for text in said]
    found: list[Quotation] = []
    for span in find_quoted(reply):
        pieces = _pieces(span.text)
        if not pieces or any(_stands_in(pieces, text) for text in own):
            continue
        found.append(_check(span, pieces, library))
        if len(found) == MAX_QUOTATIONS:
            break
    return found


def annotate(reply: str, quotations: Sequence[Quotation]) -> str:
    """The reply with a line below each paragraph that quotes, telling where the words are from."""
    below: dict[int, list[Quotation]] = {}
    for quotation in quotations:
        below.setdefault(_end_of_paragraph(reply, quotation.span), []).append(quotation)
    parts, last = [], 0
    for end, quoted in sorted(below.items()):
        parts += [reply[last:end], "\n\n", f"*— {_told(quoted)}*"]
        last = end
    rest = reply[last:]
    # A line set close below would be taken for a part of the source.
    return "".join(parts) + (f"\n{rest}" if parts and rest.startswith("\n") and not rest.startswith("\n\n") else rest)


def _told(quoted: Sequence[Quotation]) -> str:
    """The sources of one paragraph; where there are several, each begins with what it is the source of."""
    lines = list(dict.fromkeys(quotation.source_line for quotation in quoted))
    if len(lines) == 1:
        return lines[0]
    return "; ".join(f"“{' '.join(quotation.text.split()[:3])} …”: {quotation.source_line}" for quotation in quoted)


def normal(text: str) -> str:
    """The words of a text, in lower case between single blanks; apostrophes inside words do not part them."""
    plain = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", text))
    return " " + " ".join(WORD.findall(plain.casefold())) + " "


def _pieces(text: str) -> list[str]:
    """What stands between the ellipses; none if nothing is left that could be looked up."""
    pieces = [piece for piece in (normal(part) for part in _ELLIPSIS.split(_MARKUP.sub("", text))) if piece.strip()]
    longest = max((len(piece.split()) for piece in pieces), default=0)
    unspaced = any(ord(character) >= 0x2E80 for piece in pieces for character in piece)
    return pieces if longest >= _MIN_PIECE or unspaced else []


def _stands_in(pieces: Sequence[str], text: str) -> bool:
    place = 0
    for piece in pieces:
        place = text.find(piece, place)
        if place < 0:
            # Scripts without blanks have no words that could end where the quotation does.
            return len(pieces) == 1 and not piece.isascii() and piece.strip() in text and ord(piece[1]) >= 0x2E80
        # The blank behind a piece is also the one before the next.
        place += len(piece) - 1
    return True


def _check(span: Span, pieces: Sequence[str], library: Library) -> Quotation:
    having_all = library.holding(" ".join(_ELLIPSIS.split(_MARKUP.sub("", span.text))), _CANDIDATES_IF_FREQUENT)
    if verbatim := _verbatim(pieces, _normalised(having_all or ())):
        return _quoted(span, verbatim)
    words = dict.fromkeys(word for piece in pieces for word in piece.split())
    query = " ".join(sorted(words, key=len, reverse=True)[:_SEARCHED_WORDS])
    if having_all is None:
        # All its words are frequent ones, so the passage that has them in this order may stand far down.
        limit = _CANDIDATES_IF_FREQUENT
    else:
        limit = _CANDIDATES_IF_SHORT if len(words) < _SHORT else _CANDIDATES
    texts = _normalised(library.search(query, limit, mode=Mode.LEXICAL))
    if verbatim := _verbatim(pieces, texts) or _over_a_cut(pieces, texts):
        return _quoted(span, verbatim)
    best = max(texts, key=lambda each: _resemblance(pieces, each[1]), default=None)
    if best is not None and _resemblance(pieces, best[1]) >= _RESEMBLES:
        return Quotation(span, Verdict.PARAPHRASE, best[0])
    return Quotation(span, Verdict.UNKNOWN)


def _quoted(span: Span, passages: Sequence[Passage]) -> Quotation:
    # An author's own words before ours about them.
    return Quotation(span, Verdict.VERBATIM, min(passages, key=lambda passage: passage.kind is Kind.REFLECTION))


def _normalised(passages: Iterable[Passage]) -> list[tuple[Passage, str]]:
    return [(passage, normal(passage.text)) for passage in passages]


def _verbatim(pieces: Sequence[str], texts: Sequence[tuple[Passage, str]]) -> list[Passage]:
    return [passage for passage, text in texts if _stands_in(pieces, text)]


def _over_a_cut(pieces: Sequence[str], texts: Sequence[tuple[Passage, str]]) -> list[Passage]:
    return [passage for passage, text in _joined(texts) if _stands_in(pieces, text)]


def _joined(texts: Sequence[tuple[Passage, str]]) -> Iterable[tuple[Passage, str]]:
    """Neighbours in a file as one text: a quotation may reach over the cut between them."""
    ordered = sorted(texts, key=lambda each: (each[0].file or "", each[0].position))
    for (first, text), (second, following) in pairwise(ordered):
        if first.file and first.file == second.file and first.position + 1 == second.position:
            words = normal(" ".join(second.text.split()[second.overlap :])) if second.overlap else following
            yield first, text.rstrip() + words


def _resemblance(pieces: Sequence[str], text: str) -> float:
    """The share of the quotation's pairs of neighbouring words that stand in the text."""
    pairs = {pair for piece in pieces for pair in pairwise(piece.split())}
    return len(pairs & set(pairwise(text.split()))) / len(pairs) if pairs else 0.0


def _end_of_paragraph(reply: str, span: Span) -> int:
    if span.block:
        return span.end
    blank = re.compile(r"\n[ \t]*\n|\n(?=[ \t]{0,3}>)").search(reply, span.end)
    return blank.start() if blank else len(reply.rstrip())
