"""Ranking by words: what a transaction sees of one collection's lexical index, and BM25 over it.

Every record with a word of the query is scored by its rarer words; what is bounded is how many words are looked up
and how many postings are read. A query too long for that (a page of code) has words left over, all of them frequent or
one of very many: those are weighed in the best records alone, by the forward index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capsa.database import Transaction
from capsa.search import blocks, directory, forward, keys, lexical, postings, scoring, segments
from capsa.search.blocks import Chunked
from capsa.search.forward import Documents
from capsa.search.pending import Pending

#: So many terms are looked up, and their number of records is exact; of a longer query, those worth most.
MAX_TERMS = 128
#: Fewer of them in the collection, and so many more are looked up, a few times over.
ENOUGH_TERMS, ROUNDS = 32, 4
#: Postings read for one query, unless its rarest word alone has more.
MAX_POSTINGS = 1_500_000
#: A query of more words than this needs fewer postings: what they leave open, all words of the best decide.
SHORT_QUERY = 32
#: Such a query reads so many postings, or so many for each record of the collection if that is more: to weigh three
#: times as many records costs less than three times as many postings, and finds more.
LONG_QUERY_POSTINGS, LONG_QUERY_SHARE = 60_000, 1.0
#: So few records are looked at themselves rather than by one more term.
FEW = 32
#: The number of no segment: under it stands what is pending.
_PENDING = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is searched."""

    #: Scored in every record that has them; the rarest first.
    terms: list[str]
    #: Weighed in the best records alone.
    rest: list[str]
    #: Of both: its idf, and so in their order.
    weight: dict[str, float]


@dataclass(frozen=True, slots=True)
class Matches:
    """Records that have a word of the query."""

    #: int64, in no order, each once.
    seqs: NDArray[np.int64]
    #: float32, BM25.
    scores: NDArray[np.float32]

    def best(self, allowed: NDArray[np.int64] | None = None) -> Iterator[tuple[int, float]]:
        """Best first; of equal ones the newer first. Sorted only as far as it is read.

        Args:
            allowed: ascending sequence numbers; others are left out.
        """
        seqs, scores = self.seqs, self.scores
        if allowed is not None:
            keep = np.isin(seqs, allowed, kind="sort")
            seqs, scores = seqs[keep], scores[keep]
        step = 256
        while len(seqs):
            chosen = _first(seqs, scores, step)
            order = np.lexsort((-seqs[chosen], -scores[chosen]))
            yield from zip(seqs[chosen][order].tolist(), scores[chosen][order].tolist(), strict=True)
            seqs, scores = seqs[~chosen], scores[~chosen]
            step *= 8


#: So many times the wanted are first thinned out.
_MANY = 64


