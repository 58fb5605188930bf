"""A segment of the lexical index out of many texts at once: equal to the one of their documents, and sooner made.

A document at a time, most of the work is done again and again: most words of a text are in the next one too. Here
every word of a segment is taken apart once, and counting is left to numpy.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice

import numpy as np
from numpy.typing import NDArray

from capsa.search import tokens
from capsa.search.postings import Entries, Segment, assemble
from capsa.search.stemmer import stem

#: Words that are counted at once: some ten megabytes.
BLOCK = 100_000
#: A segment with so many terms takes no further texts: each costs some 200 bytes while it is made.
MOST_TERMS = 75_000
#: So many words, as they are written, are remembered; they cost as much.
MOST_WORDS = 60_000

#: How often a term is in a text, in bits: the index does not tell more apart.
_TIMES = 8
_MOST_TIMES = (1 << _TIMES) - 1

_Integers = NDArray[np.int64]


def _numbers() -> defaultdict[str, int]:
    """Gives every new key the next number."""
    return defaultdict(count().__next__)


@dataclass(slots=True)
class _Block:
    """Some texts, as numbers of words."""

    seqs: list[int] = field(default_factory=list)
    #: How many words each text has, as they are written.
    sizes: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)


class _Parts(dict[str, int]):
    """Lower-case parts of words -> numbers of their terms."""

    def __init__(self, terms: defaultdict[str, int]) -> None:
        super().__init__()
        self._terms = terms

    def __missing__(self, part: str) -> int:
        # Not remembered longer than the segment: of all of a large memory it would fill the room.
        number = self[part] = self._terms[stem.__wrapped__(part)]
        return number


class _Vocabulary:
    """The words of a segment as they are written, its terms, and which terms each word gives."""

    def __init__(self) -> None:
        """Empty."""
        #: Filled by whoever reads the texts; `learn` takes apart what is new.
        self.words = _numbers()
        self.terms = _numbers()
        self._parts = _Parts(self.terms)
        #: The terms of all words, one word after another.
        self._given = array("q")
        #: By word: how many terms it gives, and how many of these are words, not several joined.
        self._fans, self._sizes = array("q"), array("q")

    def learn(self) -> None:
        """Take the words apart that came since the last time."""
        give, give_all, part = self._given.append, self._given.extend, self._parts.__getitem__
        new = list(islice(self.words, len(self._fans), None))
        for word, chain in zip(new, tokens.chains(new), strict=True):
            if chain is None:
                words, joined = tokens.take_apart(word)
                give_all(map(self.terms.__getitem__, words + joined))
                size, fan = len(words), len(words) + len(joined)
            elif "_" in chain:
                parts = [each for each in chain.split("_") if each]
                give_all(map(part, parts))
                size = fan = len(parts)
                if size > 1:
                    give(self.terms[tokens.joined(parts)])
                    fan += 1
            else:
                give(part(chain))
                size = fan = 1
            self._sizes.append(size)
            self._fans.append(fan)

    def forget_words(self) -> None:
        """Make room: words that come again are taken apart again, into the same terms."""
        self.words.clear()
        self.words.default_factory = count().__next__
        for each in (self._given, self._fans, self._sizes):
            del each[:]

    def count(self, block: _Block) -> tuple[Entries, list[int]]:
        """How often each term occurs in each text, and how many words each text has."""
        self.learn()
        fans, sizes = np.array(self._fans), np.array(self._sizes)
        rows = np.repeat(np.arange(len(block.sizes)), block.sizes)
        row, word, times = _alike(rows, np.array(block.words, np.int64), len(self.words))
        lengths = np.bincount(row, sizes[word] * times, len(block.sizes))
        # Every pair of text and word becomes as many pairs of text and term as the word has terms.
        repeats = fans[word]
        ends = np.cumsum(repeats)
        first = (np.cumsum(fans) - fans)[word] - (ends - repeats)
        term = np.array(self._given)[np.repeat(first, repeats) + np.arange(len(repeats) and ends[-1])]
        counted = _added(np.repeat(row, repeats), term, np.repeat(times, repeats), len(self.terms))
        return Entries.of(*counted), lengths.astype(np.int64).tolist()


def build(
    texts: Iterable[tuple[int, str]], *, block: int = BLOCK, most_terms: int = MOST_TERMS, most_words: int = MOST_WORDS
) -> Segment | None:
    """Index texts, which come with ascending sequence numbers; None if there are none.

    With very many terms it ends early, and what is left of ``texts`` is for the next segment.
    """
    vocabulary = _Vocabulary()
    seqs: list[int] = []
    lengths: list[int] = []
    pieces: list[Entries] = []
    for some in _blocks(texts, vocabulary.words, block):
        entries, length = vocabulary.count(some)
        pieces.append(Entries(entries.rows + np.uint32(len(seqs)), entries.terms, entries.occurrences))
        seqs += some.seqs
        lengths += length
        if len(vocabulary.terms) >= most_terms:
            break
        if len(vocabulary.words) >= most_words:
            vocabulary.forget_words()
    terms = list(vocabulary.terms)
    # What follows needs the room.
    del vocabulary
    return assemble(terms, seqs, lengths, pieces)


def _blocks(texts: Iterable[tuple[int, str]], known: defaultdict[str, int], size: int) -> Iterator[_Block]:
    """The texts in parts of so many words, which are numbered by ``known``."""
    block = _Block()
    for seq, text in texts:
        found = tokens.split(text)
        block.seqs.append(seq)
        block.sizes.append(len(found))
        block.words.extend(map(known.__getitem__, found))
        if len(block.words) >= size:
            yield block
            block = _Block()
    if block.seqs:
        yield block


def _alike(rows: _Integers, columns: _Integers, width: int) -> tuple[_Integers, _Integers, _Integers]:
    """Each pair of row and column once, in order, with how often it is there."""
    keys = rows * width + columns
    keys.sort()
    firsts = np.flatnonzero(np.diff(keys, prepend=-1))
    row, column = np.divmod(keys[firsts], max(width, 1))
    return row, column, np.diff(firsts, append=len(keys))


def _added(rows: _Integers, columns: _Integers, times: _Integers, width: int) -> tuple[_Integers, _Integers, _Integers]:
    """Each pair of row and column once, in order, with the sum of its times, which is right up to 255."""
    # Sorted together in one number, which takes half as long as an order of the pairs.
    keys = (rows * width + columns) << _TIMES | np.minimum(times, _MOST_TIMES)
    keys.sort()
    pairs = keys >> _TIMES
    firsts = np.flatnonzero(np.diff(pairs, prepend=-1))
    row, column = np.divmod(pairs[firsts], max(width, 1))
    return row, column, np.add.reduceat(keys & _MOST_TIMES, firsts) if len(firsts) else times
