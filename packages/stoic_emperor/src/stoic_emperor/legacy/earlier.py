"""What has come over before: asked of what a migration notes in the memory that it brings a past into."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stoic_emperor.hosting import HOUSE
from stoic_emperor.infrastructure.database import Database, Origin
from stoic_emperor.legacy.erasures import Unwanted, erased_in
from stoic_emperor.legacy.layouts import LAYOUTS
from stoic_emperor.legacy.sqlite import open_file

_ORIGINS = "SELECT location, zone, left_out FROM origins WHERE keeper = ?"


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
    try:
        with contextlib.closing(sqlite3.connect(f"{own.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return brought(source, [Origin(*row) for row in connection.execute(_ORIGINS, (HOUSE,))])
    except sqlite3.Error:
        # What is the matter with it, opening it will say.
        return None


def brought(source: Path, origins: Iterable[Origin]) -> CarriedOver | None:
    """The migration among these that brought most of a file or folder; None if there is none."""
    wanted = os.path.realpath(source)
    found = [
        CarriedOver(origin.zone, origin.left_out)
        for origin in origins
        if wanted in map(os.path.realpath, origin.locations)
    ]
    return min(found, key=lambda one: one.left, default=None)


def written_since(database: Database, older: Path) -> int:
    """How many rows of the older file are not here, and were not erased here: written there after it was brought.

    Raises:
        sqlite3.Error, capsa.CapsaError: one of them cannot be read.
    """
    late = {layout.name: _missing(database, older, layout.name) for layout in LAYOUTS}
    erasures = erased_in(database)
    if not erasures or not any(late.values()):
        return sum(map(len, late.values()))
    with contextlib.closing(open_file(older, None)) as source:
        unwanted = Unwanted(source, erasures)
        for part in source.parts:
            is_erased = unwanted(part)
            for planned in source.plan(part) if late.get(part.name) else ():
                for items in source.read(part, planned.first, planned.last):
                    late[part.name] -= {item.source_key for item in items if is_erased(item)}
    return sum(map(len, late.values()))


def _missing(database: Database, older: Path, table: str) -> set[str]:
    """The rows of the older file, by their number there, whose ids are not here."""
    with contextlib.closing(sqlite3.connect(f"{older.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchall():
            return set()
        with database.engine.maintain() as tx:
            here = {id_ for (id_,) in tx.stream(f"SELECT id FROM {table}")}
        rows = connection.execute(f"SELECT rowid, CAST(id AS TEXT) FROM {table}")
        return {str(number) for number, id_ in rows if id_ not in here}
