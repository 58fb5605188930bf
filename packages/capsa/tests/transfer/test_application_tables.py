"""An application's own tables get every guarantee that records get, whatever their columns are called."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from capsa import Database, SchemaPackage, open_database
from capsa.transfer import Column, Kind, OnConflict, Options, Reference, Report, Table, open_source, transfer

SHELVES = Table(name="shelves", columns=(Column("id"), Column("room")), key=("id",), scope=("id",))
BOOKS = Table(
    name="books",
    columns=(Column("keeper"), Column("id"), Column("title"), Column("pages", Kind.INTEGER)),
    key=("keeper", "id"),
    scope=("keeper",),
    arrival="seq",
    references=(Reference(("keeper",), "shelves", ("id",)),),
)
#: The one that the other refers to comes last in the alphabet.
TABLES = (SHELVES, BOOKS)

_SQLITE = """
CREATE TABLE shelves (id TEXT NOT NULL PRIMARY KEY, room TEXT);
CREATE TABLE books (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, keeper TEXT NOT NULL REFERENCES shelves (id), id TEXT NOT NULL,
    title TEXT, pages INTEGER, UNIQUE (keeper, id)
);
CREATE INDEX books_by_title ON books (keeper, title);
"""
_POSTGRES = """
CREATE TABLE shelves (id text NOT NULL PRIMARY KEY, room text);
CREATE TABLE books (
    keeper text NOT NULL REFERENCES shelves (id), id text NOT NULL,
    seq bigint NOT NULL DEFAULT nextval('capsa_sequence'),
    title text, pages bigint, PRIMARY KEY (keeper, id)
);
CREATE INDEX books_by_title ON books (keeper, title);
"""


@pytest.fixture
def open_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Database]:
    """Opens a database with the two tables."""
    for name, script in (("sqlite", _SQLITE), ("postgresql", _POSTGRES)):
        folder = tmp_path / f"library_{name}" / "sql"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").touch()
        (folder / "schema.sql").write_text(script)
    monkeypatch.syspath_prepend(str(tmp_path))

    def open_one(url: str) -> Database:
        database = open_database(url)
        owners = {"shelves": "id", "books": "keeper"}
        database.migrate(SchemaPackage("library", f"library_{database.dialect}", owners))
        return database

    return open_one


def fill(database: Database, keepers: int = 3) -> None:
    with database.maintain() as tx:
        for keeper in range(keepers):
            tx.execute("INSERT INTO shelves (id, room) VALUES (:id, 'hall')", {"id": f"k{keeper}"})
        for number in range(12):
            values = {"keeper": f"k{number % keepers}", "id": f"b{99 - number}", "title": f"title {number}"}
            tx.execute("INSERT INTO books (keeper, id, title, pages) VALUES (:keeper, :id, :title, 7)", values)


def titles(database: Database) -> dict[str, list[str]]:
    with database.maintain() as tx:
        rows = tx.execute("SELECT keeper, title FROM books ORDER BY seq")
        return {keeper: [title for k, title in rows if k == keeper] for keeper, _ in rows}


def move(source: str, target: Database, **options: object) -> Report:
    with closing(open_source(source, TABLES)) as opened:
        return transfer(opened, target, Options(**options))  # type: ignore[arg-type]


def indexes(database: Database) -> set[str]:
    with database.maintain() as tx:
        return {name for (name,) in tx.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")}


def test_they_go_both_ways_in_their_order(
    new_sqlite: Callable[[], str], guide_postgres_url: str, open_library: Callable[[str], Database]
) -> None:
    # The guide's user may create no role: the policies bind even who owns the tables.
    source, back = new_sqlite(), new_sqlite()
    with open_library(source) as database:
        fill(database)
        before = titles(database)
    with open_library(guide_postgres_url) as server, open_library(back) as again:
        wanted = indexes(server)
        assert {"books_by_title", "capsa_records_recent"} <= wanted
        assert move(source, server).complete
        assert titles(server) == before
        assert indexes(server) == wanted
        assert move(guide_postgres_url, again).complete
        assert titles(again) == before


def test_in_a_forced_database_what_is_everybodys_is_carried_once(
    new_sqlite: Callable[[], str], guide_postgres_url: str, kit: SimpleNamespace
) -> None:
    from capsa import PUBLIC_OWNER, Record, Store

    with open_database(guide_postgres_url) as database:
        store = Store(database, embedder=None)
        with database.maintain() as tx:
            everybodys = store.collection("library", owner=PUBLIC_OWNER)
            everybodys.add([Record(id=f"p{n}", text="x") for n in range(9)], embed=False, tx=tx)
        for owner in ("anna", "ben"):
            store.collection("code", owner=owner).add([Record(id=f"r{n}", text="y") for n in range(5)], embed=False)
    back = new_sqlite()
    report = kit.move(guide_postgres_url, back)
    assert (report.complete, report.source_rows) == (True, 19)
    assert sorted(kit.contents(back)) == sorted(kit.contents(guide_postgres_url))


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_row_that_is_replaced_keeps_its_place(
    dialect: str,
    new_sqlite: Callable[[], str],
    new_url: Callable[[str], str],
    open_library: Callable[[str], Database],
) -> None:
    source = new_sqlite()
    with open_library(source) as database:
        fill(database)
        before = titles(database)
    with open_library(new_url(dialect)) as target:
        assert move(source, target).complete
        with target.maintain() as tx:
            tx.execute("UPDATE books SET title = 'another' WHERE id IN ('b99', 'b93')")
            tx.execute("UPDATE shelves SET room = 'cellar'")
        assert move(source, target).failed == 5
        assert move(source, target, on_conflict=OnConflict.REPLACE).complete
        assert titles(target) == before


def test_a_row_without_what_it_refers_to_goes_to_quarantine(
    new_sqlite: Callable[[], str], postgres_url: str, open_library: Callable[[str], Database]
) -> None:
    source = new_sqlite()
    with open_library(source) as database, database.maintain() as tx:
        tx.execute("INSERT INTO books (keeper, id, title) VALUES ('nobody', 'b', 'lost')")
        tx.execute("INSERT INTO shelves (id) VALUES ('k')")
        tx.execute("INSERT INTO books (keeper, id, title) VALUES ('k', 'b', 'kept')")
    with open_library(postgres_url) as server:
        report = move(source, server)
        assert (report.migrated, report.quarantined_rows, report.complete) == (2, 1, False)
        assert titles(server) == {"k": ["kept"]}
        with server.maintain() as tx:
            ((content,),) = tx.execute("SELECT content FROM capsa_quarantine")
    assert json.loads(content)["title"] == {"type": "text", "value": "lost"}


_KEYS = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'books'::regclass AND contype = 'f'"
)


def foreign_keys(database: Database) -> list[tuple[str, str]]:
    with database.maintain() as tx:
        return [(name, definition) for name, definition in tx.execute(_KEYS)]


class Stopped(Exception):
    """A run is cut off."""


def stop_at(phase: str, do: Callable[[], None] = lambda: None) -> Callable[[str, int, int], None]:
    def progress(now: str, done: int, total: int) -> None:
        if (now, done) == (phase, total):
            do()
            raise Stopped

    return progress


def test_foreign_keys_are_made_again_of_all_rows_at_once_even_by_a_later_run(
    new_sqlite: Callable[[], str], postgres_url: str, open_library: Callable[[str], Database]
) -> None:
    source = new_sqlite()
    with open_library(source) as database:
        fill(database)
    with open_library(postgres_url) as server:
        before = foreign_keys(server)
        with pytest.raises(Stopped):
            move(source, server, progress=stop_at("copy"))
        assert (len(before), foreign_keys(server)) == (1, [])
        report = move(source, server)
        assert (report.complete, report.resumed) == (True, True)
        assert foreign_keys(server) == before


def test_a_foreign_key_that_does_more_stays_while_rows_come_in(
    new_sqlite: Callable[[], str], postgres_url: str, open_library: Callable[[str], Database]
) -> None:
    source = new_sqlite()
    with open_library(source) as database:
        fill(database)
    with open_library(postgres_url) as server:
        with server.maintain() as tx:
            tx.execute("ALTER TABLE books DROP CONSTRAINT books_keeper_fkey")
            tx.execute("ALTER TABLE books ADD FOREIGN KEY (keeper) REFERENCES shelves (id) ON DELETE CASCADE")
        before = foreign_keys(server)
        with pytest.raises(Stopped):
            move(source, server, progress=stop_at("copy"))
        assert foreign_keys(server) == before
        assert move(source, server).complete
        assert foreign_keys(server) == before


def test_a_foreign_key_that_what_others_wrote_meanwhile_stands_against_is_told_of_and_nothing_is_deleted(
    new_sqlite: Callable[[], str], postgres_url: str, open_library: Callable[[str], Database]
) -> None:
    source = new_sqlite()
    with open_library(source) as database:
        fill(database)
    with open_library(postgres_url) as server:
        with pytest.raises(Stopped):
            move(source, server, progress=stop_at("copy"))
        with server.maintain() as tx:
            tx.execute("INSERT INTO books (keeper, id, title) VALUES ('gone', 'b', 'of nobody')")
        report = move(source, server)
        (note,) = (line for line in report.notes if "foreign key" in line)
        assert "books has no foreign key to shelves" in note
        assert "gone" in note
        assert titles(server)["gone"] == ["of nobody"]


def test_a_report_with_remarks_is_json() -> None:
    from collections import Counter

    report = Report(source="a", target="b", layout="c", zone=None, parts=(), remarks=Counter({"odd": 3}))
    assert json.loads(report.to_json())["remarks"] == {"odd": 3}
