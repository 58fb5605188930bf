"""What lies in the data folder beside the database in use, and holds what an earlier memory held."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from capsa import DatabaseUrl
from stoic_emperor.hosting import HOUSE
from stoic_emperor.infrastructure.database import Database, Origin
from stoic_emperor.infrastructure.opening import is_older, older_files
from stoic_emperor.legacy.erasures import erased_in
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import now
from stoic_emperor.testing.legacy import OldDatabase, Version, write_past

SERVER = DatabaseUrl.parse("postgresql://stoic@127.0.0.1:1/stoic")


@pytest.fixture
def data(home: Path) -> Path:
    """The data folder of an earlier program, as people leave it."""
    folder = home / "data"
    with OldDatabase(folder / "stoic_emperor.db", Version.V1) as old:
        write_past(old)
    shutil.copy(folder / "stoic_emperor.db", folder / "stoic_emperor.db.backup")
    for name in ("vector_db", "vector_db.backup", "texts"):
        (folder / name).mkdir()
    (folder / "settings.json").write_text("{}")
    return folder


OLD = ["stoic_emperor.db", "stoic_emperor.db.backup", "vector_db", "vector_db.backup"]


def names(url: DatabaseUrl) -> list[str]:
    return [path.name for path in older_files(url)]


def test_the_old_files_are_known_beside_a_file_and_where_a_server_is_used(data: Path) -> None:
    assert names(DatabaseUrl.for_path(data / "stoic_emperor.capsa.db")) == OLD
    assert names(SERVER) == OLD


def test_a_receipt_names_them_whatever_is_in_use(data: Path, postgres_url: str) -> None:
    for url in (postgres_url, data / "stoic_emperor.db"):
        with Database(url) as database:
            anna = database.person("anna")
            anna.ensure()
            receipt = Forgetting(anna, Recall(database.store, "anna")).everything()
        assert [path.name for path in receipt.elsewhere] == OLD


def test_copies_are_known_by_what_they_hold_not_by_their_names(data: Path, tmp_path: Path) -> None:
    shutil.copy(data / "stoic_emperor.db", data / "x_backup.db")
    with Database(tmp_path / "ours.db"):
        pass
    shutil.copy(tmp_path / "ours.db", data / "before the holidays")
    (data / "z.db").write_bytes((data / "stoic_emperor.db").read_bytes()[:5000])
    (data / "chroma copy").mkdir()
    (data / "chroma copy" / "chroma.sqlite3").write_bytes(b"")
    for ending in ("-wal", "-shm", "-lock"):
        (data / f"x_backup.db{ending}").write_bytes(b"")
    with closing(sqlite3.connect(data / "recipes.db")) as other:
        other.execute("CREATE TABLE users (id)")
    os.mkfifo(data / "pipe.db")
    before = sorted(data.iterdir())
    copies = ["before the holidays", "chroma copy", "x_backup.db", "x_backup.db-wal", "z.db"]
    assert names(SERVER) == sorted([*OLD, *copies])
    assert sorted(data.iterdir()) == before, "looking leaves nothing behind"


def test_without_a_data_folder_there_is_nothing() -> None:
    assert names(SERVER) == []


def test_only_what_the_predecessor_wrote_is_older(data: Path, tmp_path: Path) -> None:
    with Database(tmp_path / "ours.db"):
        pass
    (tmp_path / "empty.db").touch()
    found = [data / "stoic_emperor.db", tmp_path / "ours.db", tmp_path / "empty.db", data / "settings.json", data]
    assert [is_older(path) for path in found] == [True, False, False, False, False]


def test_a_database_of_the_version_before_learns_what_is_erased_and_where_a_past_came_from(store_url: str) -> None:
    with Database(store_url) as database:
        database.person("anna").ensure("Anna")
        time = database.engine.time(now())
        described = json.dumps({"location": "/old/a.db + /old/vector_db", "zone": "Europe/Rome"})
        with database.engine.maintain() as tx:
            values = {"owner": HOUSE, "transfer": "t", "at": time}
            tx.execute(
                "INSERT INTO capsa_transfers (owner, transfer, started_at, state, source) "
                "VALUES (:owner, :transfer, :at, 'done', :source)",
                {**values, "source": described},
            )
            for number in range(2):
                tx.execute(
                    "INSERT INTO capsa_transfer_ranges (owner, transfer, part, ordinal, first_key, last_key, detail) "
                    "VALUES (:owner, :transfer, 'messages', :number, '0', '9', :detail)",
                    {"owner": HOUSE, "transfer": "t", "number": number, "detail": '{"conflicts": 3}'},
                )
            tx.execute(
                "INSERT INTO capsa_quarantine (owner, transfer, part, source_key, reason, content, created_at) "
                "VALUES (:owner, :transfer, 'messages', '1', 'why', :content, :at)",
                {**values, "content": b"{}"},
            )
            for table in ("erased", "origins"):
                tx.execute(f"DROP TABLE {table}")
            tx.execute("UPDATE capsa_migrations SET version = 1 WHERE package = 'stoic_emperor'")
    with Database(store_url) as database:
        assert database.origins() == [Origin("/old/a.db + /old/vector_db", "Europe/Rome", 7)]
        person = database.person("anna")
        assert Forgetting(person, Recall(database.store, "anna")).everything().erased["users"] == 1
        assert erased_in(database).entries
