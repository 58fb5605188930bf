"""The index gives what BM25 gives when it is computed from the texts, whatever happened to the records before."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capsa.local_postgres import LocalPostgres
from capsa.records import Filter, Record
from capsa.search import blocks, engine, forward, keys, lexical, merging, postings, ranking, scoring, segments, tokens
from capsa.store import Collection, Store
from capsa.testing.databases import fresh_database
from capsa.text import from_stored

#: As Robertson and Zaragoza give them, and every other implementation has them.
K1, B = 1.2, 0.75

VOCABULARY = ["alpha", "beta", "gamma", "delta", "get_user", "getUser", "Straße", "記憶力", "ความ", "x1", "🎉", "the"]
texts = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12).map(" ".join)
places = st.integers(0, 1_000)

ALL_DOCUMENTS = """
    SELECT seq, tokens, terms FROM capsa_lexical_documents WHERE owner = :owner AND collection = :collection
"""
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(texts, min_size=1, max_size=7)),
        st.tuples(st.just("delete"), places),
        st.tuples(st.just("update"), places, texts),
        st.tuples(st.just("put"), places, texts),
        st.tuples(st.just("maintain")),
    ),
    min_size=1,
    max_size=14,
)


def naive(texts: Mapping[str, str], query: str) -> dict[str, float]:
    """BM25 from its definition, with the lengths that fit a byte."""
    counted = {id_: tokens.terms(text) for id_, text in texts.items()}
    average = max(1.0, round(sum(length for _, length in counted.values()) / max(1, len(counted)), 1))
    scores: dict[str, float] = {}
    for term in tokens.query_terms(query):
        having = {id_: counts[term] for id_, (counts, _) in counted.items() if term in counts}
        for id_, n in having.items():
            length = 2 ** (postings.length_class(counted[id_][1]) / 12) - 1
            norm = K1 * (1 - B + B * length / average)
            saturation = min(n, 255) * (K1 + 1) / (min(n, 255) + norm)
            scores[id_] = scores.get(id_, 0.0) + postings.idf(len(counted), len(having)) * saturation
    return scores


@contextmanager
def small_segments() -> Iterator[None]:
    """So that a few records are folded, cut into blocks and chunks, and merged in steps, as thousands are."""
    with (
        mock.patch.multiple(lexical, FOLD_AT=4),
        mock.patch.multiple(merging, STEP_AT=1, MERGE_AT=2, LARGE_SEGMENT=32, ROWS_AT_ONCE=5),
        mock.patch.multiple(blocks, BLOCK=60, LONG=2, CHUNK=2, PART=2),
    ):
        yield


def play(collection: Collection, story: list[tuple[object, ...]]) -> dict[str, str]:
    """Do what the story says; the texts that are left."""
    left: dict[str, str] = {}
    numbers = itertools.count()
    for kind, *rest in story:
        chosen = sorted(left)[int(str(rest[0])) % len(left)] if kind in {"delete", "update", "put"} and left else None
        if kind == "add":
            records = [Record(id=f"{next(numbers):04}", text=str(text)) for text in rest[0]]  # type: ignore[attr-defined]
            collection.add(records)
            left |= {r.id: r.text for r in records}
        elif kind == "maintain":
            collection.maintain()
        elif chosen is None:
            continue
        elif kind == "delete":
            collection.delete([chosen])
            del left[chosen]
        else:
            text = str(rest[1])
            if kind == "update":
                collection.update(chosen, text=text)
            else:
                collection.put([Record(id=chosen, text=text)])
            left[chosen] = text
    return left


def check(collection: Collection, texts: Mapping[str, str], query: str) -> None:
    expected = naive(texts, query)
    for limit in (3, 1_000):
        result = collection.search(query, mode="lexical", limit=limit)
        assert len(result) == min(limit, len(expected))
        for hit in result:
            assert hit.score == pytest.approx(expected[hit.record.id], rel=1e-3)
            assert set(hit.words) == set(tokens.query_terms(query)) & set(tokens.terms(hit.record.text)[0])
        worst = min((hit.score for hit in result), default=0.0)
        left_out = [score for id_, score in expected.items() if id_ not in {hit.record.id for hit in result}]
        assert all(score <= worst * 1.001 for score in left_out), "nobody better was left out"


def check_tables(collection: Collection, texts: Mapping[str, str]) -> None:
    """The tables know the records that exist, each once, and no other."""
    key = {"owner": collection.owner, "collection": collection.name}
    with collection.database.read(collection.owner) as tx:
        read = {
            seq: lexical.index_text(*(from_stored(part) if part else part for part in parts))
            for seq, *parts in tx.query("lexical_texts", {**key, "first": 0, "last": 1 << 40})
        }
        every = segments.stored(tx, collection.owner, collection.name)
        rows = tx.query("lexical_blocks_between", {**key, "first": 0, "last": (1 << 63) - 1})
        index = ranking.Index(tx, collection.owner, collection.name)
        _, pending = lexical.state(tx, collection.owner, collection.name)
        documents = tx.execute(ALL_DOCUMENTS, key)
    seqs = set(read)
    assert {blocks.taken_apart(place)[0] for place, _ in rows} <= {segment.segment for segment in every}
    indexed: list[int] = [document.seq for document in pending]
    for segment in every:
        mine = {segment.first_seq + delta for delta in deltas_in(rows, segment.segment)}
        assert mine <= seqs, "of a merge under way, too"
        if segment in segments.counting(every):
            indexed += mine
    assert len(indexed) == len(set(indexed))
    folded = sorted(seqs - {document.seq for document in pending})
    assert by_record(documents) == by_record(forward_rows(lexical.document(seq, read[seq]) for seq in folded))
    assert len(seqs) == len(texts) == sum(s.records for s in segments.counting(every)) + len(pending)
    assert (index.records, index.words) == (len(texts), sum(tokens.terms(text)[1] for text in texts.values()))


def forward_rows(documents: Iterable[postings.Document]) -> Iterable[forward.Row]:
    segment = postings.build(documents)
    return segment.documents.rows() if segment else []


def by_record(rows: Iterable[forward.Row]) -> dict[int, tuple[int, dict[int, int]]]:
    """The terms of each record, whatever their order."""
    found = {}
    for seq, length, content in rows:
        one = forward.Documents.decode([(seq, length, content)])
        found[seq] = length, dict(zip(one.halves.tolist(), one.occurrences.tolist(), strict=True))
    return found


def deltas_in(rows: Iterable[tuple[int, bytes]], segment: int) -> set[int]:
    """The records that some rows of a segment name: all of them, or what is left of them."""
    found: set[int] = set()
    for place, data in rows:
        number, _, slot = blocks.taken_apart(place)
        if number == segment and slot != 1:
            found.update((blocks.decode_chunk(data)[0] if slot else blocks.decode(data).short.deltas).tolist())
    return found


def segments_of(collection: Collection) -> list[segments.Stored]:
    with collection.database.read(collection.owner) as tx:
        return segments.counting(segments.stored(tx, collection.owner, collection.name))


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path_factory.mktemp('lexical')}/memory.db") as store:
        yield store


@pytest.fixture(scope="module")
def postgres(postgres_server: LocalPostgres) -> Iterator[Store]:
    with fresh_database(postgres_server) as url, Store.open(url) as store:
        yield store


def fresh(store: Store) -> Collection:
    return store.collection("notes", owner=uuid.uuid4().hex)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=steps, query=texts)
def test_in_sqlite_the_ranking_is_bm25_after_any_story(
    sqlite: Store, story: list[tuple[object, ...]], query: str
) -> None:
    collection = fresh(sqlite)
    with small_segments():
        left = play(collection, story)
        check(collection, left, query)
        check_tables(collection, left)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=steps, query=texts)
def test_in_postgresql_the_ranking_is_bm25_after_any_story(
    postgres: Store, story: list[tuple[object, ...]], query: str
) -> None:
    collection = fresh(postgres)
    with small_segments():
        left = play(collection, story)
        check(collection, left, query)
        check_tables(collection, left)


@pytest.mark.slow
@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=steps, query=texts)
def test_after_very_many_stories(sqlite: Store, story: list[tuple[object, ...]], query: str) -> None:
    collection = fresh(sqlite)
    with small_segments():
        left = play(collection, story)
        check(collection, left, query)
        check_tables(collection, left)


def test_records_without_any_word_are_kept_folded_and_deleted(sqlite: Store) -> None:
    collection = fresh(sqlite)
    collection.add(Record(id=f"{i}", text="!?" * (i % 2)) for i in range(lexical.FOLD_AT + 1))
    for i in range(lexical.FOLD_AT + 40):
        collection.add([Record(id=f"one by one {i}", text="…")])
    collection.maintain()
    assert len(collection.search("!?")) == 0
    assert collection.delete(["0", "one by one 3"]) == 2
    assert collection.count() == 2 * lexical.FOLD_AT + 39


def test_records_loaded_without_their_index_are_indexed_in_one_go(sqlite: Store) -> None:
    collection = fresh(sqlite)
    collection.add(Record(id=f"{i:03}", text=f"common unique{i} a\0b \ud800") for i in range(40))
    key = {"owner": collection.owner, "collection": "notes"}
    with sqlite.database.write(collection.owner) as tx:
        ((first, last),) = tx.execute(
            "SELECT min(seq), max(seq) FROM capsa_records WHERE owner = :owner AND collection = :collection", key
        )
        lexical.clear(tx, collection.owner, "notes")
        assert lexical.index_range(tx, collection.owner, "notes", first, first + 9) == 10
        assert lexical.index_range(tx, collection.owner, "notes", first + 10, last) == 30
        assert lexical.index_range(tx, collection.owner, "notes", last + 1, last + 99) == 0
    check_tables(collection, {str(i): f"common unique{i} a\0b \ud800" for i in range(40)})
    assert [hit.record.id for hit in collection.search("unique17")] == ["017"]


def test_long_texts_loaded_without_their_index_become_several_segments(sqlite: Store) -> None:
    collection = fresh(sqlite)
    collection.add(Record(id=f"{i:03}", text=f"common unique{i}") for i in range(40))
    with sqlite.database.write(collection.owner) as tx:
        lexical.clear(tx, collection.owner, "notes")
        with mock.patch.object(lexical, "SEGMENT_CHARACTERS", 150):
            assert lexical.index_range(tx, collection.owner, "notes", 0, 1 << 40) == 40
    sizes = [segment.records for segment in segments_of(collection)]
    assert len(sizes) > 3
    assert sum(sizes) == 40
    check_tables(collection, {str(i): f"common unique{i}" for i in range(40)})
    assert [hit.record.id for hit in collection.search("unique17")] == ["017"]


def test_a_segment_of_few_records_among_millions_is_scored_alike() -> None:
    table = postings.saturation(5.0)
    known = keys.of("ab").tobytes()
    documents = [postings.Document(seq, 5, known, bytes([1 + seq % 3, 1])) for seq in (7, 8, 500, 90_000)]
    segment = postings.build(documents)
    assert segment is not None
    pieces = [blocks.some(segment.postings, term, term + 1) for term in range(2)]
    rows = [
        (known.index(piece.keys.tobytes()) // 8, piece.deltas.tobytes(), piece.weights.tobytes()) for piece in pieces
    ]
    factors = np.array([1.5, 0.25], np.float32)
    for long in (1, 1_000):
        with mock.patch.object(scoring, "_LONG", long):
            found = scoring.gather(rows)
        dense = scoring.score(found, factors, table, 90_000)
        with mock.patch.object(scoring, "_DENSE_SPAN", 10):
            sparse = scoring.score(found, factors, table, 90_000)
        assert dense[0].tolist() == sparse[0].tolist() == [0, 1, 493, 89_993]
        np.testing.assert_allclose(dense[1], sparse[1], rtol=1e-6)


def test_the_rarest_words_are_looked_for_in_every_record_and_the_others_in_the_best(sqlite: Store) -> None:
    collection = fresh(sqlite)
    collection.add(Record(id=f"{i}", text=" ".join(f"w{j}" for j in range(i, 300))) for i in range(0, 300, 10))
    with sqlite.database.read(collection.owner) as tx:
        index = ranking.Index(tx, collection.owner, "notes")
        everything = index.plan([f"w{j}" for j in range(100)])
        assert everything.rest == []
        assert [index.frequency(term) for term in everything.terms] == sorted(map(index.frequency, everything.terms))
        assert index.plan(["nowhere", "w0", "w0"]).terms == ["w0"]
        with mock.patch.object(ranking, "MAX_POSTINGS", 20):
            plan = index.plan(["w299", "w5", "w9", "w29"])
            assert (plan.terms, plan.rest) == (["w5", "w9", "w29"], ["w299"]), "those that fit"
            assert list(plan.weight) == ["w5", "w9", "w29", "w299"]
            assert index.plan(["w299"]).terms == ["w299"], "the rarest in any case"
        assert index.plan([]).terms == index.plan(["nowhere"]).terms == []


def code_like(chance: random.Random, words: int) -> str:
    """Words of which few are frequent and most are rare, as in any text."""
    return " ".join(f"word{int(1.5 ** chance.uniform(0, 22))}x" for _ in range(words))


@pytest.mark.parametrize("pending", [False, True])
def test_a_page_as_the_query_finds_what_every_word_of_it_would(store_url: str, pending: bool) -> None:
    chance = random.Random(1)
    texts = {f"{i}": code_like(chance, 60) for i in range(400)}
    pages = [" ".join(chance.choice(list(texts.values())) for _ in range(20)) for _ in range(8)]
    found = 0
    with Store.open(store_url) as store, mock.patch.multiple(ranking, LONG_QUERY_POSTINGS=2_000):
        collection = store.collection("notes")
        collection.add(Record(id=id_, text=text) for id_, text in texts.items())
        if not pending:
            collection.maintain()
        for page in pages:
            assert len(tokens.query_terms(page)) > 2 * ranking.MAX_TERMS
            exact = naive(texts, page)
            best = sorted(exact, key=lambda id_: -exact[id_])[:10]
            hits = collection.search(page, limit=10)
            found += len({hit.record.id for hit in hits} & set(best))
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
            for hit in hits:
                # Words that were not looked up are weighed by an estimate.
                assert hit.score == pytest.approx(exact[hit.record.id], rel=0.25)
                assert set(hit.words) == set(tokens.query_terms(page)) & set(tokens.terms(hit.record.text)[0])
        everything = collection.search(pages[0], limit=1_000)
        assert [hit.score for hit in everything] == sorted((hit.score for hit in everything), reverse=True)
        only = collection.search(pages[0], limit=10, filter=Filter(session_id="none"))
        assert len(only) == 0
    assert found >= 0.9 * 10 * len(pages)


def test_a_page_of_unknown_words_still_finds_by_the_few_known_ones(sqlite: Store) -> None:
    collection = fresh(sqlite)
    collection.add(Record(id=f"{i}", text=f"common knownandlong{i}") for i in range(600))
    unknown = " ".join(f"unknown{i}" for i in range(1_500))
    assert len(collection.search(f"{unknown} common", limit=3)) == 3
    hits = collection.search(f"{unknown} common knownandlong7", limit=3)
    assert hits[0].record.id == "7"
    assert hits[0].words == ("knownandlong7", "common")


def test_of_long_records_fewer_are_weighed_by_all_words(sqlite: Store) -> None:
    collection = fresh(sqlite)
    collection.add(Record(id=f"{i}", text=f"a{i} b c d " + "long " * 100) for i in range(20))
    with (
        mock.patch.object(ranking, "MAX_POSTINGS", 45),
        mock.patch.object(engine, "MAX_WEIGHED_WORDS", 320),
    ):
        hits = collection.search("a3 b c d", limit=20)
    assert hits[0].record.id == "3"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {len(hit.words) for hit in hits[:3]} == {3, 4}
    assert all(len(hit.words) < 3 for hit in hits[3:])


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.sampled_from([0.5, 1.0, 1.5])), unique_by=lambda p: p[0]), st.data()
)
def test_the_best_come_first_and_of_equals_the_newest(pairs: list[tuple[int, float]], data: st.DataObject) -> None:
    matches = ranking.Matches(
        np.array([seq for seq, _ in pairs], np.int64), np.array([score for _, score in pairs], np.float32)
    )
    expected = sorted(pairs, key=lambda pair: (-pair[1], -pair[0]))
    assert list(matches.best()) == expected
    allowed = data.draw(st.lists(st.sampled_from([seq for seq, _ in pairs] or [0]), unique=True).map(sorted))
    assert list(matches.best(np.array(allowed, np.int64))) == [pair for pair in expected if pair[0] in allowed]


def test_the_best_of_many_are_sorted_only_as_far_as_they_are_read() -> None:
    generator = np.random.default_rng(1)
    seqs, scores = np.arange(100_000), generator.integers(0, 50, 100_000).astype(np.float32)
    best = list(itertools.islice(ranking.Matches(seqs, scores).best(), 5_000))
    assert best == sorted(zip(seqs.tolist(), scores.tolist(), strict=True), key=lambda p: (-p[1], -p[0]))[:5_000]


@given(st.integers(1, 60), st.integers(0, 3_000), st.integers(0, 1 << 30))
def test_thinning_out_first_changes_nothing(kinds: int, size: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    seqs, scores = generator.permutation(size), generator.integers(0, kinds, size).astype(np.float32)
    found = {}
    for many in (2, 1 << 30):
        with mock.patch.object(ranking, "_MANY", many):
            found[many] = np.flatnonzero(ranking._first(seqs, scores, 64)).tolist()
    assert found[2] == found[1 << 30]


def test_a_filter_that_lets_little_through_still_ranks(sqlite: Store) -> None:
    collection = fresh(sqlite)
    collection.add(Record(text="needle " + "hay " * (i % 9), session_id=str(i % 100)) for i in range(3_000))
    everything = [h.record.id for h in collection.search("needle", limit=3_000) if h.record.session_id == "7"]
    assert [h.record.id for h in collection.search("needle", limit=30, filter=Filter(session_id="7"))] == everything


def test_few_large_texts_are_folded_before_a_search_has_megabytes_to_read(sqlite: Store) -> None:
    collection = fresh(sqlite)
    with mock.patch.object(merging, "STEP_AT", 4), mock.patch.object(lexical, "FOLD_BYTES", 5_000):
        for i in range(16):
            collection.add([Record(id=f"{i}", text=" ".join(f"word{i}x{j}" for j in range(100)))])
        assert sum(segment.records for segment in segments_of(collection)) >= 8
    assert [hit.record.id for hit in collection.search("word7x70")] == ["7"]


def test_very_many_pending_rows_are_folded_some_at_a_time(sqlite: Store) -> None:
    collection = fresh(sqlite)
    with mock.patch.object(lexical, "MOST_FOLDED", 7), sqlite.database.write(collection.owner) as tx:
        for i in range(20):
            collection.add([Record(id=f"{i}", text=f"common unique{i}")], tx=tx)
        folded = [lexical.fold(tx, collection.owner, "notes") for _ in range(4)]
    assert folded == [7, 7, 6, 0]
    check_tables(collection, {str(i): f"common unique{i}" for i in range(20)})
