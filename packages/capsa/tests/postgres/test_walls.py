"""The second wall: even a query that forgets the owner sees and changes nothing of another.

Each test holds for a superuser, who takes on the bound role, and for the guide's user, upon whom the policies
are forced.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import psycopg
import pytest
from psycopg import sql

from capsa._schema import SchemaPackage
from capsa.database import NO_PARAMETERS, Row, Transaction, open_database
from capsa.errors import CapsaError, DatabaseBusy, DatabaseUnavailable, InvalidRecord
from capsa.local_postgres import LocalPostgres
from capsa.postgres import vectors, walls
from capsa.postgres.database import SCHEMA, PostgresDatabase
from capsa.postgres.walls import Wall
from capsa.records import PUBLIC_OWNER, Hit, Mode, Record
from capsa.search.vectors import Model, Space
from capsa.store import Store
from capsa.testing.databases import fresh_database, guide_database
from capsa.testing.embedders import HashingEmbedder
from capsa.url import DatabaseUrl

#: One row of each table that has an owner; the owner is filled in.
ROWS: dict[str, dict[str, object]] = {
    "capsa_records": {
        "collection": "c", "id": "i", "seq": 1, "text": "t", "created_at": "2024-01-01", "metadata": "{}",
    },
    "capsa_embeddings": {"collection": "c", "model": 999, "seq": 1, "vector": "[1,2]"},
    "capsa_lexical_pending": {"collection": "c", "seq": 1, "tokens": 1, "terms": "\\x00"},
    "capsa_lexical_segments": {
        "collection": "c", "segment": 1, "first_seq": 1, "last_seq": 1, "records": 1, "tokens": 1, "blocks": 1,
    },
    "capsa_lexical_documents": {"collection": "c", "seq": 1, "tokens": 1, "terms": "\\x00"},
    "capsa_lexical_blocks": {"collection": "c", "place": 1, "content": "\\x00"},
    "capsa_transfers": {"transfer": "t", "started_at": "2024-01-01", "state": "s", "source": "{}"},
    "capsa_transfer_ranges": {"transfer": "t", "part": "p", "ordinal": 1, "first_key": "a", "last_key": "b"},
    "capsa_quarantine": {
        "transfer": "t", "part": "p", "source_key": "k", "reason": "r", "content": "\\x00", "created_at": "2024-01-01",
    },
}  # fmt: skip

#: A column of each table that an update may change.
COLUMN = {
    "capsa_records": "text", "capsa_embeddings": "seq", "capsa_lexical_pending": "tokens",
    "capsa_lexical_segments": "tokens", "capsa_lexical_documents": "tokens", "capsa_lexical_blocks": "place",
    "capsa_transfers": "state",
    "capsa_transfer_ranges": "last_key", "capsa_quarantine": "reason",
}  # fmt: skip

EVERY_TABLE = pytest.mark.parametrize("table", sorted(ROWS))


@pytest.fixture(scope="module", params=["superuser", "guide"])
def database(request: pytest.FixtureRequest, postgres_server: LocalPostgres) -> Iterator[PostgresDatabase]:
    make = fresh_database if request.param == "superuser" else guide_database
    with make(postgres_server) as url, open_database(url) as opened:
        assert isinstance(opened, PostgresDatabase)
        assert opened.wall is (Wall.ROLE if request.param == "superuser" else Wall.FORCED)
        yield opened


@pytest.fixture
def me() -> str:
    return f"me-{uuid.uuid4().hex}"


def insert(tx: Transaction, table: str, owner: str) -> None:
    row: dict[str, object] = {"owner": owner, **ROWS[table]}
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    values = values.replace(":vector", "CAST(:vector AS text)::vector").replace(
        ":content", "CAST(:content AS text)::bytea"
    )
    values = values.replace(":terms", "CAST(:terms AS text)::bytea")
    values = re.sub(r":(created_at|started_at)", r"CAST(:\1 AS text)::timestamptz", values)
    tx.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", row)


def owners_seen(tx: Transaction, table: str, *owners: str) -> set[str]:
    rows = tx.execute(
        f"SELECT DISTINCT owner FROM {table} WHERE owner = ANY(:owners::text[])", {"owners": list(owners)}
    )
    return {owner for (owner,) in rows}


@contextmanager
def unbound(database: PostgresDatabase, value: str | None) -> Iterator[Transaction]:
    """A transaction as ours are, but the setting is empty, or was never made."""
    with database.write("nobody") as tx:
        if value is None:
            tx.execute("RESET capsa.owner")
        else:
            tx.execute("SELECT set_config('capsa.owner', :v, true)", {"v": value})
        yield tx


def test_every_table_with_an_owner_has_the_wall(database: PostgresDatabase) -> None:
    with database.maintain() as tx:
        rows = tx.execute(
            "SELECT c.relname::text, relrowsecurity, relforcerowsecurity, "
            "(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)::int "
            "FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
            "AND EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid AND attname = 'owner')"
        )
        assert walls.walled(tx.connection) == sorted(ROWS)
    assert {name for name, *_ in rows} == set(ROWS)
    assert {tuple(rest[:1]) + tuple(rest[2:]) for _, *rest in rows} == {(True, 5)}


def test_tables_without_an_owner_hold_nothing_of_any_user(database: PostgresDatabase) -> None:
    with database.maintain() as tx:
        rows = tx.execute("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
    assert {name for (name,) in rows} - set(ROWS) == {"capsa_models", "capsa_migrations"}


@EVERY_TABLE
def test_of_ones_own_everything_is_allowed(database: PostgresDatabase, table: str, me: str) -> None:
    with database.write(me) as tx:
        insert(tx, table, me)
        assert owners_seen(tx, table, me) == {me}
        column = COLUMN[table]
        assert tx.execute(f"UPDATE {table} SET {column} = {column} WHERE owner = :o RETURNING 1", {"o": me})
        assert tx.execute(f"DELETE FROM {table} WHERE owner = :o RETURNING 1", {"o": me})


@EVERY_TABLE
def test_of_others_nothing_is_seen_or_changed(database: PostgresDatabase, table: str, me: str) -> None:
    other = f"other-{me}"
    with database.write(other) as tx:
        insert(tx, table, other)
    with database.write(me) as tx:
        assert owners_seen(tx, table, other, me) == set()
        assert tx.execute(f"UPDATE {table} SET owner = owner RETURNING 1") == []
        assert tx.execute(f"DELETE FROM {table} RETURNING 1") == []
    for owner in (other, f"third-{me}"):
        with pytest.raises(DatabaseUnavailable, match="row-level security"), database.write(me) as tx:
            insert(tx, table, owner)
    with pytest.raises(DatabaseUnavailable, match="row-level security"), database.write(other) as tx:
        tx.execute(f"UPDATE {table} SET owner = :me WHERE owner = :other", {"me": me, "other": other})
    with database.read(other) as tx:
        assert owners_seen(tx, table, other, me) == {other}


def test_a_transaction_that_goes_on_for_another_sees_only_theirs_from_then_on(
    database: PostgresDatabase, me: str
) -> None:
    table, other = "capsa_quarantine", f"other-{me}"

    def go_on(owner: str) -> None:
        with database.write(me) as tx:
            insert(tx, table, me)
            tx.rebind(other)
            assert owners_seen(tx, table, me, other) == set()
            insert(tx, table, owner)
            assert owners_seen(tx, table, me, other) == {other}

    with pytest.raises(DatabaseUnavailable, match="row-level security"):
        go_on(me)
    go_on(other)
    with database.read(me) as tx:
        assert owners_seen(tx, table, me, other) == {me}


@EVERY_TABLE
@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_without_a_setting_nothing_is_seen_or_changed(
    database: PostgresDatabase, table: str, me: str, value: str | None
) -> None:
    with database.write(me) as tx:
        insert(tx, table, me)
    with unbound(database, value) as tx:
        assert tx.execute(f"SELECT count(*) FROM {table}") == [(0,)]
        assert tx.execute(f"UPDATE {table} SET owner = owner RETURNING 1") == []
        assert tx.execute(f"DELETE FROM {table} RETURNING 1") == []
    for owner in (me, "", PUBLIC_OWNER):
        with pytest.raises(CapsaError, match="row-level security"), unbound(database, value) as tx:
            insert(tx, table, owner)
    with database.read(me) as tx:
        assert owners_seen(tx, table, me) == {me}


@EVERY_TABLE
def test_the_library_is_read_by_everyone_and_written_in_maintenance_only(
    database: PostgresDatabase, table: str, me: str
) -> None:
    with database.maintain() as tx:
        tx.execute(f"DELETE FROM {table} WHERE owner = :o", {"o": PUBLIC_OWNER})
        insert(tx, table, PUBLIC_OWNER)
    for owner in (me, PUBLIC_OWNER):
        with database.read(owner) as tx:
            assert owners_seen(tx, table, PUBLIC_OWNER) == {PUBLIC_OWNER}
    with pytest.raises(InvalidRecord, match="maintain"), database.write(PUBLIC_OWNER):
        pass
    # Nor by whoever gets round that: the database itself says no.
    for setting in (me, PUBLIC_OWNER):
        with unbound(database, setting) as tx:
            assert tx.execute(f"UPDATE {table} SET owner = owner WHERE owner = '{PUBLIC_OWNER}' RETURNING 1") == []
            assert tx.execute(f"DELETE FROM {table} WHERE owner = '{PUBLIC_OWNER}' RETURNING 1") == []
        with pytest.raises(DatabaseUnavailable, match="row-level security"), unbound(database, setting) as tx:
            insert(tx, table, PUBLIC_OWNER)


def test_nobody_bound_may_change_the_schema_or_its_history(postgres_url: str, me: str) -> None:
    # With the other wall the tables belong to whoever connects, who may do with them what he likes.
    database = open_database(postgres_url)
    for statement in (
        "DELETE FROM capsa_migrations",
        "UPDATE capsa_models SET dimensions = 1",
        "DROP TABLE capsa_records",
        "ALTER TABLE capsa_records DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (a text)",
        "TRUNCATE capsa_records",
    ):
        with pytest.raises(DatabaseUnavailable, match="right"), database.write(me) as tx:
            tx.execute(statement)
    database.close()


def test_what_maintenance_lifted_stands_again_whatever_happened(database: PostgresDatabase, me: str) -> None:
    with database.write(me) as tx:
        insert(tx, "capsa_records", me)
    with database.maintain() as tx:
        assert owners_seen(tx, "capsa_records", me) == {me}, "maintenance sees all"
    with pytest.raises(ZeroDivisionError), database.maintain():
        raise ZeroDivisionError
    with database.read(f"other-{me}") as tx:
        assert owners_seen(tx, "capsa_records", me) == set()


def test_maintenance_within_a_read_ends_with_an_error_not_never(database: PostgresDatabase, me: str) -> None:
    with mock.patch("capsa.postgres.database.LIFTING_WAIT", 1.0), database.read(me) as tx:
        assert tx.execute("SELECT count(*) FROM capsa_records WHERE owner = :me", {"me": me}) == [(0,)]
        if database.wall is Wall.ROLE:
            with database.maintain():
                pass
        else:
            with pytest.raises(DatabaseBusy, match="others have been using"), database.maintain():
                pass


def test_an_applications_tables_have_the_wall_too(
    database: PostgresDatabase, me: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("application")
    monkeypatch.syspath_prepend(folder)
    resource = f"application_{uuid.uuid4().hex}"
    (folder / resource / "sql").mkdir(parents=True)
    (folder / resource / "__init__.py").touch()
    (folder / resource / "sql" / "schema.sql").write_text(
        f"CREATE TABLE {resource}_notes (owner text NOT NULL, n bigserial, PRIMARY KEY (owner, n));\n"
        f"CREATE TABLE {resource}_words (word text PRIMARY KEY);\n"
    )
    with database.maintain() as tx:
        tx.execute(f"CREATE TABLE {resource}_of_another (owner text)")
    database.migrate(SchemaPackage(resource, resource))
    with database.write(me) as tx:
        tx.execute(f"INSERT INTO {resource}_notes (owner) VALUES (:me)", {"me": me})
        tx.execute(f"INSERT INTO {resource}_words VALUES ('w')")
    with database.write(f"other-{me}") as tx:
        assert tx.execute(f"SELECT * FROM {resource}_notes") == []
        assert tx.execute(f"SELECT * FROM {resource}_words") == [("w",)]
    with database.maintain() as tx:
        assert f"{resource}_notes" in walls.walled(tx.connection)
        assert f"{resource}_of_another" not in walls.walled(tx.connection)
        assert tx.execute(f"SELECT owner FROM {resource}_notes") == [(me,)]
        for table in ("notes", "words", "of_another"):
            tx.execute(f"DROP TABLE {resource}_{table}")


def test_a_hosts_public_roles_reach_nothing_of_ours(postgres_server: LocalPostgres) -> None:
    """As in a Supabase project, which grants them everything new in the schema that it serves to the world."""
    with fresh_database(postgres_server) as url:
        with psycopg.connect(str(url), autocommit=True) as host:
            for role in ("anon", "authenticated"):
                if not host.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                    host.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
            for what in ("TABLES", "SEQUENCES", "FUNCTIONS"):
                host.execute(
                    sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON {} TO anon, authenticated").format(
                        sql.SQL(what)
                    )
                )
            host.execute("GRANT USAGE ON SCHEMA public TO anon, authenticated")
        with open_database(url) as opened:
            Store(opened).collection("c", owner="me").add([Record(id="i", text="t")])
        with psycopg.connect(str(url), autocommit=True) as host:
            ours = host.execute(
                "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "AND relkind IN ('r', 'S') AND relname LIKE 'capsa%'"
            ).fetchall()
            assert {"capsa_records", "capsa_migrations", "capsa_models", "capsa_sequence"} <= {name for name, _ in ours}
            for role in ("anon", "authenticated"):
                host.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
                for name, kind in ours:
                    column = "last_value" if kind == "S" else "1"
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        host.execute(sql.SQL("SELECT " + column + " FROM {}").format(sql.Identifier(name)))
                host.execute("RESET ROLE")
        with open_database(url) as opened:
            assert Store(opened).collection("c", owner="me").count() == 1


def test_a_user_who_may_create_roles_takes_on_the_bound_one(postgres_server: LocalPostgres) -> None:
    """A role, once made, is the server's: whoever may not take it on has the policies forced."""
    with guide_database(postgres_server) as url:
        user = str(DatabaseUrl.parse(url).user)
        with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DO $$ BEGIN CREATE ROLE capsa_bound; EXCEPTION WHEN duplicate_object THEN END $$")
            )
            connection.execute(sql.SQL("GRANT capsa_bound TO {}").format(sql.Identifier(user)))
        with open_database(url) as database:
            assert isinstance(database, PostgresDatabase)
            assert database.wall is Wall.ROLE
            with database.write("me") as tx:
                assert tx.execute("SELECT current_user::text") == [(walls.BOUND_ROLE,)]
        with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("REVOKE capsa_bound FROM {}").format(sql.Identifier(user)))


