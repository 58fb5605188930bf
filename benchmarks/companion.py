"""A turn of the companion among 100,000 messages and 50,000 passages, beside the commits that it cannot do without.

A turn is `Companion.reply` from the call to the last event: stored, looked up in the library and in the person's own
memory, answered by a model that answers at once, checked for quotations, kept and made findable. The vectors are made
up and come from a table, so no time of a model is in it. What it stands beside is four bare inserts, each committed.

``--rows`` is the number of passages; there are twice as many messages. Reading and forgetting only inform.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from benchmarks import talk
from benchmarks.report import Figure, at_most, milliseconds
from benchmarks.servers import Servers
from capsa import DatabaseUrl
from stoic_emperor.cli.commands import COMMANDS
from stoic_emperor.cli.overview import show_memory
from stoic_emperor.companion import Companion, Event, Finished, Piece
from stoic_emperor.config import MemorySettings
from stoic_emperor.infrastructure.database import Database
from stoic_emperor.infrastructure.person import Person
from stoic_emperor.library import PSYCHOANALYSIS, Library
from stoic_emperor.memory.caching import CachingEmbedder
from stoic_emperor.memory.forgetting import Forgetting
from stoic_emperor.memory.recall import Recall
from stoic_emperor.models import Message, Role
from stoic_emperor.testing.models import FakeModel

_TURNS = 100
#: Before them: a database that was just copied is not in memory, as that of a server which somebody talks to is.
_BEFORE = 30
_TURNS_OF_A_SESSION = 10
#: What a person types: a word or two, a sentence, a paragraph.
_LENGTHS = (3, 15, 40, 80)
#: Transactions of a turn that write: what was said and an empty reply, the record, the reply.
_COMMITS = 3


def run(rows: int, servers: Servers) -> Iterator[Figure]:
    """See the module."""
    with tempfile.TemporaryDirectory() as folder:
        path = talk.copied(talk.sqlite(2 * rows, rows), Path(folder))
        yield from _measure("SQLite", f"sqlite:///{path}", rows)
    with servers.copied(talk.postgres(2 * rows, rows, servers)) as url:
        yield from _measure("PostgreSQL", url, rows)


def _measure(name: str, url: str, rows: int) -> Iterator[Figure]:
    with Database(DatabaseUrl.parse(url)) as database:
        person = database.person(talk.PERSON)
        first, turns, commits = _turns(database, person, rows)
        seconds = [turn.seconds for turn in turns]
        yield at_most(
            50,
            what=f"{name}: a turn, p95",
            ours=milliseconds(seconds, 95),
            unit="ms",
            beside=milliseconds(commits, 95),
            beside_what=f"{_COMMITS} commits",
            detail={
                "median": milliseconds(seconds),
                "least": milliseconds(seconds, 0),
                "commits, median": milliseconds(commits),
            },
        )
        for what, taken in (
            ("until the first words can be shown, median", [turn.first for turn in turns]),
            ("after that, median", [turn.seconds - turn.first for turn in turns]),
            ("of a processor, median", [turn.processor for turn in turns]),
            ("of a processor, until the first words, median", [turn.processor_first for turn in turns]),
        ):
            yield Figure(what=f"{name}: a turn, {what}", ours=milliseconds(taken), unit="ms")
        yield Figure(what=f"{name}: the first turn of a process", ours=first * 1000, unit="ms")
        conversation = cast("Any", SimpleNamespace(person=person))
        for what, read in (
            (f"/sessions, of {2 * rows // talk.SESSION:,}", lambda: COMMANDS["sessions"](conversation, "")),
            ("/memory, 1,000 insights", lambda: show_memory(person)),
        ):
            yield Figure(what=f"{name}: {what}", ours=milliseconds(_shown(read)), unit="ms")
        yield from _forgetting(name, database, person)


@dataclass(frozen=True, slots=True)
class _Turn:
    """Seconds of one turn."""

    #: Until the first words, and in all.
    first: float
    seconds: float
    processor_first: float
    processor: float


def _turns(database: Database, person: Person, rows: int) -> tuple[float, list[_Turn], list[float]]:
    """Seconds of the first turn, those of each of the others, and of as many commits as a turn has."""
    embedder = CachingEmbedder(talk.TableEmbedder(rows))
    library = Library(database.engine, embedder)
    chance = np.random.default_rng(5)
    companion = Companion(
        database,
        model=FakeModel([_quoting(library, number, chance) for number in chance.integers(0, rows, _BEFORE + _TURNS)]),
        libraries=(library, Library(database.engine, embedder, collection=PSYCHOANALYSIS)),
        embedder=embedder,
        memory=MemorySettings(),
    )
    turns: list[_Turn] = []
    commits: list[float] = []
    cited: list[bool] = []

    async def talking() -> None:
        session = person.begin_session()
        for turn in range(_BEFORE + _TURNS):
            if turn % _TURNS_OF_A_SESSION == 0:
                session = person.begin_session()
            (said,) = talk.prose(_LENGTHS[turn % len(_LENGTHS)], chance, 1)
            started, processor = time.perf_counter(), time.process_time()
            first: tuple[float, float] | None = None
            last: Event | None = None
            async for event in companion.reply(person.user_id, session.id, said):
                last = event
                if first is None and isinstance(event, Piece):
                    first = time.perf_counter() - started, time.process_time() - processor
            assert first is not None
            turns.append(_Turn(first[0], time.perf_counter() - started, first[1], time.process_time() - processor))
            if not isinstance(last, Finished) or len(last.sources) != 1 or not last.passages:
                raise AssertionError(f"not a turn as it should be: {last}")
            cited.append(last.sources[0].startswith("Nobody, Book "))
            commits.append(_commits(person, session.id))

    asyncio.run(talking())
    # Fifteen words that are all frequent ones may stand in more passages than are looked at.
    if sum(cited) < 0.9 * len(cited):
        raise AssertionError(f"only {sum(cited)} of {len(cited)} quotations were found")
    return turns[0].seconds, turns[_BEFORE:], commits[_BEFORE:]


def _quoting(library: Library, number: int, chance: np.random.Generator) -> str:
    """A reply of two paragraphs that quotes a passage word for word."""
    passage = library.get(f"p{number}")
    assert passage is not None
    words = passage.text.split()
    first = int(chance.integers(0, len(words) - 15))
    before, after = talk.prose(40, chance, 2)
    return f"{before}\n\n“{' '.join(words[first : first + 15])}”, as I once wrote. {after}"


def _commits(person: Person, session_id: str) -> float:
    """Seconds of as many bare inserts as a turn has transactions that write, each committed; undone at the end."""
    engine = person.database.engine
    statement = person.database.statement("add_message")
    blank = Message(session_id=session_id, role=Role.USER, content="bare")
    seconds = 0.0
    ids = [f"{blank.id}{number}" for number in range(_COMMITS)]
    for id_ in ids:
        values = person.database.rows.parameters(
            {
                "user_id": person.user_id,
                **blank.model_dump(exclude={"psych_update", "status"}),
                "id": id_,
                "psych_update": None,
                "status": "complete",
            }
        )
        started = time.perf_counter()
        with engine.write(person.user_id) as tx:
            tx.execute(statement, values)
        seconds += time.perf_counter() - started
    with engine.write(person.user_id) as tx:
        for id_ in ids:
            tx.execute("DELETE FROM messages WHERE user_id = :user AND id = :id", {"user": person.user_id, "id": id_})
    return seconds


def _shown(read: Callable[[], object]) -> list[float]:
    """Seconds of three times; what is written goes nowhere."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            read()
        seconds.append(time.perf_counter() - started)
    return seconds


def _forgetting(name: str, database: Database, person: Person) -> Iterator[Figure]:
    """One turn with all that came of it; then what leaves no trace in the files, where it is the size that counts."""
    said = next(message for message in person.recent_messages(10) if message.role == Role.USER)
    database.scrub_later(lambda: ())
    forgetting = Forgetting(person, Recall(database.store, person.user_id))
    started = time.perf_counter()
    receipt = forgetting.named(said.id)
    yield Figure(what=f"{name}: /forget of one turn", ours=time.perf_counter() - started, unit="s")
    if receipt.erased["messages"] != 2 or receipt.erased["episodic"] != 1:
        raise AssertionError(receipt)
    started = time.perf_counter()
    database.engine.scrub()
    yield Figure(what=f"{name}: scrubbing after it, beside the person", ours=time.perf_counter() - started, unit="s")
