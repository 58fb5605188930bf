from __future__ import annotations

import re
import string

from hypothesis import example, given
from hypothesis import strategies as st

from capsa.search import bulk, forward, lexical, postings, tokens

texts = st.lists(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["get_user_name", "getUserName", "HTTPServer", "running", "runs", "日本語", "Straße", "🎉", "_", ""]
            ),
            st.text(max_size=8),
        ),
        max_size=12,
    ).map(" ".join),
    max_size=8,
)


def plain(segment: postings.Segment | None) -> object:
    """What can be compared."""
    if segment is None:
        return None
    some = segment.postings
    arrays = [part.tolist() for part in (some.keys, some.ends, some.deltas, some.weights)]
    # The terms of a record come in any order.
    documents = []
    for row in segment.documents.rows():
        one = forward.Documents.decode([row])
        documents.append((*row[:2], sorted(zip(one.halves.tolist(), one.occurrences.tolist(), strict=True))))
    return segment.first_seq, segment.last_seq, segment.records, segment.tokens, arrays, documents


@given(texts, st.sampled_from([1, 5, bulk.BLOCK]), st.integers(1, 2**40), st.sampled_from([1, 3, bulk.MOST_WORDS]))
@example(["x " * 400 + "y"], bulk.BLOCK, 1, bulk.MOST_WORDS)
@example(["", "", ""], 1, 1, 1)
def test_many_texts_at_once_are_the_segment_of_their_documents(
    found: list[str], block: int, first: int, most_words: int
) -> None:
    numbered = [(first + 3 * n, text) for n, text in enumerate(found)]
    expected = postings.build(lexical.document(seq, text) for seq, text in numbered)
    made = bulk.build(numbered, block=block, most_words=most_words)
    assert plain(made) == plain(expected)


def test_with_very_many_terms_a_segment_ends_and_the_next_goes_on() -> None:
    numbered = iter(list(enumerate(["one", "two", "three", "next"], 1)))
    segments = [bulk.build(numbered, block=1, most_terms=3) for _ in range(3)]
    assert [segment and segment.records for segment in segments] == [3, 1, None]


@given(st.text(st.sampled_from(string.printable + "\0\x1c\x1f\x7f")))
def test_words_of_ascii_are_runs_of_letters_digits_and_underscores(text: str) -> None:
    assert tokens.split(text) == re.findall("[A-Za-z0-9_]+", text)
