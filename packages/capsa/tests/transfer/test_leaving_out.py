"""A source without some of its rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from capsa import Record, Store, open_database, transfer

BECAUSE = "forgotten here before"


@pytest.fixture
def source(tmp_path: Path) -> transfer.Source:
    path = f"sqlite:///{tmp_path / 'a.db'}"
    with Store.open(path, embedder=None) as store:
        store.collection("notes", owner="me").add([Record(id=f"{n}", text=f"note {n}") for n in range(20)], embed=False)
    return transfer.open_source(path)


def odd(part: transfer.Part) -> Callable[[transfer.Item], bool] | None:
    if part.table is not transfer.RECORDS:
        return None
    place = part.table.names.index("id")
    return lambda item: isinstance(item, transfer.Row) and int(item.fields[place] or b"0") % 2 == 1


def test_they_do_not_arrive_and_the_report_counts_them_once(
    source: transfer.Source, store_url: str, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    with closing(transfer.leaving_out(source, odd, BECAUSE)) as fewer, open_database(store_url) as target:
        dry = transfer.examine(fewer, target=target)
        assert (dry.source_rows, dry.not_carried) == (10, (f"10 rows of capsa_records: {BECAUSE}",))
        report = transfer.transfer(fewer, target, transfer.Options(manifest=manifest))
        assert (report.complete, report.verified, report.migrated) == (True, True, 10)
        assert report.not_carried == (f"10 rows of capsa_records: {BECAUSE}",)
        notes = Store(target, embedder=None).collection("notes", owner="me")
        assert sorted(int(record.id) for record in notes.iterate()) == [*range(0, 20, 2)]
        assert transfer.verify(manifest, target).intact


def test_what_changes_meanwhile_is_followed_without_them(
    source: transfer.Source, tmp_path: Path, store_url: str
) -> None:
    fewer = transfer.leaving_out(source, odd, BECAUSE)
    with closing(fewer), Store.open(f"sqlite:///{tmp_path / 'a.db'}", embedder=None) as store:
        notes = store.collection("notes", owner="me")
        notes.add([Record(id="21", text="odd"), Record(id="22", text="even")], embed=False)
        with open_database(store_url) as target:
            report = transfer.transfer(fewer, target)
            assert (report.complete, report.source_rows) == (True, 11)
            there = Store(target, embedder=None).collection("notes", owner="me")
            assert (there.get("21"), there.get("22") is None) == (None, False)


def test_where_nothing_is_unwanted_nothing_is_said(source: transfer.Source, store_url: str) -> None:
    with (
        closing(transfer.leaving_out(source, lambda _: None, BECAUSE)) as all_of_it,
        open_database(store_url) as target,
    ):
        report = transfer.transfer(all_of_it, target)
        assert (report.migrated, report.not_carried) == (20, ())
