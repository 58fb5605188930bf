"""Sections -> passages of a size that the model reads whole, cut where sentences end."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stoic_emperor.library.documents import Section

#: MiniLM reads 256 tokens, two of them its own; the rest of the margin is for what is only estimated here.
MAX_TOKENS = 236
MAX_WORDS = 180
#: A cut paragraph begins again with its last sentence, if that is no longer.
MAX_OVERLAP = 40
#: A passage smaller than this is filled up, even if the next paragraph must be cut for it.
_SMALL = MAX_TOKENS // 4
#: No passage can have more characters, as blanks in paragraphs are single: the longest word of one token has seven, and
#: a blank behind it. So much is looked at to find where to cut: a sentence may have megabytes.
_WINDOW = 8 * (MAX_TOKENS + 8)

#: Begun at a mark that follows none and never taken back: a megabyte of dots is looked at once, not once a dot.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+\s+|[。！？]++[」』）]*")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Prof|Sr|Jr|vs|cf|e\.g|i\.e|etc|vol|ch|chap|sec|no|pp?|ed|trans|viz)\.\s+$"
)
_CLAUSE = re.compile(r"[,;:—–]\s*")
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage to be, and its place in its section."""

    text: str
    section: Section
    #: So many words at its beginning are the end of the one before.
    overlap: int = 0


def chunks(sections: Sequence[Section]) -> Iterator[Chunk]:
    """The passages of a document, in order."""
    for section in sections:
        yield from _Packing(section).run()


@functools.lru_cache(maxsize=256)
def tokens(text: str) -> int:
    """About how many tokens MiniLM makes of a text: seldom fewer than it does."""
    return sum(_tokens(word) for word in _WORD.findall(text))


def _tokens(word: str) -> int:
    if not word.isascii():
        return len(word)
    # Frequent words are one token, long and rare ones several.
    return 1 if len(word) < 8 else len(word) // 3


@functools.lru_cache(maxsize=256)
def words(text: str) -> int:
    """Words as a person counts them; every character of a script without blanks is one."""
    return sum(len(run) if len(run) > 30 and not run.isascii() else 1 for run in text.split())


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph; put together with blanks they are the paragraph."""
    found: list[str] = []
    start = 0
    for match in _END.finditer(paragraph):
        following = paragraph[match.end() : match.end() + 1]
        spaced = match[0][-1:].isspace()
        if spaced and (following.islower() or _ABBREVIATED.search(paragraph[max(0, match.start() - 8) : match.end()])):
            continue
        found.append(paragraph[start : match.end()].rstrip())
        start = match.end()
    found.append(paragraph[start:])
    return [sentence for sentence in found if sentence.strip()]


@dataclass(slots=True)
class _Packing:
    """Fills one passage after another with the paragraphs of a section."""

    section: Section
    _blocks: list[str] = field(default_factory=list)
    _tokens: int = 0
    _words: int = 0
    _overlap: int = 0
    _done: list[Chunk] = field(default_factory=list)

    def run(self) -> list[Chunk]:
        for paragraph in self.section.paragraphs:
            if self._fits(paragraph):
                self._append(paragraph, new_block=True)
            elif _too_long(paragraph) or self._tokens < _SMALL:
                self._cut(paragraph)
            else:
                self._close()
                self._append(paragraph, new_block=True)
        self._close()
        return self._done

    def _fits(self, text: str) -> bool:
        return (
            len(text) <= _WINDOW
            and self._tokens + tokens(text) <= MAX_TOKENS
            and self._words + words(text) <= MAX_WORDS
        )

    def _append(self, text: str, *, new_block: bool) -> None:
        if new_block or not self._blocks:
            self._blocks.append(text)
        else:
            self._blocks[-1] += " " + text
        self._tokens += tokens(text)
        self._words += words(text)

    def _close(self) -> None:
        if self._blocks:
            self._done.append(Chunk("\n\n".join(self._blocks), self.section, self._overlap))
        self._blocks, self._tokens, self._words, self._overlap = [], 0, 0, 0

    def _cut(self, paragraph: str) -> None:
        before = ""
        for sentence in _bounded(sentences(paragraph)):
            if not self._fits(sentence):
                self._close()
                # Repeated only together with something new: no passage is nothing but an overlap.
                if before and words(before) <= MAX_OVERLAP and not _too_long(before + " " + sentence):
                    self._append(before, new_block=True)
                    self._overlap = words(before)
            self._append(sentence, new_block=not before)
            before = sentence


def _too_long(text: str) -> bool:
    return len(text) > _WINDOW or tokens(text) > MAX_TOKENS or words(text) > MAX_WORDS


def _bounded(whole: Sequence[str]) -> Iterator[str]:
    """Sentences, those that no passage can hold cut at a clause, a word, or wherever it must be."""
    for sentence in whole:
        start = 0
        while _too_long(rest := sentence[start : start + _WINDOW + 1]):
            cut = _where_to_cut(rest)
            if piece := rest[:cut].rstrip():
                yield piece
            start += cut + len(rest[cut:]) - len(rest[cut:].lstrip())
        if rest:
            yield rest


def _where_to_cut(text: str) -> int:
    size = end = 0
    for count, match in enumerate(_WORD.finditer(text)):
        size += _tokens(match[0])
        if size > MAX_TOKENS or count == MAX_WORDS:
            break
        end = match.end()
    if end == 0:
        return MAX_TOKENS
    clauses = [match.end() for match in _CLAUSE.finditer(text, end // 2, end)]
    if clauses:
        return clauses[-1]
    blank = text.rfind(" ", 1, end)
    return blank if blank > 0 else end
