"""What a transfer would find at its target, seen without writing a thing there."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from capsa.errors import CapsaError
from capsa.sqlite.database import SCHEMA
from capsa.url import DatabaseUrl


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A target before a transfer."""

    #: Without a password.
    target: str
    #: Why nothing could be seen of it; None if it was looked at.
    unseen: str | None = None
    #: What it is, e.g. "PostgreSQL 16.2, pgvector 0.8.0"; empty if it was not seen.
    software: str = ""
    #: The version of our tables there; None where there are none yet, and a transfer makes them.
    schema: int | None = None
    #: Records of the owner that are there; None where there are no tables of ours.
    records: int | None = None
    #: What a transfer would stop at, a line each with what to do about it.
    problems: tuple[str, ...] = ()
    #: Whether opening it changes nothing there, so that rows may be compared.
    comparable: bool = False

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def look(url: DatabaseUrl, owner: str) -> Look:
    """Look at a target: whether it can be reached, what it lacks, and what is there already.

    Args:
        owner: whose records to count.
    """
    if url.path is not None:
        return _file(url, url.path, owner)
    try:
        # The driver is an extra.
        from capsa.transfer.postgres_looking import look as look_at_server
    except ModuleNotFoundError as error:
        if error.name not in {"psycopg", "psycopg_pool"}:
            raise
        return Look(target=str(url), unseen="PostgreSQL's driver is not installed")
    try:
        return look_at_server(url, owner)
    except CapsaError as error:
        return Look(target=str(url), unseen=str(error))


def of_schema(applied: int | None, known: int, where: str) -> tuple[str, ...]:
    """The problem of tables that a newer version made, if it is one."""
    if applied is None or applied <= known:
        return ()
    return (f"{where} was written by a newer version: upgrade this installation",)


def _file(url: DatabaseUrl, path: Path, owner: str) -> Look:
    software = f"SQLite {sqlite3.sqlite_version}"
    problems: tuple[str, ...] = ()
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        problems = (f"{path} may not be written: check the permissions of the file and its folder",)
    if not path.exists() or not path.stat().st_size:
        return Look(target=str(url), software=software, problems=problems)
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            (applied,) = connection.execute(
                "SELECT max(version) FROM capsa_migrations WHERE package = ?", (SCHEMA.name,)
            ).fetchone()
            (count,) = connection.execute("SELECT count(*) FROM capsa_records WHERE owner = ?", (owner,)).fetchone()
    except sqlite3.Error as error:
        return Look(target=str(url), unseen=str(error), problems=problems)
    problems += of_schema(applied, SCHEMA.version, str(path))
    return Look(
        target=str(url),
        software=software,
        schema=applied,
        records=count,
        problems=problems,
        comparable=applied == SCHEMA.version and not problems,
    )
