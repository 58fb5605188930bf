"""A directory tells about how many records have a term, and keeps nothing of what was removed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capsa.database import Transaction
from capsa.errors import DatabaseDamaged
from capsa.records import Record
from capsa.search import blocks, directory, keys
from capsa.store import Collection, Store

sizes = st.dictionaries(st.text("abcé日", min_size=1, max_size=6), st.integers(1, 60))


def built(sizes: Mapping[str, int], records: int = 100) -> bytes:
    counts = dict(zip(keys.of(sizes).tolist(), sizes.values(), strict=True))
    known = sorted(counts)
    return directory.build(np.array(known, np.uint64), np.array([counts[key] for key in known], np.int64), records)


def looked_up(data: bytes, terms: list[str]) -> dict[str, int]:
    return dict(zip(terms, directory.counts([data], keys.of(terms)).tolist(), strict=True))


@given(sizes, st.integers(0, 100_000))
def test_the_frequent_terms_are_in_it(sizes: dict[str, int], records: int) -> None:
    terms = [*sizes, "unknown"]
    border = directory.least(records)
    expected = {term: n if n >= border else 0 for term, n in sizes.items()} | {"unknown": 0}
    assert looked_up(built(sizes, records), terms) == expected


@given(sizes, st.data())
def test_what_is_removed_leaves_it(sizes: dict[str, int], data: st.DataObject) -> None:
    lost = {term: data.draw(st.integers(0, n)) for term, n in sizes.items()} | {"unknown": 3}
    left = {term: n - lost[term] for term, n in sizes.items()}
    lowered = directory.lowered(built(sizes), keys.of(lost), np.array(list(lost.values()), np.int64))
    assert lowered == built({term: n for term, n in left.items() if sizes[term] >= 4})


@given(sizes)
def test_that_of_a_segment_may_be_in_pieces(sizes: dict[str, int]) -> None:
    by_key = dict(sorted(zip(keys.of(sizes).tolist(), sizes.items(), strict=True)))
    pairs = list(by_key.values())
    pieces = [built(dict(pairs[:3])), built({}), built(dict(pairs[3:]))]
    found = directory.counts(pieces, keys.of([term for term, _ in pairs]))
    assert found.tolist() == [n if n >= 4 else 0 for _, n in pairs]


def test_one_that_is_cut_off_is_told() -> None:
    with pytest.raises(DatabaseDamaged, match="a directory of the index by words is damaged"):
        directory.counts([b"\0" * 12], keys.of(["a"]))


def stored(tx: Transaction, collection: Collection) -> list[bytes]:
    everything = {"owner": collection.owner, "collection": collection.name, "first": 0, "last": (1 << 63) - 1}
    return [data for place, data in tx.query("lexical_blocks_between", everything) if blocks.taken_apart(place)[2] == 1]


def test_every_segment_has_one_that_follows_its_records(store_url: str) -> None:
    with Store.open(store_url) as store:
        collection = store.collection("notes", owner=uuid.uuid4().hex)
        collection.add(Record(id=f"{i}", text="often " + "secret" * (i < 8) + " once" * (i == 7)) for i in range(600))
        with store.database.read(collection.owner) as tx:
            (before,) = stored(tx, collection)
        assert looked_up(before, ["often", "secret", "onc"]) == {"often": 600, "secret": 8, "onc": 0}
        collection.delete([f"{i}" for i in range(5)])
        with store.database.read(collection.owner) as tx:
            (after,) = stored(tx, collection)
        assert looked_up(after, ["often", "secret"]) == {"often": 595, "secret": 0}
        collection.delete([f"{i}" for i in range(600)])
        with store.database.read(collection.owner) as tx:
            assert stored(tx, collection) == []
