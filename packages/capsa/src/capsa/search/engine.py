"""One search: lexical, semantic, or both.

How the two are put together was measured, not assumed (docs/search.md): records in which the query, or an
identifier in it, stands literally come first, if they are few enough to be what was meant; then everything in
the order of meaning. Plain rank fusion is worse than the better half on either kind of query. Records
without a vector, which meaning cannot find, keep the place that their words give them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from capsa.database import Transaction
from capsa.records import Filter, Hit, Mode, Record, SearchResult
from capsa.search import lexical, literal, ranking, tokens
from capsa.search.spelling import Typed
from capsa.search.vectors import Model, Space
from capsa.store._rows import filtered, from_row
from capsa.text import from_stored

if TYPE_CHECKING:
    from capsa.store._reading import Reading

#: More literal matches than this say nothing: the phrase is a common one.
MAX_LITERAL = 10
#: So many records with all the words of a phrase are read to see whether they have it literally.
MAX_LITERAL_CANDIDATES = 200
#: A query longer than this is not looked for literally as a whole.
MAX_LITERAL_LENGTH = 2_000
MAX_PHRASES = 8
#: So many of the best, or twice the limit, are weighed by all words if the query has more words than were read.
WEIGHED = 128
#: Words in all of these, of average length: a megabyte or two.
MAX_WEIGHED_WORDS = 1_000_000

#: Records without a vector are looked for among so many of the best by words, or as many as are wanted; and these are
#: found by so many postings of the rarest words, or by the rarest alone.
LEAST_LOOKED_AT, LOOKED_THROUGH = 20, 10_000

#: Filters that let no more than this through are resolved before the search, others with it.
_CHUNK = 256
#: A filter is looked up for all records at once when so many of the best did not pass it.
_PATIENCE = 2_000


class Search:
    """A search in one snapshot of one collection."""

    def __init__(self, collection: Reading, tx: Transaction, limit: int, filter: Filter | None) -> None:
        self.collection = collection
        self.tx = tx
        self.limit = limit
        self.filter = filter
        self._index: ranking.Index | None = None
        self._allowed: NDArray[np.int64] | None = None
        self._plan: ranking.Plan | None = None
        self._read: dict[int, Record] = {}
        #: The records that all words of the query were looked for in.
        self._weighed: ranking.Weighed | None = None

    @property
    def index(self) -> ranking.Index:
        if self._index is None:
            self._index = ranking.Index(self.tx, self.collection.owner, self.collection.name)
        return self._index

    def plan(self, query: str) -> ranking.Plan:
        if self._plan is None:
            self._plan = self.index.plan(tokens.query_terms(query))
        return self._plan

    def run(self, query: str, mode: Mode, vector: NDArray[np.float32] | None, notes: tuple[str, ...]) -> SearchResult:
        """Search by words, and by meaning if there is a vector of the query by the store's embedder."""
        embedder = self.collection.store.embedder
        if self.limit == 0:
            return SearchResult((), mode)
        if vector is None or embedder is None:
            return SearchResult(self._hits(self._lexical(query), query), Mode.LEXICAL, notes)
        model = self._known(embedder.name, vector)
        if model is None:
            return SearchResult(self._hits(self._lexical(query), query), Mode.LEXICAL, notes)
        space = Space(self.collection.owner, self.collection.name, model)
        if mode is Mode.SEMANTIC:
            found = [Found(seq, cosine, semantic=cosine) for seq, cosine in self._nearest(space, vector)]
            return SearchResult(self._hits(found, None), mode, notes)
        return SearchResult(self._hits(self._hybrid(query, space, vector), query), mode, notes)

    def holding(self, words: str) -> list[Record] | None:
        """Records among which are all that have every word; None if they are more than the limit."""
        seqs = self.index.having_all(tokens.query_terms(words), self.limit)
        return None if seqs is None else list(self._records(seqs).values())

    def by_vector(self, vector: NDArray[np.float32], model: str) -> SearchResult:
        known = self._known(model, vector)
        if known is None or self.limit == 0:
            return SearchResult((), Mode.SEMANTIC, () if known else (f"no vectors of {model!r} here",))
        space = Space(self.collection.owner, self.collection.name, known)
        found = [Found(seq, cosine, semantic=cosine) for seq, cosine in self._nearest(space, vector)]
        return SearchResult(self._hits(found, None), Mode.SEMANTIC)

    def _known(self, name: str, vector: NDArray[np.float32]) -> Model | None:
        """The model, if it is known here.

        Raises:
            ModelMismatch: its vectors have another length.
        """
        model = self.collection.store.model(self.tx, name)
        if model is not None:
            model.check(vector)
        return model

    # Each way to find

    def _lexical(self, query: str) -> list[Found]:
        plan = self.plan(query)
        if not plan.terms:
            return []
        best = self._by_all_words(plan, self._passing(self.index.search(plan.terms)))
        return [Found(seq, score, lexical=score) for seq, score in islice(best, self.limit)]

    def _by_all_words(self, plan: ranking.Plan, best: Iterator[tuple[int, float]]) -> Iterator[tuple[int, float]]:
        """The same, but the first of them by all words of the query."""
        if not plan.rest:
            yield from best
            return
        head = list(islice(best, self._most_weighed()))
        self._weighed = self.index.weigh([seq for seq, _ in head], plan)
        # What is weighed stays before what is not: a score can only grow by more words.
        yield from self._weighed.best()
        yield from best

    def _most_weighed(self) -> int:
        average = self.index.words // max(1, self.index.records)
        return max(1, min(max(WEIGHED, 2 * self.limit), MAX_WEIGHED_WORDS // max(1, average)))

    def _nearest(self, space: Space, vector: NDArray[np.float32]) -> list[tuple[int, float]]:
        vectors = self.collection.database.vectors
        return vectors.nearest(self.tx, space, vector, self.limit, self._seqs_allowed())

    def _hybrid(self, query: str, space: Space, vector: NDArray[np.float32]) -> list[Found]:
        near = dict(self._nearest(space, vector))
        first = self._literal(query)
        plan = self.plan(query)
        others = self._without_vector(space, plan)
        # Meaning finds the rest, and words only explain it.
        self._weighed = self.index.weigh([*{*near, *first, *others}], plan)
        scores = self._weighed.matching()
        ordered: dict[int, Found] = {}
        for seq in sorted(first, key=lambda seq: (first[seq], -scores.get(seq, 0.0), -seq)):
            ordered[seq] = Found(seq, 0.0, scores.get(seq), near.get(seq), literal=True)
        for seq in _merged(list(near), others, self.limit + len(ordered)):
            ordered.setdefault(seq, Found(seq, 0.0, scores.get(seq), near.get(seq)))
        found = list(ordered.values())[: self.limit]
        # One scale for both kinds: places, as neither score can be compared with the other.
        return [f.scored(1.0 / (1 + place)) for place, f in enumerate(found)]

    def _without_vector(self, space: Space, plan: ranking.Plan) -> list[int]:
        """Those among the best by words that meaning cannot find, best first."""
        vectors = self.collection.database.vectors
        if not plan.terms or vectors.count(self.tx, space) == self.index.records:
            return []
        # Mostly there are none, so the rarest words are enough to look whether there are.
        best = self._passing(self.index.search(self.index.rarest(plan.terms, LOOKED_THROUGH)))
        head = [seq for seq, _ in islice(best, max(LEAST_LOOKED_AT, self.limit))]
        have = vectors.present(self.tx, space, head)
        if len(have) == len(head):
            return []
        ranked = self.index.weigh(head, plan).best()[: self.limit]
        return [seq for seq, _ in ranked if seq not in have]

    def _literal(self, query: str) -> dict[int, int]:
        """Records in which a phrase of the query stands literally -> which phrase (0: the whole query)."""
        found: dict[int, int] = {}
        phrases = [p for p in literal.phrases(query) if len(p) <= MAX_LITERAL_LENGTH][:MAX_PHRASES]
        for rank, phrase in enumerate(phrases):
            terms = tokens.query_terms(phrase)
            candidates = self.index.having_all(terms, MAX_LITERAL_CANDIDATES)
            if not candidates:
                continue
            wanted = literal.normal(phrase)
            hits = [seq for seq, text in self._texts(candidates) if wanted in literal.normal(text)]
            if 0 < len(hits) <= MAX_LITERAL:
                for seq in hits:
                    found.setdefault(seq, rank)
                if rank == 0:
                    break
        return found

    # Filters

    def _passing(self, matches: ranking.Matches) -> Iterator[tuple[int, float]]:
        """The matches that the filter lets through and that still exist, best first."""
        if self.filter is None:
            yield from matches.best()
            return
        looked_at = passed = 0
        best = matches.best()
        while chunk := list(islice(best, _CHUNK)):
            alive = self._alive([seq for seq, _ in chunk])
            yield from ((seq, score) for seq, score in chunk if seq in alive)
            looked_at, passed = looked_at + len(chunk), passed + len(alive)
            if looked_at >= _PATIENCE and passed < looked_at // 10:
                # The filter lets little through: ask for all that passes, and go on among those.
                yield from islice(matches.best(self._seqs_allowed()), passed, None)
                return

    def _alive(self, seqs: Sequence[int]) -> set[int]:
        sql, parameters = filtered(self.tx, "seqs_alive", self.filter)
        rows = self.tx.execute(sql, {**self._key(), **parameters, "seqs": self.tx.database.array(seqs)})
        return {seq for (seq,) in rows}

    def _seqs_allowed(self) -> NDArray[np.int64] | None:
        if self.filter is None:
            return None
        if self._allowed is None:
            sql, parameters = filtered(self.tx, "seqs_matching", self.filter)
            rows = self.tx.execute(sql, {**self._key(), **parameters, "limit": 1 << 31})
            self._allowed = np.fromiter((seq for (seq,) in rows), np.int64, len(rows))
        return self._allowed

    # Results

    def _records(self, seqs: Sequence[int]) -> dict[int, Record]:
        if missing := [seq for seq in seqs if seq not in self._read]:
            sql, parameters = filtered(self.tx, "records_by_seq", self.filter)
            rows = self.tx.execute(sql, {**self._key(), **parameters, "seqs": self.tx.database.array(missing)})
            self._read |= {row[0]: from_row(self.tx.database, row) for row in rows}
        return {seq: self._read[seq] for seq in seqs if seq in self._read}

    def _texts(self, seqs: Sequence[int]) -> Iterator[tuple[int, str]]:
        sql, parameters = filtered(self.tx, "texts_by_seq", self.filter)
        rows = self.tx.execute(sql, {**self._key(), **parameters, "seqs": self.tx.database.array(seqs)})
        return ((seq, from_stored(lexical.index_text(*parts))) for seq, *parts in rows)

    def _hits(self, found: Sequence[Found], query: str | None) -> tuple[Hit, ...]:
        records = self._records([f.seq for f in found])
        words = self._weighed.words(records) if self._weighed else {}
        if query is not None and (others := [seq for seq in records if seq not in words]):
            words = words | self.index.words_of(others, self.plan(query).terms)
        typed = None if query is None else Typed(query)
        return tuple(
            Hit(
                record=records[f.seq],
                score=f.score,
                lexical_score=f.lexical,
                semantic_score=f.semantic,
                literal=f.literal,
                words=tuple(words.get(f.seq, ())),
                typed=typed,
            )
            for f in found
            if f.seq in records
        )

    def _key(self) -> dict[str, object]:
        return {"owner": self.collection.owner, "collection": self.collection.name}


class Found:
    """A record on its way to become a hit."""

    __slots__ = ("lexical", "literal", "score", "semantic", "seq")

    def __init__(
        self,
        seq: int,
        score: float,
        lexical: float | None = None,
        semantic: float | None = None,
        *,
        literal: bool = False,
    ) -> None:
        self.seq, self.score, self.lexical, self.semantic, self.literal = seq, score, lexical, semantic, literal

    def scored(self, score: float) -> Found:
        return Found(self.seq, score, self.lexical, self.semantic, literal=self.literal)


def _merged(near: Sequence[int], unembedded: Sequence[int], limit: int) -> list[int]:
    """Those found by meaning, and between them, one for two, those that only words can find."""
    merged: list[int] = []
    others = iter(unembedded)
    for place, seq in enumerate(near):
        merged.append(seq)
        if place % 2:
            merged.extend(islice(others, 1))
    return [*merged, *others][:limit]
