"""The predecessor's tables in PostgreSQL: a source, never written to, and never mixed with ours."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from capsa import PUBLIC_OWNER, DatabaseUrl, SourceMissing, SourceUnreadable, Store
from stoic_emperor.errors import OlderTables
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.postgres import open_tables
from stoic_emperor.testing.legacy import hashed_vector, network_vector

#: As 897c2b3 and later make them.
NEWER = """
CREATE TABLE schema_version (version integer PRIMARY KEY, applied_at timestamp NOT NULL);
CREATE TABLE users (id varchar PRIMARY KEY, name varchar, created_at timestamp NOT NULL);
CREATE TABLE sessions (
    id varchar PRIMARY KEY, user_id varchar NOT NULL REFERENCES users, created_at timestamp NOT NULL,
    metadata json NOT NULL
);
CREATE TABLE messages (
    id varchar PRIMARY KEY, session_id varchar NOT NULL REFERENCES sessions, role varchar NOT NULL,
    content text NOT NULL, psych_update json, created_at timestamp NOT NULL, semantic_processed_at timestamp
);
CREATE TABLE semantic_insights (
    id varchar PRIMARY KEY, user_id varchar NOT NULL, source_message_id varchar NOT NULL, assertion text NOT NULL,
    confidence double precision NOT NULL, created_at timestamp NOT NULL
);
CREATE TABLE condensed_summaries (
    id varchar PRIMARY KEY, user_id varchar NOT NULL, level integer NOT NULL, content text NOT NULL,
    period_start timestamp NOT NULL, period_end timestamp NOT NULL, source_message_count integer NOT NULL,
    source_word_count integer NOT NULL, source_summary_ids json NOT NULL, consensus_log json,
    created_at timestamp NOT NULL
);
CREATE TABLE profiles (
    id varchar PRIMARY KEY, user_id varchar NOT NULL, version integer NOT NULL, content text NOT NULL,
    consensus_log json, created_at timestamp NOT NULL
);
"""
#: As b7f2f82 made them.
OLDER = """
CREATE TABLE users (id text PRIMARY KEY, created_at timestamp, email text UNIQUE, password_hash text);
CREATE TABLE sessions (id text PRIMARY KEY, user_id text REFERENCES users, created_at timestamp, metadata jsonb);
CREATE TABLE messages (
    id text PRIMARY KEY, session_id text REFERENCES sessions, role text, content text, psych_update jsonb,
    created_at timestamp, semantic_processed_at timestamp
);
CREATE TABLE semantic_insights (
    id text PRIMARY KEY, user_id text, source_message_id text, assertion text, confidence real, created_at timestamp
);
CREATE TABLE profiles (
    id text PRIMARY KEY, user_id text, version integer, content text, consensus_log jsonb, created_at timestamp
);
"""
VECTORS = """
CREATE TABLE {} (
    id text PRIMARY KEY, document text NOT NULL, embedding vector(384), metadata jsonb,
    created_at timestamp DEFAULT now()
);
"""
ROWS = """
INSERT INTO users (id, created_at) VALUES ('anna', '2026-01-27 10:00:00.5'), ('ben', '2026-01-27 11:00:00');
INSERT INTO sessions VALUES ('s', 'anna', '2026-01-27 10:00:01', '{"b": 1, "a": 2}');
INSERT INTO messages VALUES
    ('z first', 's', 'user', 'I slept badly – 眠れない', 'null', '2026-01-27 10:00:02', NULL),
    ('a second', 's', 'emperor', 'And?', '{"emotional_state": "uneasy"}', '2026-01-27 10:00:03', NULL);
