"""A past of 300,000 messages brought along: from a file of the predecessor's first version into PostgreSQL.

The floor is the server that reads the same rows out of a ready binary file into the same, empty table, and then makes
its primary key, its other indexes and its foreign key. The migration reads and converts the old file, carries
conversations and people too, and is measured in a process of its own, as is its memory.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import perf_counter

import numpy as np
import psycopg
from psycopg import sql

from benchmarks import places, talk
from benchmarks.report import Figure, at_most
from benchmarks.servers import Servers
from stoic_emperor.config import load_configuration
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.legacy.migrate import Request, migrate
from stoic_emperor.testing.legacy import OldDatabase

_USERS = 20
_BATCH = 10_000
_BEFORE = ("users", "sessions")
_UPDATE = {
    "detected_patterns": ["putting off"],
    "emotional_state": "uneasy – 不安",
    "stoic_principle_applied": "dichotomy of control",
    "suggested_next_direction": "Ask about the morning",
    "confidence": 0.7,
}


def run(rows: int, servers: Servers) -> Iterator[Figure]:
    """See the module; six times the rows asked for are messages."""
    messages = 6 * rows
    path = _older(messages)
    with servers.fresh() as url:
        seconds, megabytes = _migrate(path, url)
        with servers.fresh() as other:
            copy, indexes = _floor(url, other)
    moved = sum(seconds.values()) - seconds["verify"]
    yield at_most(
        1.5,
        times=True,
        what=f"{messages:,} messages, without verification",
        ours=moved,
        unit="s",
        beside=copy + indexes,
        beside_what="COPY + indexes + key",
        detail={"phases": seconds, "floor": {"copy": copy, "index": indexes}},
    )
    yield at_most(
        1.0,
        times=True,
        what="its verification",
        ours=seconds["verify"],
        unit="s",
        beside=moved,
        beside_what="the migration before it",
    )
    yield at_most(150, what="memory above the start", ours=megabytes, unit="MB")


def _older(messages: int) -> Path:
    """A file as the first version wrote it, made once."""
    path = places.cache() / f"past_{messages}.db"
    if path.exists():
        return path
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    old = OldDatabase(part)
    users = [old.user(f"user{number}") for number in range(_USERS)]
    chance, ids = np.random.default_rng(3), Random(3)
    when = dt.datetime(2020, 1, 1, 8)  # noqa: DTZ001 - the predecessor's times have no zone
    update = json.dumps(_UPDATE, ensure_ascii=False, separators=(",", ":"))
    for first in range(0, messages, _BATCH):
        texts = talk.prose(60, chance, min(_BATCH, messages - first))
        sessions, rows = [], []
        for number, text in enumerate(texts, first):
            when += dt.timedelta(seconds=41, microseconds=123_457)
            if number % talk.SESSION == 0:
                sessions.append((_id(ids), users[ids.randrange(_USERS)], when.isoformat(), "{}"))
            role, analysed = ("emperor", (update, when.isoformat())) if number % 2 else ("user", (None, None))
            rows.append((_id(ids), sessions[-1][0], role, text, analysed[0], when.isoformat(), analysed[1]))
        old.connection.executemany("INSERT INTO sessions VALUES (?, ?, ?, ?)", sessions)
        old.connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    old.close()
    part.rename(path)
    return path


def _id(ids: Random) -> str:
    return str(uuid.UUID(int=ids.getrandbits(128), version=4))


def _migrate(path: Path, url: str) -> tuple[dict[str, float], float]:
    """Seconds of each phase, and the megabytes that it takes beside what is loaded."""
    with Database(url):
        # The tables are made here; what is measured finds them empty.
        pass
    _settle(url)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.past", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        # Not on the command line, where everybody may read it.
        env={**os.environ, "BENCHMARK_TARGET": url},
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return told["seconds"], told["megabytes"]


def _alone(path: str) -> dict[str, object]:
    """What the process of its own measures."""
    from stoic_emperor.legacy import sqlite as _  # noqa: F401 - loaded before memory is looked at

    with tempfile.TemporaryDirectory() as folder:
        configuration = load_configuration(Path(folder))
        before = _status("VmRSS")
        started = perf_counter()
        request = Request(source=path, target=os.environ["BENCHMARK_TARGET"], find_chroma=False, timezone="UTC")
        outcome = migrate(request, configuration)
        seconds = perf_counter() - started
    if not outcome.complete:
        raise AssertionError(outcome.report.to_json())
    phases = dict(outcome.report.seconds)
    phases["rest"] = seconds - sum(phases.values())
    return {"seconds": phases, "megabytes": (_status("VmHWM") - before) / 1024}


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _settle(url: str) -> None:
    # What the last benchmark left to be written must not be written during this one.
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def _floor(url: str, other: str) -> tuple[float, float]:
    """Seconds to read the messages of one database into the bare table of another, and to make all its indexes."""
    with Database(other):
        pass
    with psycopg.connect(url, autocommit=True) as source, psycopg.connect(other, autocommit=True) as target:
        row = source.execute("SHOW data_directory").fetchone()
        assert row is not None
        folder = Path(row[0])
        files = {table: folder / f"benchmark_{table}.bin" for table in (*_BEFORE, "messages")}
        try:
            for table, file in files.items():
                _copy(source, table, "TO", file)
            for table in _BEFORE:
                _copy(target, table, "FROM", files[table])
            made_again = _stripped(target)
            _settle(other)
            started = perf_counter()
            _copy(target, "messages", "FROM", files["messages"])
            copied = perf_counter()
            for statement in made_again:
                target.execute(statement.encode())
            return copied - started, perf_counter() - copied
        finally:
            for file in files.values():
                file.unlink(missing_ok=True)


def _copy(connection: psycopg.Connection, table: str, direction: str, file: Path) -> None:
    connection.execute(
        sql.SQL("COPY {} {} {} (FORMAT binary)").format(
            sql.Identifier(table), sql.SQL(direction), sql.Literal(str(file))
        )
    )


def _stripped(connection: psycopg.Connection) -> list[str]:
    """Take the indexes and constraints off the empty messages; the statements that make them anew."""
    constraints = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = 'messages'::regclass AND contype IN ('p', 'u', 'f') ORDER BY contype = 'f'"
    ).fetchall()
    for name, _ in constraints:
        connection.execute(sql.SQL("ALTER TABLE messages DROP CONSTRAINT {}").format(sql.Identifier(name)))
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = 'messages'::regclass"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    return [
        *(definition for _, definition in indexes),
        *(f"ALTER TABLE messages ADD CONSTRAINT {name} {definition}" for name, definition in constraints),
    ]


if __name__ == "__main__":
    print(json.dumps(_alone(sys.argv[1])))
