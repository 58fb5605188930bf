"""Whether the database answers: told at once, as of a moment ago, and looked at again meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import capsa
from stoic_emperor.application import Application
from stoic_emperor.testing.web import configured
from stoic_emperor.web.probing import Probing


class Database:
    """Answers when it is let, and counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.free = threading.Event()
        self.free.set()
        self.away = False

    def touch(self) -> None:
        self.asked += 1
        self.free.wait(10)
        if self.away:
            raise capsa.DatabaseUnavailable("no")


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def probing(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Probing]:
    probing = Probing(Application(configured(tmp_path, f"sqlite:///{tmp_path / 'memory.db'}", "single")))
    monkeypatch.setattr(probing, "_touch", database.touch)
    yield probing
    database.free.set()
    probing.close()


def test_who_asks_first_waits_for_the_answer_and_others_get_it_too(probing: Probing, database: Database) -> None:
    async def run() -> list[str | None]:
        return await asyncio.gather(*(probing.database() for _ in range(20)))

    assert set(asyncio.run(run())) == {None}
    assert database.asked == 1
    assert probing.age < 1


def test_a_moment_later_nobody_waits_while_it_is_looked_again(probing: Probing, database: Database) -> None:
    async def run() -> None:
        await probing.database()
        database.free.clear()
        database.away = True
        probing._asked_at -= 2
        began = time.monotonic()
        assert [await probing.database() for _ in range(5)] == [None] * 5
        assert time.monotonic() - began < 0.5
        assert probing.age >= 2, "what is told says as of when it is"
        await asyncio.sleep(0)
        database.free.set()
        assert probing._asking is not None
        await probing._asking
        assert "DatabaseUnavailable" in str(await probing.database())
        assert database.asked == 2

    asyncio.run(run())


def test_an_old_answer_is_not_given(probing: Probing, database: Database) -> None:
    async def run() -> None:
        await probing.database()
        database.away = True
        probing._asked_at -= 6
        assert "DatabaseUnavailable" in str(await probing.database())

    asyncio.run(run())
