"""What is told of a person's rows, beside the rows themselves."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from stoic_emperor.models import Session


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation in a list."""

    session: Session
    messages: int
    last_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Source:
    """What a person said that something was taken from."""

    message_id: str
    session_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Totals:
    """How much there is of a person."""

    sessions: int
    messages: int
    #: Replies whose turn waits to be analysed.
    waiting: int


@dataclass(slots=True)
class Place:
    """Where a person is, if they said so."""

    country: str | None = None
