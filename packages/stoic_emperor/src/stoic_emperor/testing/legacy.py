"""For tests: databases as the predecessor's versions wrote them, with the values that each of them wrote.

    old = OldDatabase(path, Version.V1)
    old.user("anna")
    session = old.session("anna")
    old.turn(session, "I slept badly", "And what of it is yours to change?")
    old.close()

Made up from the published layouts; SQLite's own module is all it needs.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
import random
import sqlite3
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stoic_emperor.testing import _legacy_layouts as layouts

DIMENSIONS = 384


class Version(enum.Enum):
    """The predecessor's layouts of a SQLite file."""

    #: 811642f, the only one beside ChromaDB.
    V1 = "v1"
    #: ed056f0: summaries, and the vectors in the same file.
    V2 = "v2"
    #: 6d96917: the same tables, another number.
    V4 = "v4"
    #: 897c2b3 and later: made by an ORM.
    V4_ORM = "v4 (ORM)"


class OldDatabase:
    """A file under the predecessor's hands."""

    def __init__(self, path: Path, version: Version = Version.V1, start: dt.datetime | None = None) -> None:
        """Make a new file as a version makes it.

        Args:
            start: the naive local time of the first row; each one after it is some seconds later.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.connection = sqlite3.connect(path)
        self._now = start or dt.datetime(2026, 1, 27, 10, 0)  # noqa: DTZ001 - the predecessor's times have no zone
        self._count = 0
        self._version = version
        self._make(version)

    def _make(self, version: Version) -> None:
        run = self.connection.executescript
        if version is Version.V4_ORM:
            run(layouts.ORM)
            self._insert("schema_version", version=4, applied_at=self.spell(self._now))
        else:
            run(layouts.V1 if version is Version.V1 else layouts.V1 + layouts.V2)
            numbers = {Version.V1: (1,), Version.V2: (1, 2), Version.V4: (1, 2, 3, 4)}[version]
            for number in numbers:
                self._insert("schema_version", version=number)
        if version is not Version.V1:
            for table in layouts.VECTOR_TABLES:
                run(layouts.VECTORS.format(table=table))

    def upgrade(self, version: Version) -> None:
        """Open the file with a later version, as its users did: what is there stays as it is."""
        run = self.connection.executescript
        if version is Version.V4_ORM:
            columns = {row[1] for row in self.connection.execute("PRAGMA table_info(users)")}
            if "name" not in columns:
                run("ALTER TABLE users ADD COLUMN name VARCHAR")
            run(layouts.ORM)
            self.connection.execute(
                "INSERT OR IGNORE INTO schema_version (version, applied_at) VALUES (4, ?)", (self.spell(self._now),)
            )
        elif self._version is Version.V1:
            run(layouts.V2)
            self._insert("schema_version", version=2)
        for table in layouts.VECTOR_TABLES:
            run(layouts.VECTORS.format(table=table))
        self._version = version

    # Values as the version spells them

    @property
    def _by_orm(self) -> bool:
        return self._version is Version.V4_ORM

    def spell(self, when: dt.datetime) -> str:
        """A time as this version writes it."""
        return when.strftime("%Y-%m-%d %H:%M:%S.%f") if self._by_orm else when.isoformat()

    def tick(self) -> dt.datetime:
        """The time of the next row; every seventh is a whole second."""
        self._count += 1
        self._now += dt.timedelta(seconds=41, microseconds=123_457)
        return self._now.replace(microsecond=0) if self._count % 7 == 0 else self._now

    def spell_json(self, value: Any, *, compact: bool = False) -> str | None:
        """A JSON column as this version writes it: nothing is NULL, and by the ORM the text null."""
        if value is None:
            return "null" if self._by_orm else None
        if compact and self._version is Version.V1:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return json.dumps(value)

    def _id(self, kind: str) -> str:
        return hashlib.sha256(f"{self.path.name} {kind} {self._count} {self._now}".encode()).hexdigest()[:32]

    def _insert(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))

    # Rows

    def user(self, id: str, name: str | None = None) -> str:
        """Somebody; only later versions know names."""
        values = {"id": id, "created_at": self.spell(self.tick())}
        if name is not None:
            values["name"] = name
        self._insert("users", **values)
        return id

    def session(self, user_id: str, metadata: Mapping[str, Any] | None = None) -> str:
        """A conversation; its id."""
        when = self.tick()
        id_ = self._id("session")
        self._insert(
            "sessions",
            id=id_,
            user_id=user_id,
            created_at=self.spell(when),
            metadata=self.spell_json(dict(metadata or {})),
        )
        return id_

    def turn(self, session_id: str, said: str, reply: str, *, processed: bool = True) -> tuple[str, str]:
        """What somebody said and the reply with its analysis; their ids."""
        update = {
            "detected_patterns": ["catastrophizing"],
            "emotional_state": "uneasy – 不安",
            "stoic_principle_applied": "dichotomy of control",
            "suggested_next_direction": "Ask about the morning",
            "confidence": 0.7,
        }
        if self._by_orm:
            update["semantic_assertions"] = []
        first = self.message(session_id, "user", said)
        second = self.message(session_id, "emperor", reply, update, processed=processed)
        return first, second

    def message(self, session_id: str, role: str, content: str, update: Any = None, *, processed: bool = False) -> str:
        """One thing that was said; its id."""
        when = self.tick()
        id_ = self._id("message")
        self._insert(
            "messages",
            id=id_,
            session_id=session_id,
            role=role,
            content=content,
            psych_update=self.spell_json(update, compact=True),
            created_at=self.spell(when),
            semantic_processed_at=self.spell(when) if processed else None,
        )
        return id_

    def insight(self, user_id: str, message_id: str, assertion: str, confidence: Any = 0.8) -> str:
        """Something remembered; its id."""
        when = self.tick()
        id_ = self._id("insight")
        self._insert(
            "semantic_insights",
            id=id_,
            user_id=user_id,
            source_message_id=message_id,
            assertion=assertion,
            confidence=confidence,
            created_at=self.spell(when),
        )
        return id_

    def summary(
        self, user_id: str, first: str, last: str, *, level: int = 1, sources: Sequence[str] = (), content: str = ""
    ) -> str:
        """A summary of everything between two times, as they are spelled; its id."""
        when = self.tick()
        id_ = self._id("summary")
        self._insert(
            "condensed_summaries",
            id=id_,
            user_id=user_id,
            level=level,
            content=content or f"Between {first} and {last} they spoke of sleep.",
            period_start=first,
            period_end=last,
            source_message_count=2,
            source_word_count=20,
            source_summary_ids=json.dumps(list(sources)),
            consensus_log=self.spell_json({"rounds": 2} if level == 1 else None),
            created_at=self.spell(when),
        )
        return id_

    def profile(self, user_id: str, version: int, content: str) -> str:
        """A portrait; its id."""
        when = self.tick()
        id_ = self._id("profile")
        self._insert(
            "profiles",
            id=id_,
            user_id=user_id,
            version=version,
            content=content,
            consensus_log=self.spell_json({"consensus_reached": True} if version % 2 else None),
            created_at=self.spell(when),
        )
        return id_

    def vector(
        self, table: str, id: str, document: str, numbers: Sequence[float] | None, metadata: Mapping[str, Any]
    ) -> None:
        """A text with its vector; the time is SQLite's."""
        written = None if numbers is None else json.dumps(list(numbers))
        self._insert(table, id=id, document=document, embedding=written, metadata=json.dumps(dict(metadata)))

    def time_of(self, table: str, id: str, column: str = "created_at") -> str:
        """How a row's time is spelled."""
        ((spelled,),) = self.connection.execute(f"SELECT {column} FROM {table} WHERE id = ?", (id,)).fetchall()
        return str(spelled)

    def close(self) -> None:
        """Write everything, and let go of the file."""
        self.connection.commit()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def network_vector(seed: int) -> list[float]:
    """384 numbers of length 1, each exactly a float32, as a network gives them."""
    chance = random.Random(seed)  # noqa: S311 - the same every time
    raw = [chance.gauss(0, 1) for _ in range(DIMENSIONS)]
    length = sum(number * number for number in raw) ** 0.5
    return [struct.unpack("<f", struct.pack("<f", number / length))[0] for number in raw]