INSERT INTO semantic_insights VALUES ('i', 'anna', 'z first', 'sleeps badly', 0.6, '2026-01-27 10:00:04');
INSERT INTO profiles VALUES ('p', 'anna', 1, '# Profile', 'null', '2026-01-27 10:00:05');
"""


def fill(url: str, layout: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(layout)
        connection.execute(ROWS)
        for table in ("vector_episodic", "vector_semantic", "vector_stoic_wisdom"):
            connection.execute(VECTORS.format(table))
        insert = "INSERT INTO {} (id, document, embedding, metadata) VALUES (%s, %s, %s::float4[]::vector, %s)"
        about = json.dumps({"user_id": "anna", "confidence": 0.6})
        for table, id_, numbers, metadata in (
            ("vector_semantic", "i", network_vector(1), about),
            ("vector_semantic", "j", hashed_vector("sleeps badly"), about),
            ("vector_stoic_wisdom", "w", network_vector(2), json.dumps({"author": "Epictetus"})),
        ):
            connection.execute(insert.format(table), (id_, f"text of {id_}", numbers, metadata))


@pytest.mark.parametrize("layout", [OLDER, NEWER], ids=["b7f2f82", "897c2b3"])
def test_everything_arrives(layout: str, store_url: str, new_postgres: Callable[[], str], kit: SimpleNamespace) -> None:
    source = new_postgres()
    fill(source, layout)
    report = kit.carry(open_tables(DatabaseUrl.parse(source), "Europe/Berlin"), store_url)
    assert report.complete, report.quarantined
    assert report.migrated == 10
    assert report.zone == "Europe/Berlin"
    with Database(store_url) as database:
        person = database.person("anna")
        messages = person.messages("s")
        # In the order of their times: ids have none.
        assert [message.id for message in messages] == ["z first", "a second"]
        assert messages[0].created_at == dt.datetime(2026, 1, 27, 9, 0, 2, tzinfo=dt.UTC)
        assert messages[0].content == "I slept badly – 眠れない"
        assert messages[1].psych_update is not None
        assert person.insights()[0].confidence == pytest.approx(0.6)
        assert person.insights()[0].confidence == 0.6  # as PostgreSQL spells it
        store = Store(database.engine, embedder=None)
        mine = store.collection("semantic", owner="anna")
        assert mine.vector("i", model="all-MiniLM-L6-v2").tolist() == network_vector(1)  # type: ignore[union-attr]
        assert dict(mine.statistics().embeddings) == {"all-MiniLM-L6-v2": 1, "predecessor:hash-384": 1}
        assert store.collection("stoic_wisdom", owner=PUBLIC_OWNER).count() == 1
    updates = dict(kit.rows(store_url, "SELECT id, psych_update FROM messages"))
    assert updates["z first"] == "null"
    if layout is OLDER:
        assert any("password_hash" in line for line in report.not_carried)


def test_messages_without_a_time_arrive_too(sqlite_url: str, postgres_url: str, kit: SimpleNamespace) -> None:
    fill(postgres_url, OLDER)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO messages (id, session_id, role, content) VALUES ('never', 's', 'user', 'when?')"
        )
        connection.execute("INSERT INTO messages (id, session_id, role, content) VALUES ('lost', NULL, 'user', 'who?')")
    report = kit.carry(open_tables(DatabaseUrl.parse(postgres_url)), sqlite_url)
    assert [line.rpartition(": ")[2] for line in report.quarantined] == ["it names no session"]
    assert kit.rows(sqlite_url, "SELECT count(*) FROM messages") == [(3,)]


def test_ours_are_refused_beside_them_before_anything_is_created(postgres_url: str) -> None:
    fill(postgres_url, NEWER)

    def tables() -> list[tuple[object, ...]]:
        with psycopg.connect(postgres_url) as connection:
            return connection.execute("SELECT relname FROM pg_class WHERE relkind IN ('r', 'S') ORDER BY 1").fetchall()

    before = tables()
    with pytest.raises(OlderTables, match="another database, or a schema of their own") as raised:
        Database(postgres_url)
    assert tables() == before
    assert (DatabaseUrl.parse(postgres_url).password or "?") not in str(raised.value)


def test_in_a_schema_of_their_own_they_live_in_the_same_database(
    postgres_url: str, tmp_path: Path, kit: SimpleNamespace
) -> None:
    fill(postgres_url, NEWER)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA stoic")
    ours = f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-csearch_path%3Dstoic,public"
    report = kit.carry(open_tables(DatabaseUrl.parse(postgres_url)), ours)
    assert report.complete
    with Database(ours) as database:
        assert [message.id for message in database.person("anna").messages("s")] == ["z first", "a second"]
        database.person("carla").ensure()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM public.users").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM stoic.users").fetchone() == (3,)
    # And out of it again.
    assert kit.move(ours, f"sqlite:///{tmp_path}/back.db").complete


def test_another_programs_table_of_users_is_in_the_way_too(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE users (login text)")
    with pytest.raises(OlderTables):
        Database(postgres_url)
    with pytest.raises(SourceMissing, match="no table users of an earlier"):
        open_tables(DatabaseUrl.parse(postgres_url))


def test_rows_that_a_policy_hides_are_not_taken_for_none(postgres_url: str) -> None:
    fill(postgres_url, NEWER)
    url = DatabaseUrl.parse(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS stoic_reader")
        connection.execute("CREATE ROLE stoic_reader LOGIN PASSWORD 'reader'")
        try:
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO stoic_reader")
            connection.execute("ALTER TABLE vector_semantic ENABLE ROW LEVEL SECURITY")
            from dataclasses import replace

            with pytest.raises(SourceUnreadable, match="may hide rows of vector_semantic"):
                open_tables(replace(url, user="stoic_reader", password="reader"))
        finally:
            connection.execute("DROP OWNED BY stoic_reader; DROP ROLE stoic_reader")
