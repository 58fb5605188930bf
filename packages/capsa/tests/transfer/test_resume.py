"""Whatever ends a run, at whatever instant: run again, everything is there, once."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from capsa import DatabaseUnavailable, Mode, Store, open_database
from capsa.database import Transaction
from capsa.transfer import Options, indexing, ledger
from capsa.transfer.postgres_target import PostgresTarget
from capsa.transfer.sqlite_target import SqliteTarget

New = Callable[[str], str]
_RUN = """
import sys
from contextlib import closing
from capsa import open_database
from capsa.transfer import Options, open_source, transfer
with closing(open_source(sys.argv[1])) as source, open_database(sys.argv[2]) as target:
    report = transfer(source, target, Options(range_rows=int(sys.argv[3])))
sys.exit(0 if report.complete else 1)
"""


class Fault(Exception):
    """What the test lets happen."""


def indexed_once(url: str, count: int) -> bool:
    """Whether a word that every record of the fixture's numbered ones has is found once in each."""
    with open_database(url) as database:
        code = Store(database, embedder=None).collection("code", owner="local")
        hits = code.search("def", mode=Mode.LEXICAL, limit=count + 100)
        return len(hits) == len({hit.record.id for hit in hits}) == count


def failing_at(calls: int, method: Callable[..., object], error: Exception) -> Callable[..., object]:
    """``method``, which raises at its ``calls``-th call."""
    count = 0

    def wrapper(*args: object, **kwargs: object) -> object:
        nonlocal count
        count += 1
        if count == calls:
            raise error
        return method(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("owner", "method", "call"),
    [
        ("target", "insert", 1),
        ("target", "insert", 3),
        (ledger.Ledger, "begin", 1),
        (ledger.Ledger, "finish", 2),
        (ledger.Ledger, "mark_indexed", 1),
        (ledger.Ledger, "mark_indexed", 3),
        (ledger.Ledger, "end", 1),
        ("target", "compare", 1),
        ("target", "compare", 2),
        (indexing, "_index_vectors", 1),
    ],
)
def test_a_run_that_fails_anywhere_is_gone_on_with(  # noqa: PLR0917 - what pytest hands over
    dialect: str,
    owner: object,
    method: str,
    call: int,
    new_url: New,
    kit: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target = new_url("sqlite"), new_url(dialect)
    kit.fill(source, 60)
    place = {"sqlite": SqliteTarget, "postgresql": PostgresTarget}[dialect] if owner == "target" else owner
    with monkeypatch.context() as patch:
        patch.setattr(place, method, failing_at(call, getattr(place, method), Fault()))
        with pytest.raises(Fault):
            kit.move(source, target, Options(range_rows=16))
    report = kit.move(source, target, Options(range_rows=16))
    assert report.complete
    assert (report.source_rows, report.migrated, report.skipped) == (60, 60, 0)
    assert report.resumed == ((owner, method) != (ledger.Ledger, "begin"))
    assert kit.contents(target) == kit.contents(source)
    assert indexed_once(target, 53)


@pytest.mark.parametrize(
    ("dialect", "error"),
    [
        ("sqlite", sqlite3.OperationalError("database or disk is full")),
        ("postgresql", psycopg.errors.DiskFull("could not extend file: No space left on device")),
    ],
)
def test_a_full_disk_is_one_line_and_costs_nothing(
    dialect: str, error: Exception, new_url: New, kit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = new_url("sqlite"), new_url(dialect)
    kit.fill(source, 60)
    place = {"sqlite": SqliteTarget, "postgresql": PostgresTarget}[dialect]
    insert = place.insert
    calls = iter(range(1000))

    def full(*args: object, **kwargs: object) -> object:
        if next(calls) >= 2:
            raise error
        return insert(*args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(place, "insert", full)
        patch.setattr(time, "sleep", lambda _seconds: None)
        with pytest.raises(DatabaseUnavailable, match="no space left.*goes on from there") as caught:
            kit.move(source, target, Options(range_rows=16))
    assert "\n" not in str(caught.value)
    assert kit.move(source, target, Options(range_rows=16)).complete
    assert kit.contents(target) == kit.contents(source)


def test_a_connection_that_is_cut_is_made_again(
    new_url: New, kit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = new_url("sqlite"), new_url("postgresql")
    kit.fill(source, 60)
    insert = PostgresTarget.insert
    calls = iter(range(1000))

    def cutting(self: PostgresTarget, tx: object, *args: object) -> object:
        if next(calls) == 2:
            terminate(target)
        return insert(self, tx, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(PostgresTarget, "insert", cutting)
    assert kit.move(source, target, Options(range_rows=16)).complete
    assert kit.contents(target) == kit.contents(source)


def test_ranges_are_left_to_a_later_flush_and_the_end_waits_for_it(
    new_url: New, kit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[str, str]] = []
    for name in ("finish", "mark_indexed", "end"):
        method = getattr(ledger.Ledger, name)

        def looking(
            self: ledger.Ledger, tx: Transaction, *args: object, name: str = name, method: Any = method
        ) -> object:
            found.append((name, tx.execute("SHOW synchronous_commit")[0][0]))
            return method(self, tx, *args)

        monkeypatch.setattr(ledger.Ledger, name, looking)
    source, target = new_url("sqlite"), new_url("postgresql")
    kit.fill(source, 30)
    assert kit.move(source, target).complete
    assert found == [("finish", "off"), ("mark_indexed", "on"), ("end", "on")]


def terminate(url: str) -> int:
    """Kill every back-end that works for the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).rowcount


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("dialect", "kills"), [("postgresql", 40), ("sqlite", 20)])
def test_killed_at_random_instants(
    dialect: str, kills: int, new_url: New, kit: SimpleNamespace, tmp_path: Path
) -> None:
    """Client by kill -9 and, on PostgreSQL, back-ends in turn."""
    chance = random.Random(dialect)
    source = new_url("sqlite")
    kit.fill(source, 3000)
    expected = kit.contents(source)
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    done = rounds = 0
    while done < kills:
        rounds += 1
        target = new_url(dialect)
        open_database(target).close()
        for attempt in range(200):
            process = subprocess.Popen(
                [sys.executable, str(script), source, target, "200"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            deadline = time.monotonic() + chance.uniform(0.3, 2.5)
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            if process.poll() is None and attempt < 6:
                if dialect == "postgresql" and chance.random() < 0.4:
                    done += terminate(target) > 0
                else:
                    os.kill(process.pid, signal.SIGKILL)
                    done += 1
            if process.wait() == 0:
                break
        assert kit.contents(target) == expected
        assert indexed_once(target, 2993)
    assert done >= kills
