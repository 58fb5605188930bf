"""What a transfer would find at its target, seen without writing a thing there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from capsa._schema import BOOKKEEPING, SchemaPackage, check, said_gone
from capsa.database import missing_driver
from capsa.errors import CapsaError, DatabaseBusy, DatabaseDamaged, DatabaseUnavailable, SchemaTooNew, ServerAway
from capsa.sqlite.database import SCHEMA
from capsa.url import DatabaseUrl


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A target before a transfer."""

    #: Without a password.
    target: str
    #: Why nothing could be seen of it, and nothing is known of what a transfer would meet; None if it was looked at.
    unseen: str | None = None
    #: What it is, e.g. "PostgreSQL 16.2, pgvector 0.8.0"; empty if it was not seen.
    software: str = ""
    #: The version of our tables there; None where there are none yet, and a transfer makes them.
    schema: int | None = None
    #: Records of the owner that are there; None where there are no tables of ours.
    records: int | None = None
    #: What a transfer, or whoever uses what it brought, would stop at; each message says what to do about it.
    errors: tuple[CapsaError, ...] = ()
    #: Whether opening it changes nothing there, so that rows may be compared.
    comparable: bool = False

    def as_json(self) -> dict[str, Any]:
        """The fields by name; the errors as ``problems``, a line each."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "errors"}
        return {**plain, "problems": [str(error) for error in self.errors]}


def look(url: DatabaseUrl, owner: str, packages: Sequence[SchemaPackage] = ()) -> Look:
    """Look at a target: whether it can be reached, what it lacks, and what is there already.

    Args:
        owner: whose records to count.
        packages: an application's own tables, beside the engine's; those of the dialect of ``url``.
    """
    if url.path is not None:
        return _file(url, url.path, owner, (SCHEMA, *packages))
    try:
        # The driver is an extra.
        from capsa.transfer.postgres_looking import look as look_at_server
    except ModuleNotFoundError as error:
        if error.name not in {"psycopg", "psycopg_pool"}:
            raise
        return Look(target=str(url), errors=(missing_driver(),))
    try:
        return look_at_server(url, owner, packages)
    except (DatabaseBusy, ServerAway) as error:
        return Look(target=str(url), unseen=str(error))
    except CapsaError as error:
        return Look(target=str(url), errors=(error,))


def of_schema(applied: int | None, package: SchemaPackage, where: str) -> list[CapsaError]:
    """The error that tables of a newer version are, if they are."""
    try:
        check(package, applied, where)
    except SchemaTooNew as error:
        return [error]
    return []


def _file(url: DatabaseUrl, path: Path, owner: str, packages: Sequence[SchemaPackage]) -> Look:
    software = f"SQLite {sqlite3.sqlite_version}"
    errors: list[CapsaError] = []
    # Folders that are missing are made.
    if not os.access(next(place for place in (path, *path.absolute().parents) if place.exists()), os.W_OK):
        errors.append(
            DatabaseUnavailable(f"{path} may not be written: check the permissions of the file and its folder")
        )
    if not path.exists() or not path.stat().st_size:
        return Look(target=str(url), software=software, errors=tuple(errors))
    applied: dict[str, int | None] = {}
    count = None
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if BOOKKEEPING in there:
                rows = connection.execute("SELECT package, max(version) FROM capsa_migrations GROUP BY package")
                applied = dict(rows.fetchall())
            removed = [package.gone(there, applied.get(package.name)) for package in packages]
            errors += [DatabaseDamaged(f"{said_gone(gone, str(path))}: restore a backup") for gone in removed if gone]
            if applied.get(SCHEMA.name) is not None and "capsa_records" in there:
                (count,) = connection.execute("SELECT count(*) FROM capsa_records WHERE owner = ?", (owner,)).fetchone()
    except sqlite3.Error as error:
        return Look(target=str(url), unseen=str(error), errors=tuple(errors))
    for package in packages:
        errors += of_schema(applied.get(package.name), package, str(path))
    return Look(
        target=str(url),
        software=software,
        schema=applied.get(SCHEMA.name),
        records=count,
        errors=tuple(errors),
        comparable=all(applied.get(package.name) == package.version for package in packages) and not errors,
    )
