"""A directory tells about how many records have a term, and keeps nothing of what was removed."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from capsa.database import Transaction
from capsa.records import Record
from capsa.search import directory
from capsa.search.postings import ENTRY
from capsa.store import Collection, Store

sizes = st.dictionaries(st.text("abcé日", min_size=1, max_size=6), st.integers(1, 60))


def built(sizes: dict[str, int], records: int = 100) -> bytes:
    return directory.build(((term, bytes(ENTRY * n)) for term, n in sizes.items()), records)


def looked_up(data: bytes, terms: list[str]) -> dict[str, int]:
    return dict(zip(terms, directory.counts(data, directory.hashes(terms)).tolist(), strict=True))


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
    assert directory.lowered(built(sizes), lost) == built({term: n for term, n in left.items() if sizes[term] >= 4})


def stored(tx: Transaction, collection: Collection) -> list[bytes]:
    key = {"owner": collection.owner, "collection": collection.name}
    numbers = tx.database.array([row[0] for row in tx.query("lexical_segments", key)])
    parameters = {**key, "segments": numbers, "terms": tx.database.array([directory.NAME])}
    return [data for _, _, data in tx.query("lexical_postings", parameters)]


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