def hashed_vector(text: str) -> list[float]:
    """384 numbers of length 1: the words counted in the places and with the signs that a hash gives them."""
    counts = [0] * DIMENSIONS
    for word in text.lower().split():
        digest = hashlib.sha256(word.encode()).digest()
        counts[int.from_bytes(digest[:4], "big") % DIMENSIONS] += 1 if digest[4] % 2 else -1
    length = sum(count * count for count in counts) ** 0.5 or 1.0
    return [count / length for count in counts]


def write_past(old: OldDatabase, people: Sequence[str] = ("anna", "ben"), turns: int = 6) -> None:
    """Some months of conversations of some people, with what was remembered of them."""
    for user_id in people:
        old.user(user_id)
        first = old.session(user_id, {"source": "import", "file": f"Tagebuch von {user_id}.md"})
        second = old.session(user_id)
        for number in range(turns):
            said, reply = old.turn(
                first if number < turns // 2 else second,
                f"{user_id}: morning {number}, “I slept badly” – 眠れない 🎈",
                f"Reply {number}: what of it is yours to change?",
                processed=number % 3 != 2,
            )
            old.insight(
                user_id, reply if number % 2 else said, f"{user_id} sleeps badly ({number})", 0.5 + number / 100
            )
        old.profile(user_id, 1, f"# Profile\n\n**{user_id}** – patience. 忍耐")
        old.profile(user_id, 2, "# Profile v2")
    old.connection.commit()


