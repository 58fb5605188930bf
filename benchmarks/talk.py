"""A made-up database of Stoic Emperor: one person with nearly all messages, twenty others, and a large library.

Half of the messages are the person's words and can be searched. Of one person's messages all but the last turns are
condensed, level on level, and a thousand insights were taken from them, as it is after years.
"""

from __future__ import annotations

import datetime as dt
import functools
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks import data, places
from benchmarks.servers import Servers
from capsa import PUBLIC_OWNER, Database, Record, Store
from stoic_emperor.infrastructure.database import Database as Stoic
from stoic_emperor.library import STOIC_WISDOM
from stoic_emperor.memory.recall import EPISODIC, SEMANTIC

#: The person who is measured.
PERSON = "anna"
_OTHERS = 20
_OTHERS_SHARE = 0.2
#: Messages of a conversation.
SESSION = 20
_INSIGHTS = 1_000
_UNCONDENSED = 200
#: Messages of a summary, and summaries of a summary.
_CONDENSED, _LEVEL = 100, 8
_ACTIVE = 10

_BATCH = 5_000
_START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_STEP = dt.timedelta(minutes=20)
_WORDS_SAID, _WORDS_ANSWERED, _WORDS_OF_A_PASSAGE = 40, 80, 120


class TableEmbedder:
    """Vectors like those of the made-up rows, from a table: no time of a model is measured."""

    name = data.MODEL
    dimensions = data.DIMENSIONS

    def __init__(self, rows: int) -> None:
        """The table is drawn here."""
        self._vectors = data.queries(rows, 1_000)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same text has the same vector."""
        return self._vectors[[zlib.crc32(text.encode()) % len(self._vectors) for text in texts]]


def prose(words: int, chance: np.random.Generator, texts: int) -> list[str]:
    """Sentences of made-up words by Zipf's law: the most frequent are what "the" and "and" are in English."""
    ranks = np.searchsorted(_zipf(), chance.random((texts, words))).clip(max=len(_zipf()) - 1)
    return [_sentences(row) for row in np.array(data.vocabulary())[ranks].tolist()]


@functools.cache
def _zipf() -> NDArray[np.float64]:
    weights = 1 / np.arange(1, len(data.vocabulary()) + 1) ** 1.05
    return np.cumsum(weights / weights.sum())


def _sentences(words: list[str]) -> str:
    return " ".join(f"{' '.join(words[at : at + 12]).capitalize()}." for at in range(0, len(words), 12))


def sqlite(messages: int, passages: int) -> Path:
    """A file in the cache, made once."""
    path = places.databases() / f"talk_{messages}_{passages}.db"
    if not path.exists():
        part = path.with_suffix(".part")
        for left in path.parent.glob(part.name + "*"):
            left.unlink()
        with Stoic(f"sqlite:///{part}") as database:
            _fill(database, messages, passages)
        part.rename(path)
        part.with_name(part.name + "-lock").unlink(missing_ok=True)
    return path


def copied(path: Path, folder: Path) -> Path:
    """A copy to write to."""
    return Path(shutil.copy(path, folder / "talk.db"))


def postgres(messages: int, passages: int, servers: Servers) -> str:
    """The URL of a database in the cache, made once."""
    name = f"talk_{messages}_{passages}"
    url = servers.kept(name)
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regclass('benchmark_complete')").fetchone() != (None,):
            return url
    servers.drop(name)
    url = servers.kept(name)
    with Stoic(url) as database:
        _fill(database, messages, passages)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CREATE TABLE benchmark_complete ()")
    return url


def _fill(database: Stoic, messages: int, passages: int) -> None:
    engine = database.engine
    print(f"  loading {engine.dialect}: {messages:,} messages, {passages:,} passages", flush=True)
    store = Store(engine)
    chance = np.random.default_rng(11)
    for records, vectors in _passages(passages, chance):
        with engine.maintain() as tx:
            store.collection(STOIC_WISDOM, owner=PUBLIC_OWNER).add(records, vectors=vectors, model=data.MODEL, tx=tx)
    theirs = round(messages * _OTHERS_SHARE / _OTHERS)
    people = {PERSON: messages - theirs * _OTHERS} | {f"other{i}": theirs for i in range(_OTHERS)}
    for user_id, count in people.items():
        _talk(database, store, user_id, count, chance)
    _remember(database, store, people[PERSON], chance)
    for name, owner in ((STOIC_WISDOM, PUBLIC_OWNER), (EPISODIC, PERSON), (SEMANTIC, PERSON)):
        store.collection(name, owner=owner).maintain()


def _passages(count: int, chance: np.random.Generator) -> Iterator[tuple[list[Record], list[NDArray[np.float32]]]]:
    for first in range(0, count, _BATCH):
        size = min(_BATCH, count - first)
        yield (
            [
                Record(
                    id=f"p{first + i}",
                    text=text,
                    session_id=f"f{(first + i) // 500}",
                    metadata={
                        "author": "Nobody",
                        "work": f"Book {(first + i) // 500}",
                        "place": f"1.{i}",
                        "file": f"book{(first + i) // 500}.txt",
                        "position": first + i,
                    },
                )
                for i, text in enumerate(prose(_WORDS_OF_A_PASSAGE, chance, size))
            ],
            list(data.vectors(count, first, size)),
        )


