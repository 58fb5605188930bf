"""Who is forgotten leaves nothing of their account, and the receipt says what there was, table by table."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stoic_emperor.application import Application
from stoic_emperor.errors import NotRecognised
from stoic_emperor.hosting import HOUSE, OWNERS
from stoic_emperor.hosting.accounts import Accounts
from stoic_emperor.hosting.bound import Bound
from stoic_emperor.hosting.recovery import Recovery
from stoic_emperor.hosting.sign_ins import SignIns
from stoic_emperor.hosting.tallies import Tallies
from stoic_emperor.hosting.uploads import Uploads
from stoic_emperor.hosting.usage import Usage
from stoic_emperor.hosting.waiting import Waiting
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.memory.receipts import NAMES
from stoic_emperor.testing.auth_server import FakeAuthServer
from stoic_emperor.testing.web import configured

PASSWORD = "oxen graze by the tiber"


def settle(accounts: Accounts, sign_ins: SignIns, recovery: Recovery, login: str) -> str:
    """Somebody who has used everything; their id."""
    database = accounts._database
    user_id = accounts.register(login, PASSWORD, name=login).user_id
    sign_ins.begin(user_id, "Firefox on Linux")
    sign_ins.begin(user_id, "Safari on iPhone")
    recovery.renew(user_id)
    Usage(database).take(user_id, 10)
    uploads = Uploads(database, user_id)
    upload = uploads.begin("journal", "diary.md", {})
    uploads.add(upload, 1, b"a")
    uploads.add(upload, 2, b"b")
    uploads.received(upload, 2)
    Waiting(database).put(user_id, "reflect")
    return user_id


def rows_about(database: Database, user_id: str, login: str) -> dict[str, int]:
    """Table -> rows in which the id or the login stands anywhere."""
    found = {}
    with database.engine.maintain() as tx:
        for table in [*OWNERS, "users"]:
            rows = tx.execute(f"SELECT * FROM {table}")
            found[table] = sum(any(str(value) in {user_id, f"login:{login}", login} for value in row) for row in rows)
    return found


def test_nothing_is_left_and_each_table_is_counted(
    accounts: Accounts, sign_ins: SignIns, recovery: Recovery, database: Database
) -> None:
    anna, boris = (settle(accounts, sign_ins, recovery, login) for login in ("anna", "boris"))
    before = rows_about(database, anna, "anna")
    assert {table for table, count in before.items() if not count} == {"tallies"}
    hers = rows_about(database, boris, "boris")
    receipt = Forgetting(database.person(anna), Recall(database.store, anna)).everything()
    assert {table: count for table, count in receipt.erased.items() if count} == {
        table: count for table, count in before.items() if count
    }
    assert not any(rows_about(database, anna, "anna").values())
    assert rows_about(database, boris, "boris") == hers
    with pytest.raises(NotRecognised):
        accounts.recognise("anna", PASSWORD)
    assert accounts.recognise("boris", PASSWORD).user_id == boris
    assert accounts.register("anna", PASSWORD).user_id != anna


def test_every_table_about_a_person_has_a_word_in_the_receipt() -> None:
    assert set(OWNERS) - {"tallies"} <= set(NAMES)


def test_the_houses_own_counts_stay(accounts: Accounts, database: Database) -> None:
    anna = accounts.register("anna", PASSWORD).user_id
    Tallies(database).count("replies")
    Forgetting(database.person(anna), Recall(database.store, anna)).everything()
    with Bound(database, HOUSE).writing() as tx:
        assert len(tx.execute("SELECT * FROM tallies WHERE what = 'replies'")) == 1


@pytest.fixture
def server() -> Iterator[FakeAuthServer]:
    with FakeAuthServer() as running:
        yield running


def leave(home: Path, url: str, server: FakeAuthServer, **changes: object) -> tuple[str, tuple[str, ...]]:
    """Forget somebody whom a project vouches for; their id, and the receipt's notes."""
    from dataclasses import replace

    configuration = replace(configured(home, url, server=server), **changes)  # type: ignore[arg-type]
    application = Application(configuration)
    user_id = str(uuid.uuid4())
    try:
        Accounts(application.database, None).ensure(user_id, "supabase")  # type: ignore[arg-type]
        return user_id, application.forgetting(application.database.person(user_id)).everything().notes
    finally:
        application.close()


def test_the_project_forgets_them_too(home: Path, sqlite_url: str, server: FakeAuthServer) -> None:
    user_id, notes = leave(home, sqlite_url, server)
    assert server.deleted == [user_id]
    assert notes == ()


def test_where_the_project_cannot_be_told_the_receipt_says_so(
    home: Path, sqlite_url: str, server: FakeAuthServer
) -> None:
    _, notes = leave(home, sqlite_url, server, supabase_service_key=None)
    assert "SUPABASE_SERVICE_KEY" in notes[-1]
    server.failing = 500
    _, notes = leave(home, sqlite_url, server)
    assert "refused to delete it (status 500)" in notes[-1]
    assert server.deleted == []
