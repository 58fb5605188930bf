"""What has come over before: asked of the bookkeeping that a migration leaves in our file beside the older one."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from stoic_emperor.legacy.layouts import LAYOUTS

_TRANSFERS = "SELECT owner, transfer, source FROM capsa_transfers WHERE state = 'done'"
_RANGES = "SELECT records, detail FROM capsa_transfer_ranges WHERE owner = ? AND transfer = ?"
_QUARANTINED = "SELECT count(*) FROM capsa_quarantine WHERE owner = ? AND transfer = ?"


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """A migration that is through."""

    #: The zone that times without one were read in.
    zone: str | None
    #: Rows that were refused, or kept out by others in their place.
    left: int


def carried_over(own: Path, source: Path) -> CarriedOver | None:
    """The migration that brought most of a file or folder into our file; None if none that is known is through."""
    if not own.is_file():
        return None
    wanted = os.path.realpath(source)
    found: list[CarriedOver] = []
    try:
        with contextlib.closing(sqlite3.connect(f"{own.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            for owner, transfer, described in connection.execute(_TRANSFERS).fetchall():
                description = json.loads(described)
                locations = [os.path.realpath(one) for one in description.get("location", "").split(" + ")]
                if wanted in locations and (left := _left(connection, owner, transfer)) is not None:
                    found.append(CarriedOver(description.get("zone"), left))
    except sqlite3.Error:
        # What is the matter with it, opening it will say.
        return None
    return min(found, key=lambda one: one.left, default=None)


def written_since(own: Path, older: Path) -> int:
    """How many rows of the older file are not in ours: written there after it was carried over, or deleted here.

    Raises:
        sqlite3.Error: one of them cannot be read.
    """
    with contextlib.closing(sqlite3.connect(f"{own.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("ATTACH ? AS older", (f"{older.absolute().as_uri()}?mode=ro",))
        there = {name for (name,) in connection.execute("SELECT name FROM older.sqlite_master WHERE type = 'table'")}
        return sum(
            connection.execute(
                f"SELECT count(*) FROM older.{name} WHERE CAST(id AS TEXT) NOT IN (SELECT id FROM main.{name})"
            ).fetchone()[0]
            for name in (layout.name for layout in LAYOUTS if layout.name in there)
        )


def _left(connection: sqlite3.Connection, owner: str, transfer: str) -> int | None:
    """How many rows were refused, or kept out by something else in their place; None if not all were tried."""
    ((left,),) = connection.execute(_QUARANTINED, (owner, transfer))
    for records, detail in connection.execute(_RANGES, (owner, transfer)):
        if records is None or not detail:
            return None
        left += json.loads(detail)["conflicts"]
    return int(left)
