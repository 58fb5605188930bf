"""Rows arrive whole, once and in order, in every direction; the report says what is true."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from capsa import Mode, Record, SourceMissing, SourceUnreadable, Store, TransferError, open_database
from capsa.transfer import OnConflict, Options, examine, open_source, transfer, verify

DIRECTIONS = [(one, other) for one in ("sqlite", "postgresql") for other in ("sqlite", "postgresql")]
New = Callable[[str], str]


def change(url: str, statement: str) -> None:
    with open_database(url) as database, database.maintain() as tx:
        tx.execute(statement)


@pytest.mark.parametrize(("one", "other"), DIRECTIONS)
def test_every_row_arrives_equal_and_in_order(one: str, other: str, new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url(one), new_url(other)
    kit.fill(source, 60)
    kit.fill(source, 10, prefix="x", owner="somebody", collection="notes")
    report = kit.move(source, target, Options(range_rows=16))
    assert kit.contents(target) == [(*row[:11], row[11]) for row in kit.contents(source)]
    assert (report.source_rows, report.migrated, report.skipped, report.failed) == (70, 70, 0, 0)
    assert report.complete
    assert report.verified
    assert report.vectors == 46


@pytest.mark.parametrize(("one", "other"), DIRECTIONS)
def test_what_arrived_is_found_by_words_and_by_meaning(
    one: str, other: str, new_url: New, kit: SimpleNamespace
) -> None:
    source, target = new_url(one), new_url(other)
    kit.fill(source, 60)
    kit.move(source, target, Options(range_rows=16))
    with open_database(target) as database:
        code = Store(database, embedder=None).collection("code", owner="local")
        hits = code.search("function_33", mode=Mode.LEXICAL, limit=3)
        assert hits[0].record.id == "r33"
        vector = code.vector("r34", model=kit.model)
        assert vector is not None
        assert code.search_vector(vector, model=kit.model, limit=1)[0].record.id == "r34"


def test_there_and_back_again_gives_every_row_equal(new_url: New, kit: SimpleNamespace) -> None:
    start, server, end = new_url("sqlite"), new_url("postgresql"), new_url("sqlite")
    kit.fill(start, 60)
    kit.move(start, server)
    assert kit.move(server, end).complete
    assert kit.contents(end) == kit.contents(start)


def test_all_that_was_written_since_comes_back(new_url: New, kit: SimpleNamespace) -> None:
    start, server = new_url("sqlite"), new_url("postgresql")
    kit.fill(start, 20)
    kit.move(start, server)
    kit.fill(server, 5, prefix="later")
    report = kit.move(server, start)
    assert (report.migrated, report.skipped, report.failed) == (5, 20, 0)
    assert kit.contents(start) == kit.contents(server)


@pytest.mark.parametrize(("one", "other"), DIRECTIONS)
def test_no_key_of_a_row_is_kept_once_a_transfer_is_through(
    one: str, other: str, new_url: New, kit: SimpleNamespace
) -> None:
    source, target = new_url(one), new_url(other)
    kit.fill(source, 20)
    kit.move(source, target)
    with open_database(target) as database, database.maintain() as tx:
        kept = tx.execute("SELECT first_key, last_key, records FROM capsa_transfer_ranges WHERE records > 0")
    assert kept == [("", "", 20)]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_again_everything_is_skipped(dialect: str, new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url(dialect)
    kit.fill(source, 20)
    kit.move(source, target)
    before = kit.contents(target)
    report = kit.move(source, target)
    assert (report.migrated, report.skipped, report.failed, report.success_rate) == (0, 20, 0, 100.0)
    assert not report.resumed
    assert kit.contents(target) == before


class TestConflicts:
    """A row that is there already, and differs."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    def differing(self, request: pytest.FixtureRequest, new_url: New, kit: SimpleNamespace) -> tuple[str, str]:
        source, target = new_url("sqlite"), new_url(request.param)
        kit.fill(source, 30)
        kit.move(source, target)
        change(target, "UPDATE capsa_records SET text = 'somebody wrote here' WHERE id = 'r8'")
        change(target, "UPDATE capsa_embeddings SET raw = :x WHERE seq = 11".replace(":x", "NULL, vector = NULL"))
        return source, target

    def test_is_kept_and_reported(self, differing: tuple[str, str], kit: SimpleNamespace) -> None:
        source, target = differing
        before = kit.contents(target)
        report = kit.move(source, target)
        assert (report.migrated, report.skipped, report.failed) == (0, 28, 2)
        assert report.conflicts == ("capsa_records local code r8", "capsa_records local code r10")
        assert not report.complete
        assert kit.contents(target) == before

    def test_is_replaced_if_so_asked(self, differing: tuple[str, str], kit: SimpleNamespace) -> None:
        source, target = differing
        report = kit.move(source, target, Options(on_conflict=OnConflict.REPLACE))
        assert (report.migrated, report.skipped, report.failed) == (2, 28, 0)
        assert report.complete
        assert sorted(kit.contents(target), key=str) == sorted(kit.contents(source), key=str)
        with open_database(target) as database:
            code = Store(database, embedder=None).collection("code", owner="local")
            assert [hit.record.id for hit in code.search("function_8", mode=Mode.LEXICAL, limit=1)] == ["r8"]
            assert not [hit for hit in code.search("somebody wrote", mode=Mode.LEXICAL) if hit.record.id == "r8"]

    def test_stops_if_so_asked(self, differing: tuple[str, str], kit: SimpleNamespace) -> None:
        source, target = differing
        before = kit.contents(target)
        with pytest.raises(TransferError, match=r"[\w ]*\br8 is in .* already, and differs"):
            kit.move(source, target, Options(on_conflict=OnConflict.FAIL))
        assert kit.contents(target) == before


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_rows_of_the_target_alone_stay_and_are_counted(dialect: str, new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url(dialect)
    kit.fill(source, 10)
    kit.fill(target, 4, prefix="mine")
    report = kit.move(source, target)
    assert report.complete
    assert report.parts[0].only_in_target == 4
    assert len(kit.contents(target)) == 14


def test_the_source_keeps_every_byte(new_url: New, kit: SimpleNamespace) -> None:
    source = new_url("sqlite")
    kit.fill(source, 10)
    path = Path(source.removeprefix("sqlite:///"))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    kit.move(source, new_url("sqlite"))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_two_runs_at_once_double_nothing(dialect: str, new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url(dialect)
    kit.fill(source, 200)
    open_database(target).close()
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(kit.move(source, target, Options(range_rows=10))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.complete for report in reports] == [True, True]
    assert kit.contents(target) == kit.contents(source)
    with open_database(target) as database:
        hits = (
            Store(database, embedder=None).collection("code", owner="local").search("def", mode=Mode.LEXICAL, limit=300)
        )
        assert len(hits) == len({hit.record.id for hit in hits})


class TestLiveSource:
    """A source that others write while it is read."""

    @pytest.mark.parametrize(("one", "other"), DIRECTIONS)
    def test_is_followed(self, one: str, other: str, new_url: New, kit: SimpleNamespace) -> None:
        source, target = new_url(one), new_url(other)
        kit.fill(source, 40)
        done: list[bool] = []

        def meddle(phase: str, _done: int, _total: int) -> None:
            if phase == "verify" and not done:
                done.append(True)
                change(source, "UPDATE capsa_records SET text = 'written meanwhile' WHERE id = 'r20'")
                change(source, "DELETE FROM capsa_records WHERE id IN ('r30', 'r31')")
                kit.fill(source, 3, prefix="new")

        report = kit.move(source, target, Options(progress=meddle, range_rows=10))
        assert report.complete
        assert report.source_rows == 41
        there = {row[2]: row for row in kit.contents(target)}
        assert there["r20"][4] == "written meanwhile"
        assert {"new0", "new1", "new2", "r30", "r31"} <= there.keys()
        assert any("2 rows were deleted from the source" in note for note in report.notes)
        assert any(note.endswith("4 rows followed in 1 round") for note in report.notes)

    def test_that_never_rests_is_said_to(self, new_url: New, kit: SimpleNamespace) -> None:
        source, target = new_url("sqlite"), new_url("sqlite")
        kit.fill(source, 5)
        numbers = iter(range(1000))

        def meddle(phase: str, _done: int, _total: int) -> None:
            if phase in {"verify", "catch up"}:
                kit.fill(source, 1, prefix=f"n{next(numbers)}-")

        report = kit.move(source, target, Options(progress=meddle))
        assert any("still being written" in note for note in report.notes)


class TestManifest:
    """The report that can be checked again."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    def carried(
        self, request: pytest.FixtureRequest, new_url: New, kit: SimpleNamespace, tmp_path: Path
    ) -> tuple[str, Path]:
        source, target, manifest = new_url("sqlite"), new_url(request.param), tmp_path / "report.json"
        kit.fill(source, 40)
        kit.move(source, target, Options(manifest=manifest, range_rows=16))
        return target, manifest

    def test_finds_everything_as_it_was(self, carried: tuple[str, Path]) -> None:
        target, manifest = carried
        with open_database(target) as database:
            found = verify(manifest, database)
        assert (found.rows, found.unchanged, found.added_count) == (40, 40, 0)
        assert found.intact

    def test_names_what_was_changed_deleted_and_added(self, carried: tuple[str, Path], kit: SimpleNamespace) -> None:
        target, manifest = carried
        change(target, "UPDATE capsa_records SET path = 'moved' WHERE id = 'r9'")
        change(target, "UPDATE capsa_embeddings SET vector = NULL WHERE seq = 12")
        change(target, "DELETE FROM capsa_records WHERE id = 'r20'")
        kit.fill(target, 1, prefix="new")
        with open_database(target) as database:
            found = verify(manifest, database)
        assert found.changed == ("capsa_records local code r9", "capsa_records local code r11")
        assert found.deleted == ("capsa_records local code r20",)
        assert found.added == ("capsa_records local code new0",)
        assert not found.intact

    def test_is_the_same_for_both_databases(
        self, carried: tuple[str, Path], new_url: New, kit: SimpleNamespace
    ) -> None:
        target, manifest = carried
        other = new_url("sqlite")
        kit.move(target, other)
        with open_database(other) as database:
            assert verify(manifest, database).intact

    def test_ends_with_the_report_itself(self, carried: tuple[str, Path]) -> None:
        last = json.loads(carried[1].read_text().splitlines()[-1])
        assert last["report"]["migrated"] == 40

    def test_that_is_cut_off_or_missing_is_refused(self, carried: tuple[str, Path]) -> None:
        target, manifest = carried
        lines = manifest.read_text().splitlines(keepends=True)
        manifest.write_text("".join(lines[:-1]))
        with open_database(target) as database:
            with pytest.raises(TransferError, match="cut off"):
                verify(manifest, database)
            manifest.write_text("{}")
            with pytest.raises(TransferError, match="not a report"):
                verify(manifest, database)
            with pytest.raises(TransferError, match="no report"):
                verify(manifest.with_name("other.json"), database)


def test_without_verification_the_report_says_so(new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url("sqlite")
    kit.fill(source, 10)
    report = kit.move(source, target, Options(validate=False))
    assert (report.migrated, report.verified, report.digest) == (10, False, None)
    assert any("not verified" in note for note in report.notes)


def test_a_dry_run_reads_everything_and_writes_nothing(new_url: New, kit: SimpleNamespace) -> None:
    source = new_url("sqlite")
    kit.fill(source, 10)
    with closing(open_source(source)) as opened:
        report = examine(opened)
    assert (report.source_rows, report.dry_run, report.failed) == (10, True, 0)


def test_a_source_without_our_tables_is_refused(new_url: New, tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        open_source(new_url("postgresql"))
    with pytest.raises(SourceMissing):
        open_source(f"sqlite:///{tmp_path / 'missing.db'}")
    import sqlite3

    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(SourceUnreadable, match="no tables of ours"):
        open_source(f"sqlite:///{tmp_path / 'other.db'}")


def test_the_same_model_of_another_size_is_said(new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url("postgresql")
    kit.fill(source, 10)
    with open_database(target) as database:
        Store(database, embedder=None).collection("code", owner="local").add(
            [Record(text="x")], vectors=[[1.0, 2.0]], model=kit.model
        )
    with pytest.raises(TransferError, match="8 dimensions in the source and 2 in the target"):
        kit.move(source, target)


def test_rows_in_quarantine_travel_too(new_url: New, kit: SimpleNamespace) -> None:
    source, server, end = new_url("sqlite"), new_url("postgresql"), new_url("sqlite")
    kit.fill(source, 3)
    change(
        source,
        "INSERT INTO capsa_quarantine VALUES ('local', 't', 'p', '17', 'no id', CAST('{}' AS BLOB), 1767700800000000)",
    )
    kit.move(source, server)
    kit.move(server, end)
    with open_database(end) as database, database.maintain() as tx:
        rows = tx.execute("SELECT * FROM capsa_quarantine")
    assert rows == [("local", "t", "p", "17", "no id", b"{}", 1767700800000000)]


def test_as_the_guides_user_who_may_create_no_role(guide_postgres_url: str, new_url: New, kit: SimpleNamespace) -> None:
    source, back = new_url("sqlite"), new_url("sqlite")
    kit.fill(source, 30)
    kit.fill(source, 10, prefix="x", owner="somebody")
    assert kit.move(source, guide_postgres_url).complete
    report = kit.move(guide_postgres_url, back)
    assert report.complete
    assert sorted(kit.contents(back), key=str) == sorted(kit.contents(source), key=str)


def test_the_guides_user_gets_a_vector_index_without_waiting_for_itself(
    guide_postgres_url: str, new_url: New, kit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capsa.postgres.vectors.INDEX_FROM", 20)
    monkeypatch.setattr("capsa.postgres.vectors._LEAST_ROW_BYTES", 1)
    source = new_url("sqlite")
    kit.fill(source, 300)
    report = kit.move(source, guide_postgres_url, Options(range_rows=10))
    assert report.complete
    with open_database(guide_postgres_url) as database, database.read("local") as tx:
        assert tx.execute("SELECT 1 FROM pg_class WHERE relname LIKE 'capsa\\_embeddings\\_hnsw\\_%'")
        deadlocks = tx.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert deadlocks == [(0,)]


@pytest.mark.slow
@pytest.mark.postgres16
def test_on_postgresql_16(postgres_16_url: str, new_url: New, kit: SimpleNamespace) -> None:
    source, back = new_url("sqlite"), new_url("sqlite")
    kit.fill(source, 60)
    assert kit.move(source, postgres_16_url, Options(range_rows=16)).complete
    assert kit.move(postgres_16_url, back).complete
    assert kit.contents(back) == kit.contents(source)


def test_a_report_can_be_read_by_a_program(new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url("sqlite")
    kit.fill(source, 5)
    report = kit.move(source, target)
    document = json.loads(report.to_json())
    assert document["migrated"] == 5
    assert document["complete"] is True
    assert document["parts"][0]["name"] == "capsa_records"
    assert replace(report, missing=1).complete is False


def test_transfer_takes_a_source_that_is_open(new_url: New, kit: SimpleNamespace) -> None:
    source, target = new_url("sqlite"), new_url("sqlite")
    kit.fill(source, 5)
    with closing(open_source(source)) as opened, open_database(target) as database:
        assert transfer(opened, database).complete
        assert transfer(opened, database).skipped == 5
