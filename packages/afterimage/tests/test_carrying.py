"""What was forgotten in one memory does not come back from another, whichever way it is migrated."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from afterimage.backup import restore_backup, write_backup
from afterimage.forgotten import take_back
from afterimage.migrate import main
from afterimage.migrator import Migrator, migrate_sqlite_to_postgres
from afterimage.retrieval.forgetting import forget
from afterimage.storage import SQLiteBackend, get_storage_backend
from afterimage.testing import write_legacy_memory
from capsa import Database, DatabaseUrl, Record, Store, open_database, transfer

from .test_migrate import configure, numbers


@pytest.fixture
def older(home: Path) -> Path:
    file = home / ".afterimage" / "memory.db"
    write_legacy_memory(file, 60)
    return file


@pytest.fixture
def server(home: Path, guide_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> DatabaseUrl:
    """The guide's user and database, in use."""
    url = DatabaseUrl.parse(guide_postgres_url)
    configure(home, url)
    monkeypatch.setenv("AFTERIMAGE_PG_PASSWORD", url.password or "")
    return url


def ids_at(url: DatabaseUrl, collection: str = "code") -> set[str]:
    with open_database(url) as database:
        return {record.id for record in Store(database, embedder=None).collection(collection, owner="local").iterate()}


def forget_here(home: Path, *ids: str) -> None:
    with get_storage_backend() as backend:
        forget(backend, home / ".afterimage", ids)


