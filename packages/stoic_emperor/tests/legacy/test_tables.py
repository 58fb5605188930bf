"""Our own tables go both ways between the dialects, bit for bit, with everything that makes them whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from capsa import DatabaseUrl, transfer
from stoic_emperor.hosting import OWNERS as HOSTED
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.opening import OWNERS, open_engine
from stoic_emperor.legacy.tables import TABLES
from stoic_emperor.models import CondensedSummary, Message, PsychUpdate, SemanticInsight, Status, now


def fill(url: str, people: int = 3) -> None:
    """Some people with everything that can be there, odd characters included."""
    with Database(url) as database:
        for number in range(people):
            person = database.person(f"person {number} \0")
            person.ensure("Ännä 安 \0")
            person.change(consent_at=now(), asked_at=now(), country="GB")
            session = person.begin_session(metadata={"a": [1.5, None, "\0"]}, title="ti\0tle")
            for turn in range(4):
                said = person.add_message(Message(session_id=session.id, role="user", content=f"said {turn} \0 🎈"))
                reply = Message(session_id=session.id, role="emperor", content="", status=Status.STREAMING)
                person.add_message(reply)
                if turn:
                    person.finish_message(reply.id, f"reply {turn}", Status.COMPLETE, reply.created_at)
                    with person.writing() as tx:
                        person.set_processed(reply.id, PsychUpdate(emotional_state="calm", confidence=0.1), tx=tx)
                person.add_insight(SemanticInsight(user_id="x", source_message_id=said.id, assertion="sleeps badly"))
            person.add_summary(
                CondensedSummary(user_id="x", content="c", period_start=now(), period_end=now(), consensus_log={"n": 1})
            )
            person.add_profile("# one", {"rounds": 2})
            person.add_profile("# two")
        with database.engine.maintain() as tx:
            tx.execute("INSERT INTO referrals (id, day, category, level) VALUES ('r', '2026-01-01', 'x', 'y')")


def index_names(url: str) -> set[str]:
    query = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
    with open_engine(DatabaseUrl.parse(url)) as engine, engine.maintain() as tx:
        return {name for (name,) in tx.execute(query)}


def test_what_is_described_is_what_the_schema_has(store_url: str) -> None:
    with open_engine(DatabaseUrl.parse(store_url)) as engine, engine.maintain() as tx:
        for table in TABLES:
            if engine.dialect == "sqlite":
                found = {row[1] for row in tx.execute(f"SELECT * FROM pragma_table_info('{table.name}')")}
            else:
                query = "SELECT attname FROM pg_attribute WHERE attrelid = :table::regclass AND attnum > 0"
                found = {name for (name,) in tx.execute(query, {"table": table.name})}
            assert found == set(table.names) | ({table.arrival} if table.arrival else set())
    assert {table.name: table.scope[0] for table in TABLES if table.name != "referrals"} == OWNERS | HOSTED


def test_both_ways_and_back_nothing_is_lost(
    tmp_path: Path, new_postgres: Callable[[], str], kit: SimpleNamespace
) -> None:
    first, server, back = f"sqlite:///{tmp_path}/a.db", new_postgres(), f"sqlite:///{tmp_path}/b.db"
    fill(first)
    before = kit.contents(first)
    assert len(before["messages"]) == 24
    assert len(before["referrals"]) == 1
    there = kit.move(first, server)
    assert there.complete
    assert there.not_carried == ()
    assert kit.contents(server) == before
    assert kit.move(server, back).complete
    assert kit.contents(back) == before


def test_a_user_who_may_create_no_role_moves_it_all_too(
    tmp_path: Path, guide_postgres_url: str, kit: SimpleNamespace
) -> None:
    # There the policies bind even the owner of the tables, who reads them one person after the other.
    first, back = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    fill(first)
    with Database(first) as database:
        from capsa import PUBLIC_OWNER, Record

        library = database.store.collection("stoic_wisdom", owner=PUBLIC_OWNER)
        with database.engine.maintain() as tx:
            library.put([Record(id=f"p{n}", text="some things are up to us") for n in range(20)], embed=False, tx=tx)
        mine = database.store.collection("episodic", owner="someone")
        mine.add([Record(id=f"e{n}", text="a page") for n in range(5)], embed=False)
    before = kit.contents(first)
    assert kit.move(first, guide_postgres_url).complete
    assert kit.move(guide_postgres_url, back).complete
    assert kit.contents(back) == before


def test_into_an_empty_server_rows_come_before_the_indexes_which_are_there_in_the_end(
    tmp_path: Path, postgres_url: str, kit: SimpleNamespace
) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    fill(source)
    wanted = index_names(postgres_url)
    assert "messages_recent" in wanted
    assert kit.move(source, postgres_url).complete
    assert index_names(postgres_url) >= wanted


def test_an_orphan_is_put_aside_where_the_target_insists_and_stops_nobody(
    tmp_path: Path, postgres_url: str, kit: SimpleNamespace
) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    fill(source, people=1)
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        # SQLite does not enforce it, so a file may hold it.
        connection.execute(
            "INSERT INTO messages (user_id, id, session_id, role, content, created_at) "
            "VALUES ('u', 'm', 's', 'user', 'x', 0)"
        )
        connection.commit()
    report = kit.move(source, postgres_url)
    assert not report.complete
    (reason,) = report.quarantined
    assert "the row of sessions that it belongs to is not there" in reason
    assert report.migrated == report.source_rows - 1
    assert len(kit.contents(postgres_url)["messages"]) == 8
    # And again, when nothing is new.
    again = kit.move(source, postgres_url)
    assert (again.migrated, again.quarantined_rows, again.skipped) == (0, 1, report.source_rows - 1)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_is_replaced_keeps_its_place_and_those_who_refer_to_it(
    dialect: str, tmp_path: Path, new_postgres: Callable[[], str], kit: SimpleNamespace
) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    target = new_postgres() if dialect == "postgresql" else f"sqlite:///{tmp_path}/b.db"
    fill(source)
    before = kit.contents(source)
    assert kit.move(source, target).complete
    with open_engine(DatabaseUrl.parse(target)) as engine, engine.maintain() as tx:
        tx.execute("UPDATE users SET name = 'someone else'")
        tx.execute("UPDATE messages SET content = 'changed' WHERE role = 'user'")
    kept = kit.move(source, target)
    assert not kept.complete
    assert kept.failed == 3 + 12
    replaced = kit.move(source, target, on_conflict=transfer.OnConflict.REPLACE)
    assert replaced.complete
    assert kit.contents(target) == before


def test_of_a_server_with_the_engines_tables_alone_the_rest_is_left(sqlite_url: str, kit: SimpleNamespace) -> None:
    from capsa import open_database

    with open_database(sqlite_url):
        pass
    with closing(transfer.open_source(sqlite_url, TABLES)) as source:
        assert [part.name for part in source.parts] == ["capsa_records", "capsa_quarantine"]
