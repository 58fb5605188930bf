"""Where each record's vector is: the labels and positions of the indexes, and the operations of the queue.

The maps of an index may have millions of entries, so they are kept in a scratch database on disk, beside
the private copy. The queue gets an index there, which Chroma does not give it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from capsa import SourceUnreadable
from stoic_emperor.legacy.chroma.id_map import IdMap, InvalidIdMap, read_id_map
from stoic_emperor.legacy.chroma.layout import Segments
from stoic_emperor.legacy.chroma.private_copy import PrivateCopy
from stoic_emperor.legacy.chroma.records import ChromaCollection
from stoic_emperor.legacy.chroma.replay import Held, Operation, Place, Step, replay_vector
from stoic_emperor.legacy.chroma.vector_index import ID_MAP_FILE, Elements, InvalidIndex

_SCRATCH = """
PRAGMA scratch.synchronous = OFF;
CREATE TABLE scratch.labels (
    segment INTEGER, id TEXT, label INTEGER, PRIMARY KEY (segment, id), UNIQUE (segment, label)
) WITHOUT ROWID;
CREATE TABLE scratch.elements (
    segment INTEGER, label INTEGER, position INTEGER, deleted INTEGER, copies INTEGER DEFAULT 1,
    PRIMARY KEY (segment, label)
) WITHOUT ROWID;
CREATE TABLE scratch.strays (segment INTEGER, key INTEGER, id TEXT, PRIMARY KEY (segment, key)) WITHOUT ROWID;
"""
_ADD_LABEL = "INSERT INTO scratch.labels VALUES (?, ?, ?)"
_ADD_ELEMENT = (
    "INSERT INTO scratch.elements (segment, label, position, deleted) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET copies = copies + 1"
)
_ROWS_AT_ONCE = 2000
_QUEUE_INDEX = "CREATE INDEX IF NOT EXISTS main.stoic_queue ON embeddings_queue (topic, id)"


class Who(NamedTuple):
    """An id, as a query that gives it: an id that is not UTF-8 can be looked up, but not passed on."""

    query: str
    parameters: tuple[int | str, ...]


#: What damaged files do to single vectors; what Chroma itself has lost is called otherwise.
_CUT_OFF = "the file of its vector index is cut off before it"
_UNREADABLE = "its vector cannot be read"

#: The position of an element in its index; None if the index has none; or why that cannot be told.
Indexed = int | None | str


@dataclass(frozen=True, slots=True)
class Found:
    """A vector, or why there is none."""

    vector: bytes | None
    flaw: str | None = None


def prepare(copy: PrivateCopy) -> None:
    """Make the scratch database and the index on the copy's queue."""
    connection = copy.connection
    connection.execute("PRAGMA query_only = OFF")
    # Sorting a large queue must not take memory; and a copy that dies with us needs no journal.
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("PRAGMA main.synchronous = OFF")
    connection.execute("ATTACH ? AS scratch", (str(copy.scratch),))
    connection.executescript(_SCRATCH)
    copy.scratch.chmod(0o600)
    connection.execute(_QUEUE_INDEX)


