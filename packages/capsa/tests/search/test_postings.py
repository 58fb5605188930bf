from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.search import blocks, keys, postings
from capsa.search.postings import Document

documents = st.lists(
    st.builds(
        lambda seq, length, terms: Document(seq, length, keys.of(terms).tobytes(), bytes(terms.values())),
        seq=st.integers(0, 2**40),
        length=st.integers(0, 10**6),
        terms=st.dictionaries(st.sampled_from("abcdefgh日é"), st.integers(1, 255), max_size=6),
    ),
    unique_by=lambda document: document.seq,
    max_size=12,
).filter(lambda found: not found or max(d.seq for d in found) - min(d.seq for d in found) < 2**32)


@given(documents)
def test_a_segment_has_every_term_of_every_document_and_nothing_else(found: list[Document]) -> None:
    found = sorted(found, key=lambda document: document.seq)
    segment = postings.build(found)
    if not found:
        assert segment is None
        return
    assert segment is not None
    assert (segment.first_seq, segment.last_seq) == (found[0].seq, found[-1].seq)
    assert (segment.records, segment.tokens) == (len(found), sum(d.length for d in found))
    known = segment.postings.keys.tolist()
    assert known == sorted(set(known))
    read = {}
    for number, key in enumerate(known):
        one = blocks.some(segment.postings, number, number + 1)
        assert (np.diff(one.deltas.astype(np.int64)) > 0).all(), "ascending"
        for delta, weight in zip(one.deltas.tolist(), one.weights.tolist(), strict=True):
            read[segment.first_seq + delta, key] = (weight % 256, weight // 256)
    assert read == {
        (d.seq, key): (n, postings.length_class(d.length))
        for d in found
        for key, n in zip(np.frombuffer(d.keys, "<u8").tolist(), d.occurrences, strict=True)
    }


@given(st.integers(1, 10**6))
def test_a_length_is_known_within_a_few_percent(words: int) -> None:
    assert 2 ** (postings.length_class(words) / 12) - 1 == pytest.approx(words, rel=0.035)


def test_the_class_of_a_length_fits_a_byte() -> None:
    assert postings.length_class(0) == 0
    assert postings.length_class(10**9) == 255
    assert [postings.length_class(n) for n in range(100)] == sorted(postings.length_class(n) for n in range(100))


@given(st.integers(0, 255), st.integers(0, 255), st.floats(0.1, 10_000))
def test_the_table_is_bm25s_formula(occurrences: int, of_length: int, average: float) -> None:
    length = 2 ** (of_length / 12) - 1
    norm = postings.K1 * (1 - postings.B + postings.B * length / max(average, 1))
    expected = occurrences * (postings.K1 + 1) / (occurrences + norm)
    assert postings.saturation(average)[occurrences + 256 * of_length] == pytest.approx(expected, rel=1e-4, abs=1e-7)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_rare_word_weighs_more_and_none_weighs_nothing(records: int, with_term: int) -> None:
    weight = postings.idf(records, with_term)
    assert weight > 0
    assert postings.idf(records, with_term + 1) <= weight
