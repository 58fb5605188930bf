from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.errors import DatabaseDamaged
from capsa.search import forward
from capsa.search.forward import Documents

halves = st.integers(0, 2**32 - 1)
rows = st.lists(
    st.builds(
        lambda seq, length, terms: (
            seq,
            length,
            np.array(list(terms), "<u4").tobytes() + bytes(terms.values()),
        ),
        seq=st.integers(1, 2**60),
        length=st.integers(0, 10**9),
        terms=st.dictionaries(halves, st.integers(1, 255), max_size=6),
    ),
    max_size=8,
)


@given(rows)
def test_what_is_stored_of_records_is_read_back(given_rows: list[forward.Row]) -> None:
    assert list(Documents.decode(given_rows).rows()) == given_rows


@given(rows, st.lists(halves, unique=True, max_size=8))
def test_the_terms_that_are_looked_for_are_found_in_each_record(
    given_rows: list[forward.Row], others: list[int]
) -> None:
    documents = Documents.decode(given_rows)
    wanted = list(dict.fromkeys([*documents.halves.tolist()[::2], *others]))
    records, which, occurrences = documents.among(np.array(wanted, np.uint32))
    found = [
        (record, wanted[place], times)
        for record, place, times in zip(records.tolist(), which.tolist(), occurrences.tolist(), strict=True)
    ]
    expected = []
    for record, row in enumerate(given_rows):
        one = Documents.decode([row])
        has = dict(zip(one.halves.tolist(), one.occurrences.tolist(), strict=True))
        expected += [(record, half, has[half]) for half in wanted if half in has]
    assert found == expected


def test_a_row_that_is_cut_off_is_told() -> None:
    with pytest.raises(DatabaseDamaged, match="record 7 is damaged"):
        Documents.decode([(7, 3, b"123456")])
