"""Rows are read back in the order in which they were loaded, and looked up one by one where they do not stand so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace

import psycopg
import pytest
from psycopg import sql

from capsa import Record, Store, open_database
from capsa.transfer import Row, open_source, postgres_target
from capsa.transfer.pgcopy import copy_out, key_list
from capsa.transfer.postgres_target import PostgresTarget
from capsa.transfer.tables import Kind
from capsa.transfer.targets import State

COUNT = 40


class Carried:
    """A source of our own and a target that was filled from it."""

    def __init__(self, new_url: Callable[[str], str], kit: SimpleNamespace) -> None:
        source, self.url = new_url("sqlite"), new_url("postgresql")
        kit.fill(source, COUNT)
        kit.move(source, self.url)
        with closing(open_source(source)) as opened:
            self.table = opened.parts[0].table
            (planned,) = opened.plan(opened.parts[0])
            (items,) = opened.read(opened.parts[0], planned.first, planned.last)
            self.rows = [item for item in items if isinstance(item, Row)]

    def change(self, statement: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode())

    def states(self) -> list[State]:
        with open_database(self.url) as database, database.maintain() as tx:
            return PostgresTarget(database).compare(tx, self.table, self.rows)


@pytest.fixture
def carried(new_url: Callable[[str], str], kit: SimpleNamespace) -> Carried:
    return Carried(new_url, kit)


def test_what_was_loaded_in_order_is_not_looked_up_row_by_row(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(postgres_target, "_lookup")
    assert carried.states() == [State.EQUAL] * COUNT


@pytest.mark.parametrize("number", [0, 17, COUNT - 1])
@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("UPDATE capsa_records SET title = 'other' WHERE id = 'r{}'", State.DIFFERENT),
        ("DELETE FROM capsa_records WHERE id = 'r{}'", State.MISSING),
        ("UPDATE capsa_records SET seq = seq + 1000 WHERE id = 'r{}'", State.DIFFERENT),
    ],
)
def test_one_row_that_is_not_as_it_was_is_told_from_the_others(
    number: int, statement: str, state: State, carried: Carried
) -> None:
    carried.change(statement.format(number))
    if "seq" in statement and not carried.rows[number].vectors:
        # Without a vector, which goes by that number, a record is the same wherever it stands.
        state = State.EQUAL
    expected = [State.EQUAL] * COUNT
    expected[number] = state
    assert carried.states() == expected


def test_what_others_have_written_between_is_no_harm(carried: Carried) -> None:
    with Store.open(carried.url, embedder=None) as store:
        store.collection("code", owner="local").add([Record(id="new", text="x")])
    carried.change("UPDATE capsa_records SET seq = 1000 + 2 * seq; UPDATE capsa_embeddings SET seq = 1000 + 2 * seq")
    carried.change("UPDATE capsa_records SET seq = 1021 WHERE id = 'new'")
    assert carried.states() == [State.EQUAL] * COUNT


def test_a_vector_by_another_model_makes_a_record_another(carried: Carried) -> None:
    carried.change("INSERT INTO capsa_models (name, dimensions) VALUES ('later', 2)")
    carried.change(
        "INSERT INTO capsa_embeddings (owner, collection, model, seq, vector) "
        "SELECT owner, collection, 2, seq, '[1,2]' FROM capsa_records WHERE id = 'r5'"
    )
    assert [number for number, state in enumerate(carried.states()) if state is State.DIFFERENT] == [5]


@pytest.mark.parametrize("query", ["SELECT n, repeat('x', n) FROM generate_series(0, {}) AS n WHERE n > 0"])
@pytest.mark.parametrize("rows", [0, 1, 2, 5_000])
def test_copying_out_gives_every_row(query: str, rows: int, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        bodies = list(copy_out(connection, sql.SQL(query.format(rows))))
        assert [int.from_bytes(body[4:8]) for body in bodies] == list(range(1, rows + 1))
        assert [len(body) for body in bodies] == [12 + n for n in range(1, rows + 1)]
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_keys_of_any_text_are_looked_up_as_they_are(postgres_url: str) -> None:
    texts = ["", "NULL", "{}", 'a"b', "a\\b", '\\"', "a,b", " x ", "it's", "%s", "不安", "\n\t", "{x", "$1", "':a"]
    keys = [(text, number - 2) for number, text in enumerate(texts)]
    query = sql.SQL("SELECT k.b, k.a FROM {}").format(key_list(("a", "b"), (Kind.TEXT, Kind.INTEGER), keys))
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(query).fetchall() == [(number, text) for text, number in keys]


@pytest.mark.parametrize("at", [1, 2, 700])
def test_an_error_on_the_way_is_told(at: int, postgres_url: str) -> None:
    query = sql.SQL("SELECT 1 / (n - {}) FROM generate_series(1, 1000) AS n").format(sql.Literal(at))
    with psycopg.connect(postgres_url) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            list(copy_out(connection, query))
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)
