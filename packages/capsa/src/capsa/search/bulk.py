"""A segment of the lexical index out of many texts at once: equal to the one of their documents, and sooner made.

A document at a time, most of the work is done again and again: most words of a text are in the next one too. Here
every word of a block is taken apart once, and counting is left to numpy.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from capsa.search import tokens
from capsa.search.postings import Entries, Segment, assemble

#: Words that are counted at once: some twenty megabytes.
BLOCK = 200_000
#: A segment with so many terms takes no further texts: each costs some 200 bytes while it is made.
MOST_TERMS = 150_000

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
    words: array[int] = field(default_factory=lambda: array("q"))
    known: defaultdict[str, int] = field(default_factory=_numbers)


def build(texts: Iterable[tuple[int, str]], *, block: int = BLOCK, most_terms: int = MOST_TERMS) -> Segment | None:
    """Index texts, which come with ascending sequence numbers; None if there are none.

    With very many terms it ends early, and what is left of ``texts`` is for the next segment.
    """
    vocabulary = _numbers()
    seqs: list[int] = []
    lengths: list[int] = []
    pieces: list[Entries] = []
    for some in _blocks(texts, block):
        entries, length = _count(some, vocabulary)
        some.known.clear()
        pieces.append(Entries(entries.rows + np.uint32(len(seqs)), entries.terms, entries.occurrences))
        seqs += some.seqs
        lengths += length
        if len(vocabulary) >= most_terms:
            break
    return assemble(list(vocabulary), seqs, lengths, pieces)


def _blocks(texts: Iterable[tuple[int, str]], size: int) -> Iterator[_Block]:
    block = _Block()
    for seq, text in texts:
        found = tokens.split(text)
        block.seqs.append(seq)
        block.sizes.append(len(found))
        block.words.extend(map(block.known.__getitem__, found))
        if len(block.words) >= size or len(block.known) >= size:
            yield block
            block = _Block()
    if block.seqs:
        yield block


def _count(block: _Block, vocabulary: defaultdict[str, int]) -> tuple[Entries, list[int]]:
    """How often each term occurs in each text, and how many words each text has."""
    terms: list[int] = []
    term_counts: list[int] = []
    part_counts: list[int] = []
    number = vocabulary.__getitem__
    for token in block.known:
        parts, joined = tokens.take_apart(token)
        part_counts.append(len(parts))
        term_counts.append(len(parts) + len(joined))
        terms += map(number, parts)
        if joined:
            terms += map(number, joined)
    rows = np.repeat(np.arange(len(block.sizes)), block.sizes)
    row, token_of, times = _sum(rows, np.frombuffer(block.words, np.int64), None, len(block.known))
    lengths = np.bincount(row, np.array(part_counts, np.int64)[token_of] * times, len(block.sizes))
    # Every pair of text and word becomes as many pairs of text and term as the word has terms.
    fan = np.array(term_counts, np.int64)
    repeats = fan[token_of]
    ends = np.cumsum(repeats)
    first = (np.cumsum(fan) - fan)[token_of] - (ends - repeats)
    term_of = np.array(terms, np.int64)[np.repeat(first, repeats) + np.arange(len(repeats) and ends[-1])]
    row, term_of, times = _sum(np.repeat(row, repeats), term_of, np.repeat(times, repeats), len(vocabulary))
    return Entries.of(row, term_of, times), lengths.astype(np.int64).tolist()


def _sum(
    rows: _Integers, columns: _Integers, times: _Integers | None, width: int
) -> tuple[_Integers, _Integers, _Integers]:
    """Each pair of row and column once, in order, with the sum of its times (of how often it is there)."""
    keys = rows * width + columns
    if times is None:
        keys.sort()
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        sums = np.diff(firsts, append=len(keys))
    else:
        order = np.argsort(keys)
        keys = keys[order]
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        sums = np.add.reduceat(times[order], firsts) if len(firsts) else times
    row, column = np.divmod(keys[firsts], max(width, 1))
    return row, column, sums
