"""What is stored is acknowledged, whatever becomes of putting its words in order afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from capsa import Mode, Record, Store, Transaction
from capsa.search import lexical, merging


@contextmanager
def faults_in_folding(fault: Callable[[Transaction], None]) -> Iterator[list[str]]:
    """Every write folds, and meets ``fault`` once it has begun to; gives the faults that were met."""
    real = lexical.fold
    met: list[str] = []

    def fold(tx: Transaction, owner: str, collection: str, *, if_due: bool = False) -> int:
        try:
            fault(tx)
            return real(tx, owner, collection, if_due=if_due)
        except Exception as error:
            met.append(type(error).__name__)
            raise

    with mock.patch.multiple(lexical, FOLD_AT=2, fold=fold), mock.patch.object(merging, "STEP_AT", 1):
        yield met


def no_page_is_left(tx: Transaction) -> None:
    ((pages,),) = tx.execute("PRAGMA page_count")
    tx.execute(f"PRAGMA max_page_count = {pages}")
    tx.execute("CREATE TABLE filler AS SELECT randomblob(100000)")


def table_missing(tx: Transaction) -> None:
    tx.execute("ALTER TABLE capsa_lexical_blocks RENAME TO elsewhere")


def disk_full(tx: Transaction) -> None:
    tx.execute("DO $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$")


def statement_timeout(tx: Transaction) -> None:
    tx.execute("SET LOCAL statement_timeout = 1")
    tx.execute("SELECT pg_sleep(5)")


def connection_lost(tx: Transaction) -> None:
    tx.execute("RESET ROLE")
    tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def acknowledged_and_found(url: str, fault: Callable[[Transaction], None]) -> None:
    with Store.open(url) as store:
        notes = store.collection("notes")
        (first,) = notes.add([Record(text="a needle")])
        with faults_in_folding(fault) as met:
            (second,) = notes.add([Record(text="an acknowledged needle")])
        assert len(met) == 1
    with Store.open(url) as store:
        notes = store.collection("notes")
        (third,) = notes.add([Record(text="another needle")])
        notes.maintain()
        assert {hit.record.id for hit in notes.search("needle", mode=Mode.LEXICAL)} == {first, second, third}


@pytest.mark.parametrize("fault", [no_page_is_left, table_missing])
def test_a_fault_of_the_file_while_folding_is_no_fault_of_the_write(
    sqlite_url: str, fault: Callable[[Transaction], None]
) -> None:
    acknowledged_and_found(sqlite_url, fault)


@pytest.mark.parametrize("fault", [disk_full, statement_timeout, connection_lost])
def test_a_fault_of_the_server_while_folding_is_no_fault_of_the_write(
    postgres_url: str, fault: Callable[[Transaction], None]
) -> None:
    acknowledged_and_found(postgres_url, fault)