# What an index is used for, as the bound role. Rows enough that a scan of the table would be the wrong plan.


@pytest.fixture(scope="module")
def filled(database: PostgresDatabase) -> Store:
    store = Store(database, embedder=HashingEmbedder(32))
    for owner, count in (("large", 3_000), ("small", 30)):
        store.collection("notes", owner=owner).add(
            Record(id=f"r{i}", text=f"common unique{i} word{i % 50}", session_id=f"s{i % 9}") for i in range(count)
        )
    with database.maintain() as tx:
        tx.execute("ANALYZE")
    return store


def plan(tx: Transaction, statement: str, parameters: dict[str, object]) -> str:
    return "\n".join(line for (line,) in tx.execute("EXPLAIN " + statement, parameters))


@pytest.mark.parametrize("owner", ["large", "small"])
def test_records_are_found_by_an_index(filled: Store, owner: str) -> None:
    key = {"owner": owner, "collection": "notes"}
    with filled.database.read(owner) as tx:
        statement = filled.database.statement
        by_id = plan(tx, statement("records_by_id"), {**key, "ids": ["r7", "r8"]})
        by_seq = plan(tx, statement("records_by_seq"), {**key, "seqs": [7, 8]})
        recent = plan(tx, statement("records_recent"), {**key, "limit": 5})
    assert "capsa_records_pkey" in by_id
    assert "Index Cond:" in by_id
    assert "id = ANY" in next(line for line in by_id.splitlines() if "Index Cond:" in line)
    assert "capsa_records_" in by_seq
    assert "Seq Scan" not in by_id + by_seq + recent


