"""Ranking by words: what a transaction sees of one collection's lexical index, and BM25 over it.

Every record with a word of the query is scored by its rarer words; what is bounded is how many words are looked up
and how many postings are read. A query too long for that (a page of code) has words left over, all of them frequent or
one of very many: those are weighed in the text of the best records alone, which `capsa.search.engine` reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from capsa.database import Transaction
from capsa.search import directory, lexical, scoring
from capsa.search import postings as segments

#: So many terms are looked up, and their number of records is exact; of a longer query, those worth most.
MAX_TERMS = 128
#: Where segments are few, more terms: so many look-ups. Pending rows are read all, so there any number.
MAX_LOOK_UPS = 512
#: Fewer of them in the collection, and so many more are looked up, a few times over.
ENOUGH_TERMS, ROUNDS = 32, 4
#: Postings read for one query, unless its rarest word alone has more.
MAX_POSTINGS = 1_500_000
#: A query of more words than this needs fewer postings: what they leave open, the texts of the best decide.
SHORT_QUERY = 32
#: Such a query reads so many postings, or so many for each record of the collection if that is more: to weigh twice as
#: many texts costs less than twice as many postings, and finds more.
LONG_QUERY_POSTINGS, LONG_QUERY_SHARE = 200_000, 1.5
#: So few records are looked at themselves rather than by one more term.
FEW = 32
#: More terms than this are looked for in the pending rows here; fewer, by the database.
_FEW_TERMS = 8


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
    if len(seqs) >= _MANY * count:
        # One in sixteen shows about where the border is; of what is above it, few need a closer look.
        sample = scores[::16]
        place = len(sample) - count // 4
        near = np.flatnonzero(scores >= np.partition(sample, place)[place])
        if count <= len(near) < len(seqs) // 2:
            few = np.zeros(len(seqs), bool)
            few[near[_first(seqs[near], scores[near], count)]] = True
            return few
    border = np.partition(scores, len(scores) - count)[len(scores) - count]
    chosen: NDArray[np.bool_] = scores > border
    equal = np.flatnonzero(scores == border)
    missing = count - int(np.count_nonzero(chosen))
    if missing < len(equal):
        equal = equal[np.argpartition(seqs[equal], len(equal) - missing)[len(equal) - missing :]]
    chosen[equal] = True
    return chosen


@dataclass
class Index:
    """One collection's lexical index as one transaction sees it."""

    tx: Transaction
    owner: str
    collection: str
    #: The rows of a term that was read whole.
    _postings: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    #: Pending records with the term: number, words, occurrences.
    _pending: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    #: Term -> number of records, of those looked up.
    _sizes: dict[str, int] = field(default_factory=dict)
    _gathered: tuple[Sequence[str], dict[int, scoring.Gathered]] = ((), {})

    def __post_init__(self) -> None:
        key = {"owner": self.owner, "collection": self.collection}
        rows = self.tx.query("lexical_segments", key)
        self._segments = {row[0]: row for row in rows}
        ((pending, tokens_pending),) = self.tx.query("lexical_pending_size", key)
        self.has_pending = pending > 0
        #: Number of records, and words of all of them.
        self.records = sum(row[3] for row in rows) + pending
        self.words = sum(row[4] for row in rows) + (tokens_pending or 0)
        #: What an occurrence counts, by the weight of a posting.
        self.table = segments.saturation(round(self.words / max(self.records, 1), 1))

    def plan(self, terms: Sequence[str]) -> Plan:
        """Which terms to score all records by: bounded in number and in postings to read."""
        unique = list(dict.fromkeys(terms))
        guesses: dict[str, float] = {}
        at_once = max(MAX_TERMS, MAX_LOOK_UPS // len(self._segments)) if self._segments else len(unique)
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
        sizes = np.cumsum([self._sizes[term] for term in known])
        read = max(1, int(np.searchsorted(sizes, self._budget(len(unique)), side="right")))
        weight = {term: segments.idf(self.records, self._sizes[term]) for term in known}
        weight |= dict(zip(guesses, scoring.idf(self.records, list(guesses.values())), strict=True))
        return Plan(known[:read], [*known[read:], *guesses], weight)

    def _budget(self, terms: int) -> int:
        if terms <= SHORT_QUERY:
            return MAX_POSTINGS
        more = int(LONG_QUERY_SHARE * self.records)
        return min(MAX_POSTINGS, max(LONG_QUERY_POSTINGS, more))

    def search(self, terms: Sequence[str]) -> Matches:
        """Score every record that has one of ``terms``."""
        self._read(terms)
        weight = [segments.idf(self.records, self.frequency(term)) for term in terms]
        factors = np.array(weight, np.float32)
        seqs: list[NDArray[np.int64]] = []
        scores: list[NDArray[np.float32]] = []
        for number, found in self._gather(terms).items():
            first, last = self._segments[number][1:3]
            these, points = scoring.score(found, factors, self.table, last - first + 1)
            seqs.append(these + first)
            scores.append(points)
        pending: dict[int, float] = {}
        for factor, term in zip(weight, terms, strict=True):
            for seq, length, n in self._pending.get(term, ()):
                code = min(n, 255) + 256 * segments.length_class(length)
                pending[seq] = pending.get(seq, 0.0) + factor * float(self.table[code])
        seqs.append(np.fromiter(pending, np.int64, len(pending)))
        scores.append(np.fromiter(pending.values(), np.float32, len(pending)))
        return Matches(np.concatenate(seqs), np.concatenate(scores))

    def having_all(self, terms: Sequence[str], limit: int) -> list[int]:
        """Records among which are all that have every term: none if they are more than ``limit``.

        The rarest terms are looked at first, and no more of them once few records are left.
        """
        terms = list(dict.fromkeys(terms))
        self._look_up(terms)
        if not terms or not all(self._sizes[term] for term in terms):
            return []
        found: NDArray[np.int64] | None = None
        for term in sorted(terms, key=self._sizes.__getitem__):
            if found is not None and (len(found) <= FEW or self._sizes[term] > MAX_POSTINGS // 4):
                break
            self._read([term])
            found = self._holders(term) if found is None else self._among(found, term)
        return [] if found is None or len(found) > limit else found.tolist()

    def frequency(self, term: str) -> int:
        """In how many records a term occurs that was read."""
        return self._sizes[term]

    def score(self, counts: Mapping[str, int], words: int, plan: Plan) -> tuple[float, list[str]]:
        """The whole score of one record, by what `tokens.terms` gives of it, and the terms of the query it has."""
        return scoring.total(counts, words, plan.weight, self.table)

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
            first, last = self._segments[number][1:3]
            inside = wanted[slice(*np.searchsorted(wanted, (first, last + 1)))]
            if len(inside):
                for place, term, weight in scoring.occurrences(found, (inside - first).astype(np.uint32)):
                    yield int(inside[place]), term, weight
        asked = set(seqs)
        for which, name in enumerate(terms):
            for seq, length, n in self._pending.get(name, ()):
                if seq in asked:
                    yield seq, which, min(n, 255) + 256 * segments.length_class(length)

    def _gather(self, terms: Sequence[str]) -> dict[int, scoring.Gathered]:
        """The postings of terms that were read, by segment."""
        if self._gathered[0] != terms:
            found: dict[int, list[tuple[int, bytes]]] = {}
            for which, term in enumerate(terms):
                for number, data in self._postings[term]:
                    found.setdefault(number, []).append((which, data))
            self._gathered = terms, {number: scoring.gather(rows) for number, rows in found.items()}
        return self._gathered[1]

    def _holders(self, term: str) -> NDArray[np.int64]:
        """The records that have the term, ascending."""
        parts = [
            segments.decode(data)[0].astype(np.int64) + self._segments[number][1]
            for number, data in self._postings[term]
        ]
        parts.append(np.array([seq for seq, _, _ in self._pending.get(term, ())], np.int64))
        # A record is in one segment only, or pending; each part is in order already, which this sort gains by.
        return np.sort(np.concatenate(parts), kind="stable")

    def _among(self, wanted: NDArray[np.int64], term: str) -> NDArray[np.int64]:
        """Which of a few records, ascending, have the term: looked for in its postings, however many they are."""
        return wanted[np.isin(wanted, sorted({seq for seq, _, _ in self._occurrences(wanted.tolist(), [term])}))]

    # Looking up

    def _guesses(self, terms: Sequence[str]) -> dict[str, float]:
        """In about how many records each term occurs, by the directories of the segments alone.

        In the order in which it is worth looking them up: in turns one that no directory knows, the longest first as
        long words are rare words, and one that is there for sure, the rarest first.
        """
        wanted = directory.hashes(terms)
        # What the directory of a segment does not know is below its border, and mostly far below.
        below = {number: directory.least(row[3]) / 4 for number, row in self._segments.items()}
        total = np.full(len(terms), sum(below.values()))
        known = np.zeros(len(terms), bool)
        for number, _, data in self.tx.query("lexical_postings", self._parameters([directory.NAME])):
            counts = directory.counts(data, wanted)
            total += np.where(counts > 0, counts - below[number], 0)
            known |= counts > 0
        lengths = np.fromiter(map(len, terms), np.int64, len(terms))
        unsure = [i for i in np.argsort(-lengths, kind="stable").tolist() if not known[i]]
        sure = [i for i in np.argsort(total, kind="stable").tolist() if known[i]]
        turns = chain.from_iterable(zip_longest(unsure, sure))
        guesses = total.tolist()
        return {terms[i]: guesses[i] for i in turns if i is not None}

    def _look_up(self, terms: Sequence[str]) -> None:
        """Learn in how many records each term occurs, and read those with few postings at once."""
        unknown = [term for term in terms if term not in self._sizes]
        if not unknown:
            return
        self._read_pending(unknown)
        sizes = {term: len(self._pending[term]) for term in unknown}
        found: dict[str, list[tuple[int, bytes]]] = {term: [] for term in unknown}
        large: set[str] = set()
        # All together not more than a query may read.
        longest = MAX_POSTINGS // (len(unknown) * max(1, len(self._segments)))
        if self._segments:
            parameters = {**self._parameters(unknown), "longest": longest * segments.ENTRY}
            for number, term, size, data in self.tx.query("lexical_look_up", parameters):
                sizes[term] += size // segments.ENTRY
                if data is None:
                    large.add(term)
                else:
                    found[term].append((number, data))
        self._sizes |= sizes
        self._postings |= {term: rows for term, rows in found.items() if term not in large}

    def _read(self, terms: Sequence[str]) -> None:
        self._look_up(terms)
        missing = [term for term in terms if term not in self._postings]
        if missing:
            self._postings |= {term: [] for term in missing}
            for number, term, data in self.tx.query("lexical_postings", self._parameters(missing)):
                self._postings[term].append((number, data))

    def _read_pending(self, terms: Sequence[str]) -> None:
        missing = {term for term in terms if term not in self._pending}
        self._pending |= {term: [] for term in missing}
        if not missing or not self.has_pending:
            return
        key = {"owner": self.owner, "collection": self.collection}
        if len(missing) <= _FEW_TERMS:
            marks = [f" {term}:" for term in missing]
            rows = self.tx.query("lexical_pending_with", {**key, "marks": self.tx.database.array(marks)})
        else:
            rows = self.tx.query("lexical_pending_all", key)
        for seq, length, text in rows:
            counts = lexical.unpacked(text)
            for term in counts.keys() & missing:
                self._pending[term].append((seq, length, counts[term]))

    def _parameters(self, terms: Sequence[str]) -> dict[str, object]:
        return {
            "owner": self.owner,
            "collection": self.collection,
            "segments": self.tx.database.array(list(self._segments)),
            "terms": self.tx.database.array(list(terms)),
        }
