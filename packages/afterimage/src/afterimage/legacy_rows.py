"""Rows of the earlier AfterImage as records.

| earlier | here |
|---|---|
| ``code_memory`` | collection "code": new_code → text, file_path → path, context, session_id, timestamp → created_at |
| its other columns | metadata, under their own names; a NULL is a missing key |
| ``pattern_clusters`` (0.8) | collection "pattern-clusters": normalized_code → text, first_seen → created_at, … |
| ``pattern_members`` (0.8) | collection "pattern-members": no text, timestamp → created_at, the rest → metadata |
| ``ai2b_*``, ``code_memory_fts*`` | not carried: derived from the entries, and built anew as the engine's own index |

A session id too long for a key of the database, which no version of the program made, goes into
the metadata as "session_id".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from json.encoder import encode_basestring
from typing import Any

import numpy as np

from afterimage.entries import COLLECTION, OWNER, PATTERN_CLUSTERS, PATTERN_MEMBERS
from capsa import MAX_KEY_BYTES, transfer

#: The only model the earlier program ever used by default, and the number of its dimensions.
MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384

NOT_SEARCHABLE = "vector kept, not searchable"
BLOB_AS_TEXT = "BLOB in place of text, carried as text"
LONG_SESSION = "session id too long for a key, kept in the metadata"
NO_TIME = "time missing"

_OWNER = OWNER.encode()
_FLOATS = np.dtype("<f4")
#: pgvector's binary form begins with the number of dimensions.
_WIRE_HEADER = transfer.vector_to_wire(bytes(4 * DIMENSIONS))[:4]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of one earlier table go. Columns it does not name go into the metadata."""

    table: str
    collection: str
    id: str
    time: str
    text: str | None = None
    path: str | None = None
    context: str | None = None
    session_id: str | None = None
    embedding: str | None = None
    #: Where a row belongs.
    target: transfer.Table = transfer.RECORDS

    def limited_to(self, columns: Collection[str]) -> Layout:
        """Without the columns that a table lacks."""

        def there(name: str | None) -> str | None:
            return name if name in columns else None

        return replace(
            self,
            text=there(self.text),
            path=there(self.path),
            context=there(self.context),
            session_id=there(self.session_id),
            embedding=there(self.embedding),
        )

    @property
    def texts(self) -> tuple[str | None, ...]:
        """The columns of text, path, context and session id."""
        return (self.text, self.path, self.context, self.session_id)

    @property
    def placed(self) -> tuple[str | None, ...]:
        """The columns that have a place of their own, in the order that `Converter` takes them."""
        return (self.id, self.time, self.text, self.path, self.context, self.session_id, self.embedding)


LAYOUTS = (
    Layout(
        table="code_memory",
        collection=COLLECTION,
        id="id",
        time="timestamp",
        text="new_code",
        path="file_path",
        context="context",
        session_id="session_id",
        embedding="embedding",
    ),
    Layout(
        table="pattern_clusters",
        collection=PATTERN_CLUSTERS,
        id="cluster_id",
        time="first_seen",
        text="normalized_code",
        path="representative_file_path",
    ),
    Layout(
        table="pattern_members",
        collection=PATTERN_MEMBERS,
        id="entry_id",
        time="timestamp",
        path="file_path",
        session_id="session_id",
    ),
)

#: Tables that are made from the entries, and so are not carried but built anew.
DERIVED_PREFIXES = ("ai2b_", "code_memory_fts")


def not_carried(tables: Sequence[str]) -> tuple[str, ...]:
    """What the report says of the other tables of a database."""
    carried = {layout.table for layout in LAYOUTS}
    lines = []
    for name in sorted(set(tables) - carried):
        derived = name.startswith(DERIVED_PREFIXES)
        lines.append(f"table {name}: " + ("derived from the entries, built anew" if derived else "not known here"))
    return tuple(lines)


