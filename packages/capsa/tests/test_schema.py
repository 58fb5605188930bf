"""The schema: made once, migrated in one step or not at all, the same tables in both dialects."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from capsa import _schema
from capsa._schema import SchemaPackage
from capsa.database import Database, Transaction, open_database
from capsa.errors import SchemaTooNew
from capsa.postgres.database import SCHEMA as POSTGRES
from capsa.sqlite.database import SCHEMA as SQLITE

FIRST = """
-- The first version.
CREATE TABLE shop_items (
    owner text NOT NULL,
    name  text NOT NULL,
    PRIMARY KEY (owner, name)
);
"""
SECOND = """
CREATE TABLE shop_items (
    owner text NOT NULL,
    name  text NOT NULL,
    price bigint,
    PRIMARY KEY (owner, name)
);
CREATE TABLE shop_orders (
    owner text NOT NULL,
    item  text NOT NULL,
    PRIMARY KEY (owner, item)
);
CREATE TABLE shop_currencies (code text PRIMARY KEY);

CREATE INDEX shop_items_price ON shop_items (owner, price);
"""
STEP_2 = "ALTER TABLE shop_items ADD COLUMN price bigint;"
STEP_3 = """
CREATE TABLE shop_orders (owner text NOT NULL, item text NOT NULL, PRIMARY KEY (owner, item));
CREATE TABLE shop_currencies (code text PRIMARY KEY);
CREATE INDEX shop_items_price ON shop_items (owner, price);
"""

Shop = Callable[..., SchemaPackage]


def test_what_is_gone_is_told_from_what_never_was() -> None:
    ours = POSTGRES.relations() | {"capsa_migrations"}
    assert POSTGRES.gone(ours, POSTGRES.version) == []
    assert POSTGRES.gone(ours - {"capsa_records"}, POSTGRES.version) == ["capsa_records"]
    assert POSTGRES.gone(ours - {"capsa_migrations", "capsa_records"}, None) == ["capsa_migrations", "capsa_records"]
    assert POSTGRES.gone({"capsa_migrations"}, POSTGRES.version) == sorted(POSTGRES.relations())
    assert POSTGRES.gone({"capsa_migrations", "capsa_records"}, None) == [], "it may be another program's"
    assert POSTGRES.gone({"capsa_migrations"}, POSTGRES.version - 1) == [], "it may never have been there"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """An application's package, at the version that its files make it."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(schema: str, **steps: str) -> SchemaPackage:
        resource = f"shop_{uuid.uuid4().hex}"
        folder = tmp_path / resource / "sql"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").touch()
        (folder / "schema.sql").write_text(schema)
        for name, script in steps.items():
            (folder / "migrations").mkdir(exist_ok=True)
            (folder / "migrations" / f"{name.removeprefix('m')}.sql").write_text(script)
        return SchemaPackage("shop", resource)

    return make


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    with open_database(store_url) as opened:
        yield opened


def described(database: Database) -> set[tuple[str, ...]]:
    """Tables, columns, keys and indexes, as the database itself describes them."""
    with database.maintain() as tx:
        if database.dialect == "sqlite":
            return _describe_sqlite(tx)
        return _describe_postgres(tx)


def _describe_sqlite(tx: Transaction) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for (table,) in tx.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        for _, column, kind, required, default, key in tx.execute(f"PRAGMA table_info({table})"):
            found.add((table, column, kind.lower(), str(bool(required or key)), str(default), str(key)))
        for _, index, unique, *_ in tx.execute(f"PRAGMA index_list({table})"):
            columns = [str(row[2]) for row in tx.execute(f"PRAGMA index_info({index})")]
            found.add((table, "index", str(unique), *columns))
    return found


