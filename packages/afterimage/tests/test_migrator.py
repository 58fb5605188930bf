"""Migrating from a program of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterimage.migrate import Migrator, migrate_sqlite_to_postgres, print_migration_report
from afterimage.storage import PostgreSQLBackend, SQLiteBackend
from afterimage.testing import write_legacy_memory
from capsa.testing.embedders import HashingEmbedder


@pytest.fixture
def legacy(tmp_path: Path) -> Path:
    path = tmp_path / "memory.db"
    write_legacy_memory(path, 60)
    return path


def test_an_earlier_file_goes_to_postgresql_with_progress_and_its_numbers(
    legacy: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[str, int, int]] = []
    stats = migrate_sqlite_to_postgres(
        legacy, {"connection_string": postgres_url}, progress_callback=lambda *step: seen.append(step)
    )
    assert (stats.source_entries, stats.migrated_entries, stats.failed_entries) == (60, 60, 0)
    assert stats.success_rate == 100.0
    assert stats.errors == ()
    assert ("Migrating entries", 60, 60) in seen
    print_migration_report(stats)
    shown = capsys.readouterr().out
    assert "Source entries:     60\nMigrated:           60\nSkipped (existing): 0\nFailed:             0\n" in shown


def test_run_again_it_skips_what_is_there(legacy: Path, postgres_url: str) -> None:
    server = {"connection_string": postgres_url}
    migrate_sqlite_to_postgres(legacy, server, batch_size=7)
    again = migrate_sqlite_to_postgres(legacy, server)
    assert (again.source_entries, again.skipped_entries, again.failed_entries) == (60, 60, 0)


def test_one_backend_goes_into_another_both_ways(legacy: Path, tmp_path: Path, postgres_url: str) -> None:
    with (
        SQLiteBackend(legacy, report=lambda line: None) as here,
        PostgreSQLBackend(connection_string=postgres_url) as there,
        SQLiteBackend(tmp_path / "back.db") as back,
    ):
        assert Migrator(here, there).migrate().migrated_entries == 60
        assert Migrator(there, back).migrate(validate=True).migrated_entries == 60
        assert {e.id: e for e in back.get_recent(100)} == {e.id: e for e in here.get_recent(100)}


def test_units_of_long_entries_come_along_and_are_no_entries(tmp_path: Path, postgres_url: str) -> None:
    code = "\n\n".join(f"def handle_{n}(request):\n    return request.of_the_number_{n}" for n in range(40))
    with (
        SQLiteBackend(tmp_path / "here.db", embedder=HashingEmbedder) as here,
        PostgreSQLBackend(connection_string=postgres_url, embedder=HashingEmbedder) as there,
    ):
        here.store("/p/a.py", code)
        here.collection.embed_missing()
        stats = Migrator(here, there).migrate()
        assert (stats.source_entries, stats.migrated_entries) == (1, 1)
        assert there.collection.units.count() == 40
        assert there.collection.waiting() == 0