def _first(seqs: NDArray[np.int64], scores: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Which are the ``count`` best; of equal ones, of which a frequent word has thousands, the newer."""
    if len(seqs) <= count:
        return np.ones(len(seqs), bool)
    border = _border(scores, count)
    chosen: NDArray[np.bool_] = scores > border
    equal = np.flatnonzero(scores == border)
    missing = count - int(np.count_nonzero(chosen))
    if missing < len(equal):
        equal = equal[seqs[equal] >= _border(seqs[equal], missing)]
    chosen[equal] = True
    return chosen


def _border(values: NDArray[Any], count: int) -> Any:
    """Of more than ``count`` values the last that is among the ``count`` largest.

    Of many, one in sixteen shows about where that is: numpy's partition takes twenty times as long where nearly all
    are equal, as the scores of a frequent word are.
    """
    while len(values) >= _MANY * count:
        sample = np.sort(values[::16])
        guess = sample[max(0, len(sample) - 1 - count // 4)]
        above = values[values > guess]
        if len(above) < count:
            if len(above) + np.count_nonzero(values == guess) >= count:
                return guess
            break
        values = above
    return np.partition(values, len(values) - count)[len(values) - count]


@dataclass(frozen=True, slots=True)
class Weighed:
    """Some records and all words of the query."""

    seqs: Sequence[int]
    scores: Sequence[float]
    #: The terms of the query, those worth most first.
    _terms: Sequence[str]
    #: Which of them the records have, and where those of each begin.
    _which: NDArray[np.int64]
    _begin: NDArray[np.int64]

    def best(self) -> list[tuple[int, float]]:
        """Best first; of equal ones the newer first."""
        return sorted(zip(self.seqs, self.scores, strict=True), key=lambda found: (-found[1], -found[0]))

    def matching(self) -> dict[int, float]:
        """The scores of those that have a word."""
        return {seq: score for seq, score in zip(self.seqs, self.scores, strict=True) if score > 0}

    def words(self, wanted: Collection[int]) -> dict[int, list[str]]:
        """The terms that those of the records have which are ``wanted``, those worth most first."""
        return {
            seq: [self._terms[number] for number in self._which[start:end].tolist()]
            for seq, (start, end) in zip(self.seqs, pairwise(self._begin.tolist()), strict=True)
            if seq in wanted
        }


@dataclass
class Index:
    """One collection's lexical index as one transaction sees it."""

    tx: Transaction
    owner: str
    collection: str
    #: Of the terms that were read whole, in each segment: differences and weights, as bytes.
    _postings: dict[str, list[tuple[int, bytes, bytes]]] = field(default_factory=dict)
    #: Of the terms with chunks that are yet to be read: segment, place of the block, and what that tells of them.
    _chunked: dict[str, list[tuple[int, int, Chunked]]] = field(default_factory=dict)
    #: Term -> number of records, of those looked up.
    _sizes: dict[str, int] = field(default_factory=dict)
    _gathered: tuple[Sequence[str], dict[int, scoring.Gathered]] = ((), {})

    def __post_init__(self) -> None:
        self._key = {"owner": self.owner, "collection": self.collection}
        stored, pending = lexical.state(self.tx, self.owner, self.collection)
        self._segments = segments.counting(stored)
        self._pending = Pending(pending)
        #: The first and the last number of each segment.
        self._spans = {s.segment: (s.first_seq, s.last_seq) for s in self._segments}
        if self._pending.records:
            self._spans[_PENDING] = self._pending.span
        #: Number of records, and words of all of them.
        self.records = sum(s.records for s in self._segments) + self._pending.records
        self.words = sum(s.tokens for s in self._segments) + self._pending.words
        #: What an occurrence counts, by the weight of a posting.
        self.table = postings.saturation(round(self.words / max(self.records, 1), 1))

    def plan(self, terms: Sequence[str]) -> Plan:
        """Which terms to score all records by: bounded in number and in postings to read."""
        unique = list(dict.fromkeys(terms))
        guesses: dict[str, float] = {}
        # Pending rows are read all, so there any number.
        at_once = MAX_TERMS if self._segments else len(unique)
        if len(unique) <= at_once:
            self._look_up(unique)
        else:
            guesses = self._guesses(unique)
            later = list(guesses)
            for _ in range(ROUNDS):
                batch, later = later[:at_once], later[at_once:]
                self._look_up(batch)
                # In a text of another kind than the collection's, most words may be nowhere.
                if sum(self._sizes.get(term, 0) > 0 for term in unique) >= ENOUGH_TERMS:
                    break
            guesses = {term: guesses[term] for term in later}
        known = sorted((term for term in unique if self._sizes.get(term)), key=self._sizes.__getitem__)
        read = self.rarest(known, self._budget(len(unique)))
        weight = {term: postings.idf(self.records, self._sizes[term]) for term in known}
        weight |= dict(zip(guesses, scoring.idf(self.records, list(guesses.values())), strict=True))
        return Plan(read, [*known[len(read) :], *guesses], weight)

    def rarest(self, terms: Sequence[str], postings: int) -> list[str]:
        """Of terms that were looked up, the rarest first: those that have so many postings together; one at least."""
        sizes = np.cumsum([self._sizes[term] for term in terms])
        return list(terms[: max(1, int(np.searchsorted(sizes, postings, side="right")))])

    def _budget(self, terms: int) -> int:
        if terms <= SHORT_QUERY:
            return MAX_POSTINGS
        more = int(LONG_QUERY_SHARE * self.records)
        return min(MAX_POSTINGS, max(LONG_QUERY_POSTINGS, more))

    def search(self, terms: Sequence[str]) -> Matches:
        """Score every record that has one of ``terms``."""
        self._read(terms)
        weight = [postings.idf(self.records, self.frequency(term)) for term in terms]
        factors = np.array(weight, np.float32)
        seqs: list[NDArray[np.int64]] = []
        scores: list[NDArray[np.float32]] = []
        for number, found in self._gather(terms).items():
            first, last = self._spans[number]
            these, points = scoring.score(found, factors, self.table, last - first + 1)
            seqs.append(these + first)
            scores.append(points)
        if not seqs:
            return Matches(np.empty(0, np.int64), np.empty(0, np.float32))
        return Matches(np.concatenate(seqs), np.concatenate(scores))

    def having_all(self, terms: Sequence[str], limit: int) -> list[int] | None:
        """Records among which are all that have every term; None if they are more than ``limit``.

        The rarest terms are looked at first, and nothing more is read for others once few records are left.
        """
        terms = list(dict.fromkeys(terms))
        self._look_up(terms)
        if not terms or not all(self._sizes[term] for term in terms):
            return []
        found: NDArray[np.int64] | None = None
        for term in sorted(terms, key=self._sizes.__getitem__):
            enough = found is not None and (len(found) <= FEW or self._sizes[term] > MAX_POSTINGS // 4)
            if enough and term in self._chunked:
                continue
            self._read([term])
            found = self._holders(term) if found is None else self._among(found, term)
            if not len(found):
                return []
        return None if found is None or len(found) > limit else found.tolist()

    def frequency(self, term: str) -> int:
        """In how many records a term occurs that was read."""
        return self._sizes[term]

    def weigh(self, seqs: Sequence[int], plan: Plan) -> Weighed:
        """The whole score of some records, by every term of the query."""
        documents = Documents.decode([*self._pending.rows(seqs), *forward.read(self.tx, self._key, seqs)])
        terms = sorted(plan.weight, key=plan.weight.__getitem__, reverse=True)
        records, which, occurrences = documents.among(keys.halves(keys.of(terms)))
        classes = np.array([postings.length_class(n) << 8 for n in documents.lengths], np.int64)
        weights = np.array([plan.weight[term] for term in terms])
        # Added in the order of the terms: records with the same words in another order are equals.
        points = self.table.take(classes[records] + occurrences) * weights[which]
        scores = np.bincount(records, points, len(documents.seqs))
        return Weighed(
            documents.seqs, scores.tolist(), terms, which, np.searchsorted(records, np.arange(len(scores) + 1))
        )

    def words_of(self, seqs: Sequence[int], terms: Sequence[str]) -> dict[int, list[str]]:
        """Which of ``terms`` each record has."""
        words: dict[int, list[int]] = {seq: [] for seq in seqs}
        for seq, term, _ in self._occurrences(seqs, terms):
            words[seq].append(term)
        return {seq: [terms[number] for number in sorted(numbers)] for seq, numbers in words.items()}

    def _occurrences(self, seqs: Sequence[int], terms: Sequence[str]) -> Iterator[scoring.Occurrence]:
        """Sequence number, number of the term, weight of the posting."""
        wanted = np.array(sorted(seqs), np.int64)
        for number, found in self._gather(terms).items():
            first, last = self._spans[number]
            inside = wanted[slice(*np.searchsorted(wanted, (first, last + 1)))]
            if len(inside):
                for place, term, weight in scoring.occurrences(found, (inside - first).astype(np.uint32)):
                    yield int(inside[place]), term, weight

    def _gather(self, terms: Sequence[str]) -> dict[int, scoring.Gathered]:
        """The postings of terms that were read, by segment."""
        if self._gathered[0] != terms:
            found: dict[int, list[tuple[int, bytes, bytes]]] = {}
            for which, term in enumerate(terms):
                for number, deltas, weights in self._postings[term]:
                    found.setdefault(number, []).append((which, deltas, weights))
            self._gathered = terms, {number: scoring.gather(rows) for number, rows in found.items()}
        return self._gathered[1]

    def _holders(self, term: str) -> NDArray[np.int64]:
        """The records that have the term, ascending."""
        parts = [
            np.frombuffer(deltas, "<u4").astype(np.int64) + self._spans[number][0]
            for number, deltas, _ in self._postings[term]
        ]
        # A record is in one segment only, or pending; each part is in order already, which this sort gains by.
        return np.sort(np.concatenate(parts), kind="stable")

    def _among(self, wanted: NDArray[np.int64], term: str) -> NDArray[np.int64]:
        """Which of some records, ascending, have the term."""
        have = np.zeros(len(wanted), bool)
        for number, deltas, _ in self._postings[term]:
            first, last = self._spans[number]
            inside = slice(*np.searchsorted(wanted, (first, last + 1)))
            sought, there = (wanted[inside] - first).astype(np.uint32), np.frombuffer(deltas, "<u4")
            if len(there):
                have[inside] |= there.take(np.searchsorted(there, sought), mode="clip") == sought
        return wanted[have]

    # Looking up

    def _guesses(self, terms: Sequence[str]) -> dict[str, float]:
        """In about how many records each term occurs, by the directories of the segments alone.

        In the order in which it is worth looking them up: in turns one that no directory knows, the longest first as
        long words are rare words, and one that is there for sure, the rarest first.
        """
        wanted = keys.of(terms)
        places = {
            s.segment: [blocks.directory_place(s.segment, b) for b in range(0, s.blocks, blocks.PART)]
            for s in self._segments
        }
        rows = self._rows([place for some in places.values() for place in some])
        total = np.zeros(len(terms))
        known = np.zeros(len(terms), bool)
        for segment in self._segments:
            counts = directory.counts([rows[p] for p in places[segment.segment] if p in rows], wanted)
            # What the directory of a segment does not know is below its border, and mostly far below.
            total += np.where(counts > 0, counts, directory.least(segment.records) / 4)
            known |= counts > 0
        lengths = np.fromiter(map(len, terms), np.int64, len(terms))
        unsure = [i for i in np.argsort(-lengths, kind="stable").tolist() if not known[i]]
        sure = [i for i in np.argsort(total, kind="stable").tolist() if known[i]]
        turns = chain.from_iterable(zip_longest(unsure, sure))
        guesses = total.tolist()
        return {terms[i]: guesses[i] for i in turns if i is not None}

    def _look_up(self, terms: Sequence[str]) -> None:
        """Learn in how many records each term occurs, and read those with few postings at once."""
        wanted = [(term, keys.key(term)) for term in terms if term not in self._sizes]
        if not wanted:
            return
        places = {
            s.segment: [blocks.place(s.segment, keys.block(key, s.blocks)) for _, key in wanted] for s in self._segments
        }
        rows = self._rows({place for some in places.values() for place in some})
        for (term, _), (deltas, weights) in zip(wanted, self._pending.find([key for _, key in wanted]), strict=True):
            self._sizes[term] = len(weights) // 2
            self._postings[term] = [(_PENDING, deltas, weights)] if weights else []
        for number, some in places.items():
            for (term, key), place in zip(wanted, some, strict=True):
                if place in rows and (found := blocks.look_up(rows[place], key)):
                    self._take(term, number, place, found)

    def _take(self, term: str, number: int, place: int, found: tuple[bytes, bytes] | Chunked) -> None:
        """Note what the block at this place has of a term."""
        if isinstance(found, Chunked):
            self._sizes[term] += found.records
            self._chunked.setdefault(term, []).append((number, place, found))
        else:
            self._sizes[term] += len(found[1]) // 2
            self._postings[term].append((number, *found))

    def _read(self, terms: Sequence[str]) -> None:
        """Read what the terms have in chunks."""
        self._look_up(terms)
        waiting = [(term, *where) for term in terms for where in self._chunked.pop(term, ())]
        if not waiting:
            return
        rows = self._rows([place + slot for _, _, place, found in waiting for slot in found.slots()])
        for term, number, place, found in waiting:
            parts = [blocks.split_chunk(rows[place + slot]) for slot in found.slots() if place + slot in rows]
            deltas, weights = (b"".join([part[i] for part in parts]) for i in (0, 1))
            self._postings[term].append((number, deltas, weights))

    def _rows(self, places: Collection[int]) -> dict[int, bytes]:
        """The rows there are at some places."""
        if not places:
            return {}
        return dict(self.tx.query("lexical_blocks", {**self._key, "places": self.tx.database.array(list(places))}))