@pytest.mark.parametrize("owner", ["large", "small"])
@pytest.mark.parametrize(
    ("statement", "places"),
    [
        ("lexical_blocks", {"places": [7 << 31, 8 << 31]}),
        ("lexical_blocks_between", {"first": 7 << 31, "last": 8 << 31}),
        ("lexical_delete_some_blocks", {"first": 7 << 31, "last": 8 << 31, "limit": 1_000}),
    ],
)
def test_blocks_are_found_by_their_place_alone(
    filled: Store, owner: str, statement: str, places: dict[str, object]
) -> None:
    key = {"owner": owner, "collection": "notes"}
    with filled.database.read(owner) as tx:
        found = plan(tx, filled.database.statement(statement), {**key, **places})
    assert "Seq Scan" not in found
    assert "capsa_lexical_blocks_pkey" in found
    for condition in (line for line in found.splitlines() if "Index Cond:" in line):
        for part in ("owner", "collection", "place"):
            assert part in condition, "the whole key is an index condition, policy or not"


def test_a_small_owner_is_compared_exactly_and_a_large_one_by_its_index(filled: Store) -> None:
    database = filled.database
    assert isinstance(database, PostgresDatabase)
    with mock.patch.multiple(vectors, EXACT_LIMIT=1_000, INDEX_FROM=2_000):
        statements = vectors.ensure_indexes(database)
        assert len(statements) == 1
        assert "hnsw" in statements[0]
        assert vectors.ensure_indexes(database) == [], "made once"
        with database.maintain() as tx:
            tx.execute("ANALYZE capsa_embeddings")
            ((number, name, dimensions),) = [row for row in tx.query("models") if row[1] == "hashing-32"]
        model = Model(number, name, dimensions)
        store = Store(database, embedder=HashingEmbedder(32))
        large, small = (store.collection("notes", owner=owner) for owner in ("large", "small"))
        seen: list[str] = []

        def explained(tx: Transaction, statement: str, parameters: Any = NO_PARAMETERS) -> list[Row]:
            if "<=>" in statement:
                seen.append("\n".join(line for (line,) in original(tx, "EXPLAIN " + statement, parameters)))
            return original(tx, statement, parameters)

        original = type(tx).execute
        with mock.patch.object(type(tx), "execute", explained):
            found = large.search("common unique77 word27", mode=Mode.SEMANTIC, limit=10)
            few = small.search("common unique7 word7", mode=Mode.SEMANTIC, limit=10)
        assert vectors.index_name(model) in seen[0]
        assert "Index Scan" in seen[0]
        assert vectors.index_name(model) not in seen[1]
        assert "Seq Scan" not in seen[1]
        assert (found[0].record.id, few[0].record.id) == ("r77", "r7")
        assert len(small.search("common", mode=Mode.SEMANTIC, limit=30)) == 30
        # As near as the exact search finds them, to the number that was asked for.
        with database.read("large") as tx:
            query = HashingEmbedder(32).embed(["common unique99 word49"])[0]
            near = database.vectors.nearest(tx, Space("large", "notes", model), query, 1_000)
            have = database.vectors.get(tx, Space("large", "notes", model), [seq for seq, _ in near])
        assert len(near) == len(have) == 1_000
        assert [score for _, score in near] == sorted((score for _, score in near), reverse=True)
        for seq, score in near[:20]:
            assert score == pytest.approx(float(np.dot(have[seq], query)), abs=1e-5)
        exact = {hit.record.id for hit in _exact(store, query)}
        approximate = {hit.record.id for hit in large.search_vector(query, limit=100)}
        assert len(exact & approximate) >= 97


def _exact(store: Store, query: np.ndarray) -> list[Hit]:
    with mock.patch.object(vectors, "EXACT_LIMIT", 10**9):
        fresh = PostgresDatabase(store.database.url)
        with fresh:
            return list(
                Store(fresh, embedder=store.embedder).collection("notes", owner="large").search_vector(query, 100)
            )


def test_the_schema_names_what_the_wall_goes_round() -> None:
    assert set(ROWS) < set(SCHEMA.tables())
