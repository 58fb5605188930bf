"""The rows of one owner, given to another on the way."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from capsa import Record, Store, open_database, transfer
from capsa.testing.embedders import HashingEmbedder


def test_the_rows_of_one_owner_arrive_as_anothers_and_no_other_rows(tmp_path: Path, store_url: str) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'a.db'}", embedder=HashingEmbedder()) as store:
        for owner, count in (("Ägypten", 30), ("other", 5)):
            notes = store.collection("notes", owner=owner)
            notes.add(Record(id=f"{i}", text=f"word{i} of {owner}", session_id="s" * (i % 2)) for i in range(count))
        kept = {
            r.id: (r, v.tolist())
            for r, v in store.collection("notes", owner="Ägypten").iterate_with_vectors()
            if v is not None
        }
    source = transfer.one_owner(transfer.open_source(f"sqlite:///{tmp_path / 'a.db'}"), "Ägypten", "team")
    with closing(source), open_database(store_url) as target:
        report = transfer.transfer(source, target)
        assert (report.complete, report.migrated, report.failed) == (True, 30, 0)
        again = transfer.transfer(source, target)
        assert (again.complete, again.migrated, again.skipped) == (True, 0, 30) or again.resumed
        store = Store(target, embedder=HashingEmbedder())
        arrived = {
            r.id: (r, v.tolist())
            for r, v in store.collection("notes", owner="team").iterate_with_vectors()
            if v is not None
        }
        assert arrived == kept
        assert [hit.record.id for hit in store.collection("notes", owner="team").search("word7", mode="lexical")] == [
            "7"
        ]
        for owner in ("Ägypten", "other"):
            assert store.collection("notes", owner=owner).count() == 0