def _describe_postgres(tx: Transaction) -> set[tuple[str, ...]]:
    columns = tx.execute(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text, coalesce(column_default, '') "
        "FROM information_schema.columns WHERE table_schema = 'public'"
    )
    indexes = tx.execute("SELECT tablename::text, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    policies = tx.execute("SELECT tablename::text, policyname::text, coalesce(qual, '') FROM pg_policies")
    return {tuple(map(str, row)) for row in [*columns, *indexes, *policies]}


def shop_tables(database: Database) -> set[str]:
    return {row[0] for row in described(database) if row[0].startswith("shop_")}


def versions(database: Database) -> list[int]:
    with database.maintain() as tx:
        rows = tx.execute("SELECT version FROM capsa_migrations WHERE package = 'shop' ORDER BY 1")
    return [version for (version,) in rows]


def test_migrations_lead_to_the_same_schema_as_a_fresh_start(database: Database, shop: Shop, store_url: str) -> None:
    database.migrate(shop(FIRST))
    with database.write("me") as tx:
        tx.execute("INSERT INTO shop_items (owner, name) VALUES ('me', 'scroll')")
    # Two versions were skipped: both steps are done, in order.
    database.migrate(shop(SECOND, m0003_orders=STEP_3, m0002_price=STEP_2))
    migrated = described(database)
    with database.read("me") as tx:
        assert tx.execute("SELECT name, price FROM shop_items WHERE owner = 'me'") == [("scroll", None)]
    assert versions(database) == [1, 3]
    with database.maintain() as tx:
        for table in ("shop_items", "shop_orders", "shop_currencies"):
            tx.execute(f"DROP TABLE {table}")
        tx.execute("DELETE FROM capsa_migrations WHERE package = 'shop'")
    database.migrate(shop(SECOND, m0003_orders=STEP_3, m0002_price=STEP_2))
    assert described(database) == migrated
    assert versions(database) == [3]


def test_a_migration_is_done_once(database: Database, shop: Shop) -> None:
    package = shop(SECOND, m0002_price=STEP_2, m0003_orders=STEP_3)
    database.migrate(package)
    before = described(database)
    database.migrate(package)
    assert described(database) == before
    assert versions(database) == [3]


def test_a_newer_schema_is_refused_and_nothing_is_changed(database: Database, shop: Shop) -> None:
    database.migrate(shop(SECOND, m0002_price=STEP_2, m0003_orders=STEP_3))
    before = described(database)
    with pytest.raises(SchemaTooNew, match=r"shop schema 3, known here: 1.*upgrade") as refused:
        database.migrate(shop(FIRST))
    assert "\n" not in str(refused.value)
    assert described(database) == before
    assert versions(database) == [3]


def test_the_engines_own_newer_schema_is_refused_at_open(store_url: str) -> None:
    with open_database(store_url) as database, database.maintain() as tx:
        tx.execute("INSERT INTO capsa_migrations (package, version, applied_at) VALUES ('capsa', 99, 'later')")
    with pytest.raises(SchemaTooNew, match="capsa schema 99"):
        open_database(store_url)


@pytest.mark.parametrize(
    "broken",
    [
        "ALTER TABLE shop_items ADD COLUMN price bigint; CREATE TABLE shop_orders (owner text); SELECT no_such_column;",
        "DROP TABLE shop_items; CREATE TABLE shop_items (;",
        "INSERT INTO shop_items VALUES ('me', 'a'); INSERT INTO shop_items VALUES ('me', 'a');",
    ],
)
def test_a_migration_that_fails_leaves_nothing_of_itself(database: Database, shop: Shop, broken: str) -> None:
    database.migrate(shop(FIRST))
    before = described(database)
    with pytest.raises(Exception, match=r"."):
        database.migrate(shop(SECOND, m0002_broken=broken))
    assert described(database) == before
    assert versions(database) == [1]
    with database.maintain() as tx:
        assert tx.execute("SELECT count(*) FROM shop_items") == [(0,)]
    database.migrate(shop(SECOND, m0002_price=STEP_2, m0003_orders=STEP_3))
    assert versions(database) == [1, 3]


def test_a_first_schema_that_fails_leaves_nothing_of_itself(database: Database, shop: Shop) -> None:
    before = described(database)
    with pytest.raises(Exception, match=r"."):
        database.migrate(shop(FIRST + "CREATE TABLE shop_items (twice text);"))
    assert described(database) == before


def test_an_applications_tables_take_part_in_the_transactions_of_the_engine(database: Database, shop: Shop) -> None:
    database.migrate(shop(SECOND, m0002_price=STEP_2, m0003_orders=STEP_3))
    with pytest.raises(ZeroDivisionError), database.write("me") as tx:  # noqa: PT012 - it must have written before
        tx.execute("INSERT INTO shop_items (owner, name) VALUES ('me', 'scroll')")
        raise ZeroDivisionError
    with database.write("me") as tx:
        tx.execute_many(
            "INSERT INTO shop_items (owner, name, price) VALUES (:owner, :name, :price)",
            [{"owner": "me", "name": f"scroll {i}", "price": i} for i in range(5)],
        )
        tx.execute("INSERT INTO shop_currencies (code) VALUES ('denarius')")
        tx.execute("UPDATE shop_items SET price = 7 WHERE owner = 'me' AND name = 'scroll 1'")
        tx.execute("DELETE FROM shop_items WHERE owner = 'me' AND name = 'scroll 2'")
    with database.read("me") as tx:
        rows = list(tx.stream("SELECT price FROM shop_items WHERE owner = :owner ORDER BY name", {"owner": "me"}))
    assert rows == [(0,), (7,), (3,), (4,)]


def test_both_dialects_have_the_same_tables_and_columns(sqlite_url: str, postgres_url: str) -> None:
    def columns(url: str) -> dict[str, dict[str, tuple[str, bool]]]:
        tables: dict[str, dict[str, tuple[str, bool]]] = {}
        with open_database(url) as database, database.maintain() as tx:
            if database.dialect == "sqlite":
                for (table,) in tx.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'capsa%'"
                ):
                    tables[table] = {
                        column: (kind.lower(), bool(required or key))
                        for _, column, kind, required, _, key in tx.execute(f"PRAGMA table_info({table})")
                    }
            else:
                for table, column, kind, nullable in tx.execute(
                    "SELECT table_name::text, column_name::text, udt_name::text, is_nullable = 'YES' "
                    "FROM information_schema.columns WHERE table_name LIKE 'capsa%'"
                ):
                    tables.setdefault(table, {})[column] = (kind, not nullable)
        return tables

    here, there = columns(sqlite_url), columns(postgres_url)
    only_here = {"capsa_codes", "capsa_code_generations"}  # what a search in SQLite goes by
    assert set(here) == set(there) | only_here
    same = {
        ("text", "text"), ("integer", "int8"), ("integer", "int4"), ("integer", "bool"), ("integer", "timestamptz"),
        ("blob", "bytea"), ("blob", "vector"), ("bigint", "int8"),
    }  # fmt: skip
    for table, described_there in there.items():
        assert here[table].keys() == described_there.keys()
        for column, (kind, required) in described_there.items():
            assert (here[table][column][0], kind) in same, f"{table}.{column}"
            assert here[table][column][1] == required, f"{table}.{column}"