def _talk(database: Stoic, store: Store, user_id: str, count: int, chance: np.random.Generator) -> None:
    """Conversations of one person, all analysed; what they said is searchable."""
    engine = database.engine
    with engine.maintain() as tx:
        tx.execute(
            "INSERT INTO users (id, name, created_at, asked_at, consent_at) VALUES (:id, :id, :at, :at, :at)",
            {"id": user_id, "at": engine.time(_START)},
        )
        tx.execute_many(
            "INSERT INTO sessions (user_id, id, created_at) VALUES (:user_id, :id, :at)",
            [
                {"user_id": user_id, "id": _session(user_id, at), "at": engine.time(_START + _STEP * at)}
                for at in range(0, count, SESSION)
            ],
        )
    condensed = count - _UNCONDENSED if user_id == PERSON else 0
    for first in range(0, count, _BATCH):
        turns = (min(_BATCH, count - first) + 1) // 2
        said, answered = prose(_WORDS_SAID, chance, turns), prose(_WORDS_ANSWERED, chance, turns)
        rows, records = [], []
        for turn in range(turns):
            for role, text, at in (
                ("user", said[turn], first + 2 * turn),
                ("emperor", answered[turn], first + 2 * turn + 1),
            ):
                when = _START + _STEP * at
                rows.append(
                    {
                        "user_id": user_id,
                        "id": _message(user_id, at),
                        "session_id": _session(user_id, at),
                        "role": role,
                        "content": text,
                        "at": engine.time(when),
                        "into": f"{user_id}-1-{at // _CONDENSED}" if at < condensed else None,
                    }
                )
                if role == "user":
                    records.append(
                        Record(id=_message(user_id, at), text=text, session_id=_session(user_id, at), created_at=when)
                    )
        vectors = data.vectors(count, first, len(records))
        with engine.maintain() as tx:
            tx.execute_many(
                "INSERT INTO messages (user_id, id, session_id, role, content, created_at, semantic_processed_at, "
                "condensed_into) VALUES (:user_id, :id, :session_id, :role, :content, :at, :at, :into)",
                rows,
            )
        store.collection(EPISODIC, owner=user_id).add(records, vectors=list(vectors), model=data.MODEL)


def _session(user_id: str, at: int) -> str:
    return f"s{zlib.crc32(user_id.encode()):08x}{at // SESSION:08x}"


def _message(user_id: str, at: int) -> str:
    # As random as a real id, so that no index is filled in order.
    return f"{zlib.crc32(f'{user_id}{at}'.encode()):08x}{at:08x}"


def _remember(database: Stoic, store: Store, count: int, chance: np.random.Generator) -> None:
    """Insights and summaries of the person."""
    engine = database.engine
    times = [_START + _STEP * int(at) for at in np.linspace(0, count - 2, _INSIGHTS)]
    sources = [_message(PERSON, int(at) // 2 * 2) for at in np.linspace(0, count - 2, _INSIGHTS)]
    insights = prose(12, chance, _INSIGHTS)
    with engine.maintain() as tx:
        tx.execute_many(
            "INSERT INTO semantic_insights (user_id, id, source_message_id, assertion, confidence, created_at) "
            "VALUES (:user_id, :id, :source, :text, 0.8, :at)",
            [
                {"user_id": PERSON, "id": f"i{number:07x}", "source": source, "text": text, "at": engine.time(at)}
                for number, (source, text, at) in enumerate(zip(sources, insights, times, strict=True))
            ],
        )
        tx.execute_many(
            "INSERT INTO condensed_summaries (user_id, id, level, content, period_start, period_end, "
            "source_message_count, source_word_count, created_at, condensed_into) VALUES (:user_id, :id, :level, "
            ":text, :first, :last, :messages, :words, :last, :into)",
            list(_summaries(engine, count, chance)),
        )
    store.collection(SEMANTIC, owner=PERSON).add(
        [
            Record(id=f"i{number:07x}", text=text, created_at=at)
            for number, (text, at) in enumerate(zip(insights, times, strict=True))
        ],
        vectors=list(data.vectors(_INSIGHTS, 0, _INSIGHTS)),
        model=data.MODEL,
    )


def _summaries(engine: Database, count: int, chance: np.random.Generator) -> Iterator[dict[str, object]]:
    level, there, messages = 1, -(-(count - _UNCONDENSED) // _CONDENSED), _CONDENSED
    while there > 0:
        # The newest of each level still stand for themselves.
        above = max(0, there - _ACTIVE) // _LEVEL
        for number, text in enumerate(prose(250, chance, there)):
            yield {
                "user_id": PERSON,
                "id": f"{PERSON}-{level}-{number}",
                "level": level,
                "text": text,
                "first": engine.time(_START + _STEP * number * messages),
                "last": engine.time(_START + _STEP * (number + 1) * messages),
                "messages": messages,
                "words": messages * _WORDS_SAID,
                "into": f"{PERSON}-{level + 1}-{number // _LEVEL}" if number < above * _LEVEL else None,
            }
        level, there, messages = level + 1, above, messages * _LEVEL
