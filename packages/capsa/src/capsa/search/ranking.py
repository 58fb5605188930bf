"""Ranking by words: what a transaction sees of one collection's lexical index, and BM25 over it.

Every record with a word of the query is scored; what is bounded is how many words and postings a query reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from capsa.database import Transaction
from capsa.search import postings as segments

#: Words of a longer query are chosen, the rarest first.
MAX_QUERY_TERMS = 32
#: Looked up at most before choosing.
MAX_CANDIDATE_TERMS = 256
#: So few records are looked at themselves rather than by one more term.
FEW = 32
#: Postings read for one query, unless its rarest word alone has more.
MAX_POSTINGS = 1_500_000


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


def _first(seqs: NDArray[np.int64], scores: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Which are the ``count`` best; of equal ones, of which a frequent word has thousands, the newer."""
    if len(seqs) <= count:
        return np.ones(len(seqs), bool)
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
    _postings: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    _pending: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    #: Term -> number of records, where the postings were counted but not read.
    _counted: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = {"owner": self.owner, "collection": self.collection}
        rows = self.tx.query("lexical_segments", key)
        self._segments = {row[0]: row for row in rows}
        ((pending, tokens_pending),) = self.tx.query("lexical_pending_size", key)
        self.has_pending = pending > 0
        #: Number of records, and words of all of them.
        self.records = sum(row[3] for row in rows) + pending
        self.words = sum(row[4] for row in rows) + (tokens_pending or 0)

    def choose(self, terms: Sequence[str]) -> list[str]:
        """The terms to search with, rarest first: bounded in number and in postings to read."""
        unique = list(dict.fromkeys(terms))
        if len(unique) > MAX_CANDIDATE_TERMS:
            # Long words are rare words, and this costs no look-up.
            unique = sorted(unique, key=len, reverse=True)[:MAX_CANDIDATE_TERMS]
        sizes = self._sizes(unique)
        known = sorted((term for term in unique if sizes.get(term)), key=lambda term: sizes[term])[:MAX_QUERY_TERMS]
        total = 0
        chosen: list[str] = []
        for term in known:
            total += sizes[term]
            if chosen and total > MAX_POSTINGS:
                break
            chosen.append(term)
        return chosen

    def search(self, terms: Sequence[str]) -> Matches:
        """Score every record that has one of ``terms`` (as `choose` gave them)."""
        self._read(terms)
        table = segments.saturation(round(self.words / max(self.records, 1), 1))
        weight = {term: segments.idf(self.records, self.frequency(term)) for term in terms}
        seqs: list[NDArray[np.int64]] = []
        scores: list[NDArray[np.float32]] = []
        for number, found in self._by_segment(terms).items():
            first, last = self._segments[number][1:3]
            these, points = _score(found, weight, table, last - first + 1)
            seqs.append(these + first)
            scores.append(points)
        pending: dict[int, float] = {}
        for term in terms:
            for seq, length, n in self._pending.get(term, ()):
                code = min(n, 255) + 256 * segments.length_class(length)
                pending[seq] = pending.get(seq, 0.0) + weight[term] * float(table[code])
        seqs.append(np.fromiter(pending, np.int64, len(pending)))
        scores.append(np.fromiter(pending.values(), np.float32, len(pending)))
        return Matches(np.concatenate(seqs), np.concatenate(scores))

    def having_all(self, terms: Sequence[str], limit: int) -> list[int]:
        """Records among which are all that have every term: none if they are more than ``limit``.

        The rarest terms are looked at first, and no more of them once few records are left.
        """
        sizes = self._sizes(terms)
        if not terms or not all(sizes.get(term) for term in terms):
            return []
        found: NDArray[np.int64] | None = None
        for term in sorted(terms, key=lambda term: sizes[term]):
            if found is not None and (len(found) <= FEW or sizes[term] > MAX_POSTINGS // 4):
                break
            self._read([term])
            found = self._holders(term) if found is None else self._among(found, term)
        return [] if found is None or len(found) > limit else found.tolist()

    def frequency(self, term: str) -> int:
        """In how many records the term occurs."""
        stored = sum(len(data) for _, data in self._postings.get(term, ())) // segments.ENTRY
        return stored + len(self._pending.get(term, ()))

    def words_of(self, seqs: Sequence[int], terms: Sequence[str]) -> dict[int, list[str]]:
        """Which of ``terms`` each record has."""
        words: dict[int, list[str]] = {seq: [] for seq in seqs}
        wanted = np.array(sorted(words), np.int64)
        for term in terms:
            for seq in self._among(wanted, term).tolist():
                words[seq].append(term)
        return words

    def _holders(self, term: str) -> NDArray[np.int64]:
        """The records that have the term, ascending."""
        parts = [
            segments.decode(data)[0].astype(np.int64) + self._segments[number][1]
            for number, data in self._postings.get(term, ())
        ]
        parts.append(np.array([seq for seq, _, _ in self._pending.get(term, ())], np.int64))
        # A record is in one segment only, or pending; each part is in order already, which this sort gains by.
        return np.sort(np.concatenate(parts), kind="stable")

    def _among(self, wanted: NDArray[np.int64], term: str) -> NDArray[np.int64]:
        """Which of a few records, ascending, have the term: looked for in its postings, however many they are."""
        have = np.zeros(len(wanted), bool)
        if pending := self._pending.get(term):
            have |= np.isin(wanted, [seq for seq, _, _ in pending])
        for number, data in self._postings.get(term, ()):
            first, last = self._segments[number][1:3]
            start, end = np.searchsorted(wanted, (first, last + 1))
            if start < end:
                deltas, _ = segments.decode(data)
                near = (wanted[start:end] - first).astype(np.uint32)
                have[start:end] |= deltas.take(np.searchsorted(deltas, near), mode="clip") == near
        return wanted[have]

    def _sizes(self, terms: Sequence[str]) -> dict[str, int]:
        """In how many records each term occurs: those read are known, the others are asked for."""
        sizes = {term: self.frequency(term) for term in terms if term in self._postings}
        unknown = [term for term in terms if term not in self._postings and term not in self._counted]
        if len(unknown) <= 8:
            # Few enough to read at once: one round trip less.
            self._read(unknown)
            sizes |= {term: self.frequency(term) for term in unknown}
        else:
            self._read_pending(unknown)
            self._counted |= {term: len(self._pending.get(term, ())) for term in unknown}
            for term, size in self.tx.query("lexical_sizes", self._parameters(unknown)):
                self._counted[term] += size // segments.ENTRY
        return {term: self._counted[term] for term in terms if term in self._counted} | sizes

    def _read(self, terms: Sequence[str]) -> None:
        missing = [term for term in terms if term not in self._postings]
        if not missing:
            return
        self._postings |= {term: [] for term in missing}
        if self._segments:
            for number, term, data in self.tx.query("lexical_postings", self._parameters(missing)):
                self._postings[term].append((number, data))
        self._read_pending(missing)

    def _read_pending(self, terms: Sequence[str]) -> None:
        missing = [term for term in terms if term not in self._pending]
        self._pending |= {term: [] for term in missing}
        if not missing or not self.has_pending:
            return
        marks = {f" {term}:": term for term in missing}
        rows = self.tx.query(
            "lexical_pending_with",
            {"owner": self.owner, "collection": self.collection, "marks": self.tx.database.array(list(marks))},
        )
        for seq, length, text in rows:
            for mark, term in marks.items():
                at = text.find(mark)
                if at >= 0:
                    n = re.match(r"\d+", text[at + len(mark) : at + len(mark) + 12])
                    self._pending[term].append((seq, length, int(n[0]) if n else 1))

    def _parameters(self, terms: Sequence[str]) -> dict[str, object]:
        return {
            "owner": self.owner,
            "collection": self.collection,
            "segments": self.tx.database.array(list(self._segments)),
            "terms": self.tx.database.array(list(terms)),
        }

    def _by_segment(self, terms: Sequence[str]) -> dict[int, list[tuple[str, bytes]]]:
        found: dict[int, list[tuple[str, bytes]]] = {}
        for term in terms:
            for number, data in self._postings[term]:
                found.setdefault(number, []).append((term, data))
        return found


#: A segment of one owner among many may span millions of numbers; then its few records are summed sparsely.
_DENSE_SPAN = 1 << 20


def _score(
    found: Sequence[tuple[str, bytes]], weight: dict[str, float], table: NDArray[np.float32], span: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    decoded = [(weight[term], *segments.decode(data)) for term, data in found]
    if span <= _DENSE_SPAN:
        total = np.zeros(span, np.float32)
        for factor, deltas, codes in decoded:
            points = table.take(codes)
            points *= np.float32(factor)
            if len(deltas) == span:
                total += points
            else:
                total[deltas] += points
        hits = np.flatnonzero(total)
        return hits, total[hits]
    deltas = np.concatenate([d for _, d, _ in decoded])
    points = np.concatenate([np.float32(factor) * table[codes] for factor, _, codes in decoded])
    unique, places = np.unique(deltas, return_inverse=True)
    return unique.astype(np.int64), np.bincount(places, points).astype(np.float32)