def test_what_was_forgotten_does_not_come_back_when_a_memory_is_migrated_again(
    older: Path, server: DatabaseUrl, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--sqlite", str(older)]) == 0
    before = ids_at(server)
    first, second, *_ = sorted(before)
    forget_here(home, first)
    capsys.readouterr()
    assert main(["--sqlite", str(older)]) == 0
    out = capsys.readouterr().out
    assert (numbers(out)["Skipped (existing)"], numbers(out)["Failed"]) == ("59", "0")
    assert "1 row of code_memory: forgotten before, and stays so (--bring-back-forgotten brings it back)" in out
    assert main(["--sqlite", str(older), "--dry-run"]) == 0
    assert ids_at(server) == before - {first}
    # The way back, into a file that has it still, takes it from there as well.
    back = home / "back.db"
    copy = DatabaseUrl.for_path(back)
    assert main(["--to-sqlite", str(back)]) == 0
    forget_here(home, second)
    assert main(["--to-sqlite", str(back), "--dry-run"]) == 0
    assert "1 entry, forgotten in the source since, would go from the target too" in capsys.readouterr().out
    assert second in ids_at(copy)
    assert main(["--to-sqlite", str(back)]) == 0
    assert "1 entry, forgotten in the source since, went from the target too" in capsys.readouterr().out
    assert ids_at(copy) == ids_at(server) == before - {first, second}
    # Whoever wants it again has it again, for good.
    assert main(["--sqlite", str(older), "--bring-back-forgotten"]) == 0
    assert main(["--sqlite", str(older)]) == 0
    assert ids_at(server) == before
    assert main(["--to-sqlite", str(back)]) == 0
    assert ids_at(copy) == before


def test_what_is_forgotten_while_a_migration_runs_is_not_brought_back_by_it(
    older: Path, server: DatabaseUrl, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--sqlite", str(older)]) == 0
    first, second, *rest = sorted(ids_at(server))
    transferred = transfer.transfer

    def forgotten_meanwhile(source: transfer.Source, target: Database, options: transfer.Options) -> transfer.Report:
        for id_ in (first, second):
            forget_here(home, id_)
        return transferred(source, target, options)

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "transfer", forgotten_meanwhile)
        assert main(["--sqlite", str(older)]) == 0
    assert ids_at(server) == set(rest)
    assert main(["--sqlite", str(older)]) == 0
    assert ids_at(server) == set(rest), "nor by the next"


def say_again(url: DatabaseUrl, id_: str) -> None:
    """Bring an entry in as an import does, with the time it always had, and as it would be remembered again."""
    with open_database(url) as database:
        long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        again = Record(id=id_, text="again = True", path="/x", created_at=long_ago)
        Store(database, embedder=None).collection("code", owner="local").add([again], embed=False)


@pytest.mark.parametrize("how", ["imported", "remembered", "restored"])
def test_what_is_wanted_again_after_it_was_forgotten_stays_both_ways(
    how: str, older: Path, server: DatabaseUrl, home: Path
) -> None:
    back = home / "back.db"
    copy = DatabaseUrl.for_path(back)
    assert main(["--sqlite", str(older)]) == 0
    with get_storage_backend() as backend:
        write_backup(backend, backup := home / "backup.db")
    before = ids_at(server)
    first = min(before)
    forget_here(home, first)
    assert main(["--to-sqlite", str(back)]) == 0
    assert ids_at(copy) == before - {first}
    if how == "restored":
        with get_storage_backend() as backend:
            restore_backup(backend, backup, home / "kept", force=True)
    else:
        say_again(server, first)
        with get_storage_backend() as backend:
            take_back(backend, [first] if how == "remembered" else [])
    for _ in range(2):
        if how != "imported":
            # A later word than the copy's.
            assert main(["--sqlite", str(back)]) == 0
        assert first in ids_at(server)
    if how != "imported":
        assert main(["--to-sqlite", str(back)]) == 0
        assert ids_at(copy) == before
    else:
        say_again(copy, first)
        assert main(["--sqlite", str(back)]) in {0, 1}
        assert first in ids_at(server)


@pytest.mark.parametrize("timestamp", ["2019-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"])
def test_the_time_that_an_entry_claims_does_not_matter(
    timestamp: str, older: Path, server: DatabaseUrl, home: Path
) -> None:
    with closing(sqlite3.connect(older)) as file, file:
        file.execute("UPDATE code_memory SET timestamp = ? WHERE id = (SELECT min(id) FROM code_memory)", (timestamp,))
    back = home / "back.db"
    assert main(["--sqlite", str(older)]) == 0
    assert main(["--to-sqlite", str(back)]) == 0
    first = min(ids_at(server))
    forget_here(home, first)
    assert main(["--to-sqlite", str(back)]) == 0
    assert first not in ids_at(DatabaseUrl.for_path(back))


def test_what_was_forgotten_on_both_sides_fails_nothing(older: Path, server: DatabaseUrl, home: Path) -> None:
    back = home / "back.db"
    assert main(["--sqlite", str(older)]) == 0
    assert main(["--to-sqlite", str(back)]) == 0
    first = min(ids_at(server))
    forget_here(home, first)
    configure(home, server, "sqlite")
    own = home / ".afterimage" / "memory.capsa.db"
    with get_storage_backend() as backend:
        assert backend.collection.count() == 60
    forget_here(home, first)
    assert main(["--sqlite", str(own), "--on-conflict", "fail"]) == 0
    assert main(["--sqlite", str(own), "--dry-run"]) == 0


def test_a_program_of_ones_own_brings_nothing_forgotten_back_either(
    older: Path, server: DatabaseUrl, home: Path
) -> None:
    assert migrate_sqlite_to_postgres(older).migrated_entries == 60
    first = min(ids_at(server))
    forget_here(home, first)
    again = migrate_sqlite_to_postgres(older)
    assert (again.source_entries, again.skipped_entries) == (59, 59)
    with get_storage_backend() as target, SQLiteBackend(older) as source:
        assert Migrator(source, target).migrate().source_entries == 59
    assert first not in ids_at(server)


def test_what_was_put_aside_at_the_first_use_is_told_of(
    older: Path, server: DatabaseUrl, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(older)) as file, file:
        file.execute("UPDATE code_memory SET id = ? WHERE rowid = 1", ("x" * 4_000,))
    configure(home, server, "sqlite")
    with get_storage_backend() as backend:
        assert backend.collection.count() == 59
    capsys.readouterr()
    assert main(["--sqlite", str(older)]) == 0
    assert "put aside when the older memory was carried over: code_memory 1: " in capsys.readouterr().out