def queue_is_whole(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever taken out of the queue."""
    count, first, last = connection.execute(
        "SELECT count(*), min(seq_id), max(seq_id) FROM embeddings_queue"
    ).fetchone()
    return bool(count == 0 or (first == 1 and count == last))


class Places:
    """Of one collection."""

    def __init__(self, copy: PrivateCopy, collection: ChromaCollection, segments: Segments) -> None:
        self._connection = copy.connection
        self._collection = collection
        self.segments = segments
        self._elements: Elements | None = None
        self._whole_queue = queue_is_whole(copy.connection)
        #: Why the index cannot be used, if it cannot.
        self.broken: str | None = None
        self.followed = segments.vector_seq or 0
        folder = copy.index(segments.vector)
        if folder is not None:
            self._load(folder)
        elif self.followed:
            self.broken = "the files of its vector index are missing"

    def _load(self, folder: Path) -> None:
        try:
            said = self._load_labels(folder / ID_MAP_FILE)
            if self.segments.vector_seq is None:
                # Up to 0.5 only the id map says it; since then only the table, even if an old id map remains.
                self.followed = said.max_seq_id or 0
            self._elements = Elements(folder, cosine=self._collection.space == "cosine")
            self._check(self._elements)
            self._load_elements(self._elements)
        except InvalidIdMap as error:
            self._give_up(f"{ID_MAP_FILE} of its vector index cannot be used: {error}")
        except InvalidIndex as error:
            self._give_up(f"its vector index cannot be used: {error}")
        except FileNotFoundError as error:
            self._give_up(f"its vector index lacks {Path(str(error.filename)).name}")

    def _give_up(self, reason: str) -> None:
        self.broken = reason
        for table in ("labels", "elements"):
            self._connection.execute(f"DELETE FROM scratch.{table} WHERE segment = ?", (self.segments.number,))

    def _check(self, elements: Elements) -> None:
        dimension = self._collection.dimension
        if dimension is not None and elements.header.dimension != dimension:
            raise InvalidIndex(
                f"it holds vectors of {elements.header.dimension} numbers, the collection of {dimension}"
            )

    def _load_labels(self, file: Path) -> IdMap:
        number = self.segments.number
        try:
            with file.open("rb") as opened, _Bulk(self._connection, _ADD_LABEL) as bulk:
                return read_id_map(opened, lambda id_, label: bulk.add((number, id_, label)))
        except sqlite3.IntegrityError:
            raise InvalidIdMap("an id or a label is in it twice") from None

    def _load_elements(self, elements: Elements) -> None:
        with _Bulk(self._connection, _ADD_ELEMENT) as bulk:
            for label, position, deleted in elements.labels():
                # Beyond what SQLite's integers hold it is none of ours: labels count from 1.
                if label < 1 << 63:
                    bulk.add((self.segments.number, label, position, int(deleted)))

    @property
    def damaged(self) -> bool:
        """Whether files of the index are damaged: `is_damage` tells of each vector whether it is lost for that."""
        return self.broken is not None or (self._elements is not None and self._elements.damaged)

    def is_damage(self, flaw: str | None) -> bool:
        """Whether a vector is missing because files of the index are damaged."""
        return flaw is not None and (flaw in {self.broken, _CUT_OFF} or flaw.startswith(_UNREADABLE))

    def close(self) -> None:
        if self._elements is not None:
            self._elements.close()

    # Looking up

    def steps(self, who: Who) -> list[Step]:
        """The operations on one id, in order."""
        rows = self._queue("q.seq_id, q.operation, q.vector IS NOT NULL", who)
        return [Step(seq, _operation(operation), bool(has)) for seq, operation, has in rows]

    def changes(self, who: Who) -> Iterator[tuple[int, Operation, str | None, str | None]]:
        """Seq, operation, metadata and time of what the records themselves do not show yet."""
        for seq, operation, metadata, created_at in self._queue("q.seq_id, q.operation, q.metadata, q.created_at", who):
            if seq > self.segments.metadata_seq:
                yield seq, _operation(operation), metadata, created_at

    def _queue(self, select: str, who: Who) -> Iterator[tuple[Any, ...]]:
        for topic in self.segments.topics:
            yield from self._connection.execute(
                f"SELECT {select} FROM embeddings_queue AS q WHERE q.topic = ? AND q.id = ({who.query}) "
                "ORDER BY q.seq_id",
                (topic, *who.parameters),
            ).fetchall()

    def in_index(self, who: Who) -> Indexed:
        """Where in the index an id's vector is."""
        if self.broken:
            return self.broken
        row = self._connection.execute(
            "SELECT x.position, x.deleted, x.copies FROM scratch.labels AS l LEFT JOIN scratch.elements AS x "
            f"ON x.segment = l.segment AND x.label = l.label WHERE l.segment = ? AND l.id = ({who.query})",
            (self.segments.number, *who.parameters),
        ).fetchone()
        if row is None:
            return None
        position, deleted, copies = row
        if position is None:
            cut = self._elements is not None and self._elements.cut_off
            return _CUT_OFF if cut else "its vector index lacks it"
        if copies > 1:
            return "its vector index has two vectors under its label"
        return "its vector index has it marked as deleted" if deleted else int(position)

    def place(self, steps: list[Step], indexed: Indexed, added_at: int | None) -> Place:
        """Where the vector is: what the index has not followed is replayed on it.

        Where the index cannot tell, the whole queue is asked, which tells only what is certain.
        """
        newer = [step for step in steps if step.seq > self.followed]
        start = Held.NOWHERE if indexed is None else Held.UNKNOWN if isinstance(indexed, str) else Held.INDEX
        place = replay_vector(start, newer, added_at)
        if place is Held.UNKNOWN or (place is Held.NOWHERE and added_at is not None):
            place = replay_vector(Held.NOWHERE if self._whole_queue else Held.UNKNOWN, steps, added_at)
        return place

    def fetch(self, place: Place, indexed: Indexed) -> Found:
        """The vector at a place."""
        if isinstance(place, int):
            return self._check_length(*self._from_queue(place))
        if place is Held.INDEX and isinstance(indexed, int) and self._elements is not None:
            try:
                return self._check_length(self._elements.vector(indexed), None)
            except InvalidIndex as error:
                return Found(None, f"{_UNREADABLE}: {error}")
        if isinstance(indexed, str):
            return Found(None, indexed)
        return Found(None, "Chroma has no vector of it")

    def _from_queue(self, seq: int) -> tuple[bytes | None, str | None]:
        vector, encoding = self._connection.execute(
            "SELECT vector, encoding FROM embeddings_queue WHERE seq_id = ?", (seq,)
        ).fetchone()
        if encoding != "FLOAT32" or not isinstance(vector, bytes):
            return None, f"its vector is encoded as {encoding}, which is not known"
        return vector, None

    def _check_length(self, vector: bytes | None, flaw: str | None) -> Found:
        dimension = self._collection.dimension
        if vector is not None and len(vector) % 4:
            return Found(vector, f"its vector has {len(vector)} bytes, which are no float32 numbers")
        if vector is not None and dimension is not None and len(vector) != 4 * dimension:
            return Found(vector, f"its vector has {len(vector) // 4} numbers, its collection's have {dimension}")
        return Found(vector, flaw)


def _operation(value: object) -> Operation:
    try:
        return Operation(value)  # type: ignore[arg-type]
    except ValueError:
        raise SourceUnreadable(f"the queue of chroma.sqlite3 has an operation {value!r}, which is not known") from None


class _Bulk:
    """Many rows of one statement in one transaction."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement
        self._rows: list[tuple[Any, ...]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        self._connection.executemany(self._statement, self._rows)
        self._rows.clear()

    def __enter__(self) -> Self:
        self._connection.execute("BEGIN")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            self._connection.execute("ROLLBACK")
            return
        try:
            self._flush()
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