def layout_name(columns: Sequence[str]) -> str:
    """The version that wrote a ``code_memory`` with these columns."""
    return "AfterImage 0.8" if "content_hash" in columns else "AfterImage 0.1 to 0.7"


class Converter:
    """Makes records of the rows of one table."""

    def __init__(self, layout: Layout, extra: Sequence[str]) -> None:
        """Prepare.

        Args:
            extra: the columns that go into the metadata.
        """
        self._extra = tuple(extra)
        self._collection = layout.collection.encode()
        self.names = tuple(name for name in layout.placed if name) + self._extra

    def record(
        self,
        source_key: str,
        *,
        key: bytes | None,
        texts: Sequence[bytes | None],
        reading: transfer.Reading,
        metadata: dict[str, Any],
        vectors: tuple[transfer.Vector, ...],
        remarks: list[str],
        describe: Callable[[], bytes],
    ) -> transfer.Row | transfer.Refused:
        """Put a record together.

        Args:
            texts: text, path, context and session id, as stored.
            describe: gives the whole row of the source, for the quarantine.
        """
        if key is None:
            return transfer.Refused(source_key, "it has no id", describe())
        if len(key) > MAX_KEY_BYTES:
            reason = f"its id is longer than {MAX_KEY_BYTES} bytes"
            return transfer.Refused(source_key, reason, describe())
        text, path, context, session = texts
        if session is not None and len(session) > MAX_KEY_BYTES:
            metadata["session_id"] = source_text(session)
            remarks.append(LONG_SESSION)
            session = None
        if reading.remark:
            remarks.append(reading.remark)
        stored = b"{}" if not metadata else transfer.to_stored(_json(metadata)).encode()
        spelling = None if reading.spelling is None else transfer.to_stored(reading.spelling).encode()
        created_at = transfer.pack(transfer.Kind.TIME, reading.microseconds)
        fields = (
            _OWNER, self._collection, key, None, text or b"", context, path, session, created_at, spelling, stored
        )  # fmt: skip
        return transfer.make_row(source_key, fields, vectors, tuple(remarks))


def source_text(stored: bytes) -> str:
    """A stored text as a Python string."""
    return transfer.from_stored(stored.decode())


def vector_of(data: bytes | None, *, is_bytes: bool) -> tuple[tuple[transfer.Vector, ...], bool]:
    """The vector in an ``embedding`` column, and whether it can be compared.

    Args:
        data: the value's bytes; None for no vector.
        is_bytes: whether it was a BLOB and not a text or a number.
    """
    if data is None:
        return (), True
    if is_bytes and len(data) == 4 * DIMENSIONS:
        numbers = np.frombuffer(data, _FLOATS)
        # The highest byte of a float32 that is not finite is 7F or FF (IEEE 754): quick to tell that there is none.
        high = data[3::4]
        if (b"\x7f" not in high and b"\xff" not in high) or bool(np.isfinite(numbers).all()):
            wire = _WIRE_HEADER + numbers.byteswap().tobytes()
            return (transfer.Vector(MODEL, DIMENSIONS, wire, None),), True
    return (transfer.Vector(MODEL, DIMENSIONS, None, data),), False


def json_value(name: str, value: transfer.SqliteValue, kind: str | None = None) -> Any:
    """A value for the metadata; see `capsa.transfer.json_value`."""
    if name == "is_latest" and value in (0, 1) and isinstance(value, int):
        return bool(value)
    return transfer.json_value(value, kind)


def read_time(clock: transfer.Clock, value: object) -> transfer.Reading:
    """The time in a column of a SQLite file."""
    if value is None:
        return transfer.Reading(0, None, NO_TIME)
    spelled = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else repr(value)
    return clock.read(spelled)


def _json(metadata: Mapping[str, Any]) -> str:
    """What ``json.dumps(metadata, ensure_ascii=False)`` gives, without making an encoder each time."""
    pairs = (
        f"{encode_basestring(name)}: "
        + (encode_basestring(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in metadata.items()
    )
    return f"{{{', '.join(pairs)}}}"
