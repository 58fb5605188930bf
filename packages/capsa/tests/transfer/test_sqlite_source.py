from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace

import pytest

from capsa import Record, Store
from capsa.transfer import Refused, Row, open_source, sqlite_source


def read(url: str) -> list[Row | Refused]:
    with closing(open_source(url)) as source:
        part = source.parts[0]
        pieces = [source.read(part, planned.first, planned.last) for planned in source.plan(part, 25)]
        return [item for piece in pieces for items in piece for item in items]


@pytest.mark.parametrize("rows", [1, 3, 25, 39, 40, 41, 100])
def test_ranges_hold_every_row_once_wherever_numbers_are_missing(rows: int, new_sqlite: Callable[[], str]) -> None:
    url = new_sqlite()
    with Store.open(url, embedder=None) as store:
        store.collection("code").add([Record(id=f"r{n}", text="x") for n in range(60)])
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM capsa_records WHERE seq % 3 = 0 OR seq = 1")
        connection.execute("UPDATE capsa_records SET seq = -5 WHERE seq = 2")
        left = [seq for (seq,) in connection.execute("SELECT seq FROM capsa_records ORDER BY seq")]
        connection.commit()
    with closing(open_source(url)) as source:
        planned = source.plan(source.parts[0], rows)
    assert [(int(one.first), int(one.last), one.rows) for one in planned] == [
        (piece[0], piece[-1], len(piece)) for piece in (left[at : at + rows] for at in range(0, len(left), rows))
    ]
    assert [one.ordinal for one in planned] == list(range(len(planned)))


@pytest.mark.parametrize("rows", [1, 7, 128])
def test_rows_are_the_same_in_chunks_of_any_size(
    rows: int, new_sqlite: Callable[[], str], kit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_sqlite()
    for collection in ("code", "notes"):
        kit.fill(url, 40, collection=collection)
    expected = read(url)
    monkeypatch.setattr(sqlite_source, "_CHUNK_ROWS", rows)
    monkeypatch.setattr(sqlite_source, "_FETCH_ROWS", 3)
    assert read(url) == expected
    assert len(expected) == 80
    assert sum(len(row.vectors) for row in expected if isinstance(row, Row)) == 2 * 26


def test_one_row_that_cannot_be_carried_leaves_the_others_of_its_chunk_as_they_are(
    new_sqlite: Callable[[], str], kit: SimpleNamespace
) -> None:
    url = new_sqlite()
    kit.fill(url, 40)
    before = read(url)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE capsa_records SET created_at = 'noon' WHERE seq = 17")
        connection.commit()
    after = read(url)
    (refused,) = (item for item in after if isinstance(item, Refused))
    assert refused.source_key == "17"
    assert b"noon" in refused.content
    assert [item for item in after if item is not refused] == [row for row in before if row.source_key != "17"]
