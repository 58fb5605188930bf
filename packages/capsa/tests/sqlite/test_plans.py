"""How SQLite finds the rows of the statements that search, deletion and reading in order rest on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from capsa import open_database

BY_NUMBER = "capsa_records USING INTEGER PRIMARY KEY (rowid"


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("records_by_seq", BY_NUMBER),
        ("texts_by_seq", BY_NUMBER),
        ("seqs_alive", BY_NUMBER),
        ("update_record", BY_NUMBER),
        ("delete_records", BY_NUMBER),
        ("lexical_texts", BY_NUMBER),
        ("records_without_vector", "r USING INTEGER PRIMARY KEY (rowid>?)"),
        ("codes_since", "(owner=? AND collection=? AND model=? AND seq>?)"),
        ("delete_codes", "(owner=? AND collection=? AND model=? AND seq=?)"),
        ("delete_embeddings", "(owner=? AND collection=? AND model=? AND seq=?)"),
        ("vectors_by_seq", "(owner=? AND collection=? AND model=? AND seq=?)"),
    ],
)
def test_rows_are_found_by_their_numbers_and_not_among_all_of_the_owner(
    tmp_path: Path, statement: str, wanted: str
) -> None:
    assert wanted in _plan(tmp_path, statement)


@pytest.mark.parametrize("statement", ["records_all", "records_all_with_vectors", "records_without_vector"])
def test_reading_in_order_of_arrival_sorts_nothing(tmp_path: Path, statement: str) -> None:
    assert "TEMP B-TREE" not in _plan(tmp_path, statement)


@pytest.mark.parametrize("statement", ["count_records", "seqs_matching"])
@pytest.mark.parametrize("condition", ["filter_path_contains", "filter_path_pattern", "filter_since", "filter_session"])
def test_a_filter_reads_no_texts(tmp_path: Path, statement: str, condition: str) -> None:
    assert "USING COVERING INDEX" in _plan(tmp_path, statement, condition)


def test_the_newest_records_are_found_without_sorting_all(tmp_path: Path) -> None:
    assert "TEMP B-TREE" not in _plan(tmp_path, "records_recent")


def _plan(folder: Path, statement: str, condition: str | None = None) -> str:
    with open_database(f"sqlite:///{folder / 'memory.db'}") as database, database.read("local") as tx:
        sql = database.statement(statement)
        if condition:
            sql = sql.replace("/* filter */", f" AND {database.statement(condition)}")
        rows = tx.execute(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(re.findall(r":(\w+)", sql), "[]"))
    return "\n".join(str(row[3]) for row in rows)
