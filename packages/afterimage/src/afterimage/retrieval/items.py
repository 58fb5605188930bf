"""What a question is answered with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from afterimage.chunking.units import Unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """An entry that is worth showing. Its texts are as they may be shown: without secrets."""

    id: str
    #: Empty for a note that is about no file.
    path: str
    code: str
    #: Why it was found, for a reader.
    why: str
    at: dt.datetime
    session: str
    project: str
    branch: str
    #: write, edit, move, delete or note; empty if that was not noted.
    change: str
    #: FRESH, STALE or SUPERSEDED, with the reason, of the unit if there is one; empty where nothing could stand.
    standing: str
    #: Who wrote it; empty if that was not noted.
    author: str = ""
    #: What surrounded it when it was written.
    context: str = ""
    #: The function, method or class in the code that answers; None if that is all of it.
    unit: Unit | None = None
    #: The part of the code that answers, as far as that is known.
    near: str = ""
    #: Older ones that are nearly the same.
    others: tuple[Other, ...] = ()

    @property
    def key(self) -> str:
        """What is shown, for who wants to know whether it was shown before."""
        return f"{self.id}:{self.unit.first}-{self.unit.last}" if self.unit else self.id


@dataclass(frozen=True, slots=True)
class Other:
    """An entry that stands behind another."""

    id: str
    path: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Found:
    """The items, best first, and what limited the search."""

    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
