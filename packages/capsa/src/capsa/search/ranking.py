"""Ranking by words: what a transaction sees of one collection's lexical index, and BM25 over it.

Every record with a word of the query is scored by its rarer words; what is bounded is how many words are looked up
and how many postings are read. A query too long for that (a page of code) has words left over, all of them frequent or
one of very many: those are weighed in the text of the best records alone, which `capsa.search.engine` reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise, zip_longest

import numpy as np
from numpy.typing import NDArray

from capsa.database import Transaction
from capsa.search import blocks, directory, keys, lexical, postings, scoring, segments
from capsa.search.blocks import Chunked
from capsa.search.postings import Document

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
    #: Of the terms that were read whole, in each segment: differences and weights, as bytes.
    _postings: dict[str, list[tuple[int, bytes, bytes]]] = field(default_factory=dict)
    #: Of the terms with chunks that are yet to be read: segment, place of the block, and what that tells of them.
    _chunked: dict[str, list[tuple[int, int, Chunked]]] = field(default_factory=dict)
    #: Term -> number of records, of those looked up.
    _sizes: dict[str, int] = field(default_factory=dict)
    _gathered: tuple[Sequence[str], dict[int, scoring.Gathered]] = ((), {})

    def __post_init__(self) -> None:
        key = {"owner": self.owner, "collection": self.collection}
        self._segments = segments.counting(segments.stored(self.tx, self.owner, self.collection))
        self._pending = _Pending(lexical.pending(self.tx.query("lexical_pending_all", key)))
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
        weight = {term: postings.idf(self.records, self._sizes[term]) for term in known}
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
        """Which of a few records, ascending, have the term: looked for in its postings, however many they are."""
        return wanted[np.isin(wanted, sorted({seq for seq, _, _ in self._occurrences(wanted.tolist(), [term])}))]

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
        key = {"owner": self.owner, "collection": self.collection}
        return dict(self.tx.query("lexical_blocks", {**key, "places": self.tx.database.array(list(places))}))


class _Pending:
    """What is not in a segment yet, looked up as if it were in one."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.records = len(documents)
        self.words = sum(document.length for document in documents)
        self._documents = documents
        self._keys = np.frombuffer(b"".join([document.keys for document in documents]), "<u8")

    @property
    def span(self) -> tuple[int, int]:
        return self._documents[0].seq, self._documents[-1].seq

    def find(self, wanted: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        """The postings of each key: differences and weights."""
        if not len(self._keys):
            return [(b"", b"")] * len(wanted)
        sought = np.frombuffer(b"".join(wanted), "<u8")
        order = np.argsort(sought)
        which = order[np.searchsorted(sought, self._keys, sorter=order).clip(max=len(wanted) - 1)]
        at = np.flatnonzero(sought[which] == self._keys)
        # In the order of the keys, and of each in that of the records.
        at = at[np.argsort(which[at], kind="stable")]
        rows = np.searchsorted(np.cumsum([len(d.occurrences) for d in self._documents]), at, side="right")
        deltas = np.array([d.seq - self._documents[0].seq for d in self._documents], "<u4")[rows].tobytes()
        classes = np.array([postings.length_class(d.length) << 8 for d in self._documents], "<u2")
        occurrences = np.frombuffer(b"".join([d.occurrences for d in self._documents]), np.uint8)
        weights = (occurrences[at] + classes[rows]).tobytes()
        ends = np.cumsum(np.bincount(which[at], minlength=len(wanted))).tolist()
        return [(deltas[4 * a : 4 * b], weights[2 * a : 2 * b]) for a, b in pairwise([0, *ends])]
