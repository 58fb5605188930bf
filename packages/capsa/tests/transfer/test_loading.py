"""A restore: everything comes in one transaction, bit for bit and indexed, or nothing does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace

import pytest

from capsa import Store, TransferError, open_database
from capsa.transfer import load, open_source

New = Callable[[str], str]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_is_loaded_is_equal_and_found(dialect: str, new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url(dialect)
    kit.fill(source, 60)
    seen: list[tuple[int, int]] = []
    with closing(open_source(source)) as opened, open_database(target) as database:
        with database.maintain() as tx:
            assert load(opened, database, tx, lambda done, total: seen.append((done, total))) == 60
        code = Store(database, embedder=None).collection("code")
        assert [hit.record.id for hit in code.search("function_33", limit=1)] == ["r33"]
        assert len(code.search_vector([1.0] * 8, limit=60, model=kit.model)) == 40
    assert seen[-1] == (60, 60)
    # But for the numbers of arrival, which are new.
    assert kit.contents(target) == kit.contents(source)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_record_that_is_there_already_stops_it(dialect: str, new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url(dialect)
    kit.fill(source, 10)
    kit.fill(target, 3, prefix="mine")
    with open_database(target) as database:
        Store(database, embedder=None).collection("code").add(kit.some_records(10)[9:], embed=False)
    before = kit.contents(target)
    with (
        closing(open_source(source)) as opened,
        open_database(target) as database,
        pytest.raises(TransferError, match="nothing was changed"),
        database.maintain() as tx,
    ):
        load(opened, database, tx)
    assert kit.contents(target) == before