@pytest.mark.parametrize("package", [SQLITE, POSTGRES], ids=["sqlite", "postgresql"])
def test_the_owner_leads_every_key_and_index(package: SchemaPackage) -> None:
    keys = re.findall(r"(?:PRIMARY KEY|UNIQUE|ON \w+) \(([^)]*)\)", package.script())
    assert len(keys) > 10
    assert {key.split(",")[0].strip() for key in keys} == {"owner"}


def test_the_tables_of_a_package_are_read_from_its_schema(shop: Shop) -> None:
    assert shop(SECOND).tables() == ["shop_items", "shop_orders", "shop_currencies"]
    assert shop(SECOND).version == 1
    assert shop(SECOND, m0002_a=STEP_2, m0003_b=STEP_3).version == 3


@pytest.mark.parametrize("package", [SQLITE, POSTGRES], ids=["sqlite", "postgresql"])
def test_the_engines_own_migrations_are_numbered_without_a_gap(package: SchemaPackage) -> None:
    assert sorted(package.steps()) == list(range(2, package.version + 1))


def test_whoever_comes_second_finds_the_work_done(database: Database, shop: Shop) -> None:
    package = shop(FIRST)
    with database.maintain() as tx:
        assert _schema.apply(tx, package, "here") == [package.script()]
        assert _schema.apply(tx, package, "here") == []
