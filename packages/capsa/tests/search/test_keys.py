from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.search import keys


@given(st.lists(st.text(max_size=20)))
def test_many_keys_are_those_of_each(terms: list[str]) -> None:
    assert keys.of(terms).tobytes() == b"".join(map(keys.key, terms))


def test_keys_are_the_same_in_every_process() -> None:
    assert keys.key("getusernam").hex() == "1e9df14017fe1310"


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_different_terms_have_different_keys(one: str, other: str) -> None:
    assert (keys.key(one) == keys.key(other)) == (one == other)


@given(st.lists(st.text(max_size=9), max_size=30), st.integers(1, 1 << 17))
def test_blocks_follow_the_order_of_the_keys(terms: list[str], blocks: int) -> None:
    known = np.sort(keys.of(terms))
    numbers = keys.block_of_each(keys.halves(known), blocks).tolist()
    assert numbers == sorted(numbers) == [keys.block(key.tobytes(), blocks) for key in known]
    for key, number in zip(known.tolist(), numbers, strict=True):
        assert keys.first_in(number, blocks) <= key >> 32 < keys.first_in(number + 1, blocks)


@pytest.mark.parametrize("name", ["{}", "word{}", "{:x}", "get_{}_name", "名前{}"])
def test_every_block_gets_its_share(name: str) -> None:
    terms = [name.format(i) for i in range(100_000)]
    known = keys.of(terms)
    assert len(np.unique(known)) == len(terms)
    sizes = np.bincount(keys.block_of_each(keys.halves(known), 500), minlength=500)
    assert sizes.min() > 100
    assert sizes.max() < 300
