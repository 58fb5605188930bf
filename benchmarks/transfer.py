"""A whole transfer from SQLite to PostgreSQL, beside the server that reads the same rows out of ready files.

The floor is a server-side COPY of two binary files (records and vectors) into the same tables with the same primary
keys and nothing else; then the same CREATE INDEX statements. Ours also builds the lexical index, for which
PostgreSQL has no statement.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks import data, semantic_sqlite
from benchmarks.report import Figure, at_least, at_most
from benchmarks.servers import Servers
from capsa import open_database, transfer
from capsa.postgres.vectors import ensure_indexes

_TABLES = ("capsa_records", "capsa_embeddings")


def run(rows: int, servers: Servers) -> Iterator[Figure]:
    """See the module."""
    path = semantic_sqlite.database(rows)
    with servers.fresh() as url:
        plain, seconds = _transfer(path, url, validate=False)
        files = _dump(url)
    try:
        with servers.fresh() as url:
            floor, indexes = _floor(url, files)
    finally:
        for file in files.values():
            # Where the server names its folder in its own terms, the file stays, and the next run writes over it.
            file.unlink(missing_ok=True)
    with servers.fresh() as url:
        checked, checked_seconds = _transfer(path, url, validate=True)
    yield at_least(
        0.6,
        times=True,
        what=f"{rows:,} rows, rows phase",
        ours=rows / plain["copy"],
        unit="rows/s",
        beside=rows / floor,
        beside_what="server's own COPY",
    )
    for bound, what, total, phases in (
        (1.3, "without verification", seconds, plain),
        (1.6, "with verification", checked_seconds, checked),
    ):
        yield at_most(
            bound,
            times=True,
            what=f"{rows:,} rows, all of it {what}",
            ours=total,
            unit="s",
            beside=floor + indexes,
            beside_what="COPY + CREATE INDEX",
            detail={"phases": phases, "floor": {"copy": floor, "index": indexes}},
        )


def _transfer(path: Path, url: str, *, validate: bool) -> tuple[dict[str, float], float]:
    with open_database(url) as target:
        _settle(url)
        started = time.perf_counter()
        with closing(transfer.open_source(f"sqlite:///{path}")) as source:
            report = transfer.transfer(source, target, transfer.Options(validate=validate))
        seconds = time.perf_counter() - started
    if not report.complete:
        raise AssertionError(report.to_json())
    return dict(report.seconds), seconds


def _settle(url: str) -> None:
    # What the last benchmark left to be written must not be written during this one.
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _dump(url: str) -> dict[str, Path]:
    """Binary files of the tables, where the server may read and write."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        files = {table: Path(row[0]) / f"benchmark_{table}.bin" for table in _TABLES}
        for table, file in files.items():
            connection.execute(
                sql.SQL("COPY {} TO {} (FORMAT binary)").format(sql.Identifier(table), sql.Literal(str(file)))
            )
    return files


def _floor(url: str, files: dict[str, Path]) -> tuple[float, float]:
    """Seconds to read the files into tables with nothing but their primary keys, and to make all other indexes."""
    with open_database(url) as database, psycopg.connect(url, autocommit=True) as connection:
        secondary = connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            "WHERE indrelid IN ('capsa_records'::regclass, 'capsa_embeddings'::regclass) AND NOT indisprimary"
        ).fetchall()
        for name, _ in secondary:
            connection.execute(f"DROP INDEX {name}".encode())
        with database.maintain() as tx:
            # The same number in the files as here: the first.
            tx.query("add_model", {"name": data.MODEL, "dimensions": data.DIMENSIONS})
        _settle(url)
        started = time.perf_counter()
        for table, file in files.items():
            connection.execute(
                sql.SQL("COPY {} FROM {} (FORMAT binary)").format(sql.Identifier(table), sql.Literal(str(file)))
            )
        copied = time.perf_counter()
        for _, definition in secondary:
            connection.execute(definition.encode())
        ensure_indexes(database, concurrently=False)  # type: ignore[arg-type]
        return copied - started, time.perf_counter() - copied
