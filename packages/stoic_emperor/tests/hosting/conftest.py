"""A clock that stands still until it is moved, and passwords that cost nothing."""

from __future__ import annotations

import datetime as dt

import pytest

from stoic_emperor.hosting.accounts import Accounts
from stoic_emperor.hosting.recovery import Recovery
from stoic_emperor.hosting.sign_ins import SignIns
from stoic_emperor.infrastructure.database import Database


class Clock:
    def __init__(self) -> None:
        self.at = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += dt.timedelta(**by)


class PlainHasher:
    """Counts how often a password was looked at."""

    def __init__(self) -> None:
        self.looks = 0
        self.version = 1

    def hash(self, password: str) -> str:
        return f"{self.version}:{password}"

    def verify(self, password_hash: str | None, password: str) -> bool:
        self.looks += 1
        return password_hash is not None and password_hash.partition(":")[2] == password

    def is_outdated(self, password_hash: str) -> bool:
        return not password_hash.startswith(f"{self.version}:")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hasher() -> PlainHasher:
    return PlainHasher()


@pytest.fixture
def accounts(database: Database, hasher: PlainHasher, clock: Clock) -> Accounts:
    return Accounts(database, hasher, clock)


@pytest.fixture
def sign_ins(database: Database, clock: Clock) -> SignIns:
    return SignIns(database, lambda id_, secret: f"after {secret} of {id_}", clock)


@pytest.fixture
def recovery(database: Database, clock: Clock) -> Recovery:
    return Recovery(database, clock)