def write_chained(path: Path) -> None:
    """One file used across all versions: every kind of value that a real one may mix."""
    with OldDatabase(path, Version.V1) as old:
        write_past(old, ("anna",))
        # Rows that the program let SQLite date: in UTC, in its own spelling.
        old.connection.execute("INSERT INTO users (id) VALUES ('dated by sqlite')")
        old.connection.execute(
            "INSERT INTO sessions (id, user_id, created_at) VALUES ('utc', 'dated by sqlite', '2026-01-27 10:00:00')"
        )
        old.upgrade(Version.V2)
        write_past(old, ("ben",), turns=8)
        _condense(old, "ben")
        _remember(old, "ben", network=True)
        old.upgrade(Version.V4_ORM)
        old.user("carla", name="Carla – カルラ")
        session = old.session("carla")
        for number in range(4):
            old.turn(session, f"carla {number}", f"reply {number}", processed=False)
        write_past(old, ("dora",), turns=4)
        _condense(old, "dora")
        _remember(old, "dora", network=False)


def _condense(old: OldDatabase, user_id: str) -> None:
    """Two summaries of the earliest messages, and one of both."""
    rows = old.connection.execute(
        "SELECT m.created_at FROM messages m JOIN sessions s ON s.id = m.session_id "
        "WHERE s.user_id = ? ORDER BY m.rowid",
        (user_id,),
    ).fetchall()
    times = [row[0] for row in rows]
    first = old.summary(user_id, times[0], times[1])
    second = old.summary(user_id, times[2], times[3])
    old.summary(user_id, times[0], times[3], level=2, sources=[first, second])


def _remember(old: OldDatabase, user_id: str, *, network: bool) -> None:
    insights = old.connection.execute("SELECT id, assertion FROM semantic_insights WHERE user_id = ?", (user_id,))
    for number, (id_, assertion) in enumerate(insights.fetchall()):
        numbers = network_vector(number) if network else hashed_vector(assertion)
        about = {"user_id": user_id, "source_message_id": "m", "confidence": 0.5}
        old.vector("vector_semantic", id_, assertion, numbers, about)
    about = {"user_id": user_id, "session_id": "s", "type": "imported_journal"}
    text = f"A page of {user_id}'s journal"
    old.vector(
        "vector_episodic", f"{user_id}-page", text, network_vector(99) if network else hashed_vector(text), about
    )
    passage = {
        "source": "file.txt",
        "author": "Epictetus",
        "work": f"Handbook {user_id}",
        "classical_tags": "prohairesis",
    }
    text = "Some things are up to us and some are not."
    old.vector(
        "vector_stoic_wisdom",
        f"{user_id}-passage",
        text,
        network_vector(7) if network else hashed_vector(text),
        passage,
    )
