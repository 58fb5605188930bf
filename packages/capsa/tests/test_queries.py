"""The named statements: the same names and parameters in both dialects."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping

import psycopg
import pytest

from capsa import _queries

SQLITE: Mapping[str, str] = _queries.of_dialect("capsa.sqlite")
POSTGRES: Mapping[str, str] = _queries.of_dialect("capsa.postgres")

#: What one dialect alone needs, and why.
SQLITE_ONLY = {
    # The signs that a search counts before it compares exactly; PostgreSQL has an HNSW index instead.
    "add_code", "delete_codes", "delete_codes_of", "clear_codes", "clear_other_codes", "codes_since",
    "code_generation", "next_code_generation",
}  # fmt: skip
POSTGRES_ONLY = {
    # SQLite compares in numpy.
    "search_exact",
}


def parameters(sql: str) -> set[str]:
    return {m["name"] for m in _queries._PARAMETER.finditer(sql) if m["name"]}


def test_both_dialects_have_the_same_statements() -> None:
    assert set(SQLITE) - set(POSTGRES) == SQLITE_ONLY
    assert set(POSTGRES) - set(SQLITE) == POSTGRES_ONLY


@pytest.mark.parametrize("name", sorted(set(SQLITE) & set(POSTGRES)))
def test_a_statement_has_the_same_parameters_in_both(name: str) -> None:
    if name != "lexical_next_segment":  # which PostgreSQL takes from its sequence
        assert parameters(SQLITE[name]) == parameters(POSTGRES[name])


@pytest.mark.parametrize("name", sorted(set(SQLITE) & set(POSTGRES)))
def test_a_statement_can_be_filtered_in_both_or_in_none(name: str) -> None:
    assert ("/* filter */" in SQLITE[name]) == ("/* filter */" in POSTGRES[name])


@pytest.mark.parametrize("name", sorted(set(SQLITE) | set(POSTGRES)))
def test_a_statement_on_rows_of_an_owner_names_the_owner(name: str) -> None:
    without = {"models", "model_by_name", "add_model", "database_size", "next_seqs"}
    for statements in (SQLITE, POSTGRES):
        sql = statements.get(name, "")
        if re.search(r"\bcapsa_(?!models|sequence)\w+", sql) and name not in without:
            assert ":owner" in sql
            assert ":collection" in sql


@pytest.mark.parametrize("name", sorted(SQLITE))
def test_sqlite_understands_every_statement(name: str) -> None:
    from capsa.sqlite.database import SCHEMA

    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA.script())
    sql = SQLITE[name]
    if name.startswith("filter_"):
        sql = f"SELECT 1 FROM capsa_records WHERE {sql}"
    values = dict.fromkeys(parameters(sql), 1) | dict.fromkeys(("ids", "seqs", "segments", "places"), "[]")
    connection.execute("EXPLAIN " + sql, values)
    connection.close()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT :a, :a_b2", "SELECT %(a)s, %(a_b2)s"),
        ("SELECT ':a', ':b''s :c', :d", "SELECT ':a', ':b''s :c', %(d)s"),
        ("SELECT x::text, :a::bigint[]", "SELECT x::text, %(a)s::bigint[]"),
        ("SELECT 5 % 2, '%s', :a LIKE '%'", "SELECT 5 %% 2, '%%s', %(a)s LIKE '%%'"),
        ("SELECT a[1:2]", "SELECT a[1:2]"),
    ],
)
def test_parameters_are_rewritten_for_psycopg_and_nothing_else_is(sql: str, expected: str) -> None:
    assert _queries.to_psycopg(sql) == expected


def test_psycopg_and_sqlite_read_a_rewritten_statement_alike(postgres_url: str) -> None:
    sql = "SELECT :a || ' 100% :a ' || :b, 7 % 4"
    values = {"a": "x'y%s", "b": ":z"}
    with psycopg.connect(postgres_url) as connection:
        there = connection.execute(_queries.to_psycopg(sql).encode(), values).fetchone()
    here = sqlite3.connect(":memory:")
    assert here.execute(sql, values).fetchone() == there == ("x'y%s 100% :a :z", 3)
    here.close()


def test_a_script_is_split_into_its_statements() -> None:
    script = "-- a comment; with a semicolon\nCREATE TABLE a (b text); -- end\n\nCREATE INDEX i ON a (b)\n;;\n"
    assert _queries.statements(script) == ["CREATE TABLE a (b text)", "CREATE INDEX i ON a (b)"]
