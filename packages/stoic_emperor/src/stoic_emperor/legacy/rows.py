"""Rows of the predecessor's tables as rows of ours.

Names and columns are nearly the same. What ours cannot hold as it was spelled is held as it is meant, and the
spelling is kept in ``original``, a JSON object by column: every time without a zone, a missing value where ours needs
one, a confidence in words, and the columns that only the predecessor had. JSON columns are texts and stay what they
are, letter by letter: ``null``, NaN and what was cut off included. A row without a usable id or a person is refused.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from capsa import MAX_KEY_BYTES, PUBLIC_OWNER, transfer
from stoic_emperor.legacy import tables
from stoic_emperor.legacy.condensed import Condensed
from stoic_emperor.legacy.times import MISSING, Times

BLOB_AS_TEXT = "BLOB in place of text, carried as text"
EXTRA_COLUMN = "column that only the earlier program had, kept with the row"
MISSING_VALUE = "missing value, filled in and noted with the row"
UNREADABLE_NUMBER = "number unreadable, filled in and kept as spelled"
CONFIDENCE_IN_WORDS = "confidence in words, kept as spelled beside the number"

#: Columns that are not carried, and why.
LEFT_BEHIND = {"password_hash": "passwords are not needed here, and stay where they are"}

Value = transfer.SqliteValue
_WORDS = {"very low": 0.1, "low": 0.3, "medium": 0.5, "moderate": 0.5, "high": 0.8, "very high": 0.95}
#: How the stored spelling of half a character begins; see `capsa.to_stored`.
_HALF = transfer.to_stored("\ud800").encode()[:-3]
_RESERVED = {PUBLIC_OWNER.encode(), tables.HOUSE.encode()}
_COMPLETE = b"complete"


class RefusedRow(Exception):
    """A row that cannot be carried; the message says why."""


class Notes:
    """What is to be said of one row beside its fields."""

    __slots__ = ("original", "remarks", "types", "unknown")

    def __init__(self, types: dict[str, str]) -> None:
        self.original: dict[str, Any] = {}
        self.remarks: list[str] = []
        #: Column -> SQLite's typeof, where a file has odd ones.
        self.types = types
        #: The columns whose time is missing or unreadable.
        self.unknown: list[str] = []

    def field(self) -> transfer.Field:
        """The ``original`` column."""
        if not self.original:
            return None
        pairs = (
            f"{encode_basestring(name)}: "
            + (encode_basestring(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for name, value in self.original.items()
        )
        return transfer.to_stored(f"{{{', '.join(pairs)}}}").encode()


#: (value, notes) -> the field of the target's column of the same name.
Reader = Callable[[Value, Notes], transfer.Field]


@dataclass(frozen=True, slots=True)
class Layout:
    """One table: what its columns hold."""

    table: transfer.Table
    #: Whose column says whose a row is, as the source has it: None for users and messages, who find it otherwise.
    user: str | None
    texts: tuple[str, ...] = ()
    optional_texts: tuple[str, ...] = ()
    optional_keys: tuple[str, ...] = ()
    #: Column -> JSON where there is none.
    json: tuple[tuple[str, str], ...] = ()
    optional_json: tuple[str, ...] = ()
    times: tuple[str, ...] = ("created_at",)
    optional_times: tuple[str, ...] = ()
    #: Column -> the number where there is none.
    integers: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def known(self) -> frozenset[str]:
        """The columns of the source that have a place."""
        own = {"id", "session_id", "confidence", *([self.user] if self.user else [])} & {*self.table.names}
        named = (
            self.texts,
            self.optional_texts,
            self.optional_keys,
            self.optional_json,
            self.times,
            self.optional_times,
        )
        pairs = [name for name, _ in (*self.json, *self.integers)]
        return frozenset(own.union(*named, pairs))


USERS = Layout(table=tables.USERS, user=None, optional_texts=("name",))
SESSIONS = Layout(table=tables.SESSIONS, user="user_id", json=(("metadata", "{}"),))
MESSAGES = Layout(
    table=tables.MESSAGES,
    user=None,
    texts=("role", "content"),
    optional_json=("psych_update",),
    optional_times=("semantic_processed_at",),
)
INSIGHTS = Layout(
    table=tables.SEMANTIC_INSIGHTS, user="user_id", texts=("assertion",), optional_keys=("source_message_id",)
)
SUMMARIES = Layout(
    table=tables.CONDENSED_SUMMARIES,
    user="user_id",
    texts=("content",),
    json=(("source_summary_ids", "[]"),),
    optional_json=("consensus_log",),
    times=("period_start", "period_end", "created_at"),
    integers=(("level", 1), ("source_message_count", 0), ("source_word_count", 0)),
)
PROFILES = Layout(
    table=tables.PROFILES,
    user="user_id",
    texts=("content",),
    optional_json=("consensus_log",),
    integers=(("version", 0),),
)

#: What others refer to comes first.
LAYOUTS = (USERS, SESSIONS, MESSAGES, INSIGHTS, SUMMARIES, PROFILES)


class Converter:
    """Makes our rows of the rows of one table.

    A row is given as its id, the id of the user it belongs to as the table of users has it (None: there is none),
    whether an earlier row has the same id, then the other columns, in the order of `columns`.
    """

    def __init__(
        self,
        layout: Layout,
        present: Sequence[str],
        times: dict[str, Times],
        condensed: Condensed,
    ) -> None:
        """Prepare.

        Args:
            present: the columns that the table has.
            times: how the times of each column are read.
        """
        self._layout = layout
        self._condensed = condensed
        self.extra = tuple(name for name in present if name not in layout.known and name not in LEFT_BEHIND)
        self.columns = tuple(name for name in present if name in layout.known and name != "id") + self.extra
        self._places = {name: place for place, name in enumerate(self.columns, 3)}
        readers = self._readers(times)
        #: (position among the fields, position among the values or -1, reader)
        self._steps = [
            (position, self._places.get(name, -1), readers[name])
            for position, name in enumerate(layout.table.names)
            if name in readers
        ]
        self._names = layout.table.names
        self._session_at = self._places.get("session_id", -1)
        self._user_at = self._places.get(layout.user or "", -1)
        self._extra_at = [(name, self._places[name]) for name in self.extra]
        self._own_key = layout.table.names.index("user_id") if layout.name != "users" else 0
        self._time_at = self._names.index("created_at")
        self._made = self._made_columns()

    def _made_columns(self) -> dict[str, int]:
        names = self._names
        return {
            name: names.index(name)
            for name in ("id", "user_id", "status", "condensed_into", "original")
            if name in names
        }

    def _readers(self, times: dict[str, Times]) -> dict[str, Reader]:
        layout = self._layout
        readers: dict[str, Reader] = {name: _text(name, b"") for name in layout.texts}
        readers |= {name: _optional_text(name) for name in (*layout.optional_texts, *layout.optional_json)}
        readers |= {name: _text(name, otherwise.encode()) for name, otherwise in layout.json}
        readers |= {name: _optional_key(name) for name in layout.optional_keys}
        readers |= {name: _time(name, times[name]) for name in layout.times}
        readers |= {name: _optional_time(name, times[name]) for name in layout.optional_times}
        readers |= {name: _integer(name, otherwise) for name, otherwise in layout.integers}
        if "confidence" in layout.table.names:
            readers["confidence"] = _confidence("confidence")
        if "session_id" in layout.table.names:
            readers["session_id"] = lambda value, notes: key("session_id", value, notes)
        return readers

    def convert(self, source_key: str, values: Sequence[Value], types: dict[str, str] | None = None) -> transfer.Item:
        """One row of the source."""
        try:
            return self._row(source_key, values, Notes(types or {}))
        except RefusedRow as error:
            named = dict(zip(("id", "(user)", "(same id)", *self.columns), values, strict=False))
            del named["(user)"], named["(same id)"]
            return transfer.Refused(source_key, str(error), transfer.describe_row(named, types))

    def _row(self, source_key: str, values: Sequence[Value], notes: Notes) -> transfer.Row:
        fields: list[transfer.Field] = [None] * len(self._names)
        id_ = key("id", values[0], notes)
        if values[2]:
            raise RefusedRow("an earlier row has the same id")
        user = self._user(id_, values, notes)
        fields[self._own_key] = user
        fields[self._made["id"]] = id_
        for position, place, read in self._steps:
            fields[position] = read(values[place] if place >= 0 else None, notes)
        for name, place in self._extra_at:
            if values[place] is not None:
                notes.original[name] = plain(values[place], notes.types.get(name))
                notes.remarks.append(EXTRA_COLUMN)
        if self._layout is MESSAGES:
            fields[self._made["status"]] = _COMPLETE
            if self._condensed and "created_at" not in notes.unknown:
                when = transfer.unpack(transfer.Kind.TIME, fields[self._time_at])
                fields[self._made["condensed_into"]] = self._condensed.message(user, int(when or 0))
        elif self._layout is SUMMARIES:
            fields[self._made["condensed_into"]] = self._condensed.summary(user, id_)
        fields[self._made["original"]] = notes.field()
        return transfer.make_row(source_key, tuple(fields), (), tuple(notes.remarks))

    def _user(self, id_: bytes, values: Sequence[Value], notes: Notes) -> bytes:
        """The person whose row it is."""
        if self._layout is USERS:
            return checked_owner(id_)
        if values[1] is None:
            raise RefusedRow(self._why_nobodys(values))
        return checked_owner(key("user_id", values[1], notes))

    def _why_nobodys(self, values: Sequence[Value]) -> str:
        if self._layout is MESSAGES:
            if self._session_at < 0 or values[self._session_at] is None:
                return "it names no session"
            return "its session is missing, or has no user"
        if self._user_at < 0 or values[self._user_at] is None:
            return "it names no user"
        return "its user is missing"


def checked_owner(user: bytes) -> bytes:
    """A user's id, which is an owner here.

    Raises:
        RefusedRow: it is a name that means something else here.
    """
    if user in _RESERVED:
        raise RefusedRow(f"its user is called {user.decode()}, which is no person's name here")
    return user


def stored(value: Value) -> bytes:
    """A text as ours has it."""
    if isinstance(value, bytes):
        # Plain ASCII is by far the most, and the quickest to tell.
        return value if value.isascii() and b"\0" not in value else transfer.bytes_to_stored(value)
    return str(value).encode()


def plain(value: Value, kind: str | None = None) -> Any:
    """A value for ``original``. A BLOB is ``{"base64": …}``, a number that JSON lacks its name."""
    if isinstance(value, bytes):
        if kind == "blob":
            return {"base64": base64.b64encode(value).decode()}
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def key(name: str, value: Value, notes: Notes) -> bytes:
    """A value that is part of a key.

    Raises:
        RefusedRow: it cannot be.
    """
    what = "its id" if name == "id" else f"its {name}"
    if value is None:
        raise RefusedRow("it has no id" if name == "id" else f"it has no {name}")
    if notes.types.get(name) == "blob":
        raise RefusedRow(f"{what} is a BLOB")
    found = stored(value)
    if not found:
        raise RefusedRow(f"{what} is empty")
    if len(found) > MAX_KEY_BYTES:
        raise RefusedRow(f"{what} is longer than {MAX_KEY_BYTES} bytes")
    if _HALF in found:
        raise RefusedRow(f"{what} is not UTF-8")
    return found


def _optional_key(name: str) -> Reader:
    def read(value: Value, notes: Notes) -> transfer.Field:
        if value is None or value == b"":
            return None if value is None else b""
        return key(name, value, notes)

    return read


def _text(name: str, otherwise: bytes) -> Reader:
    def read(value: Value, notes: Notes) -> transfer.Field:
        if value is None:
            notes.original[name] = None
            notes.remarks.append(MISSING_VALUE)
            return otherwise
        return _carried(name, value, notes)

    return read


def _optional_text(name: str) -> Reader:
    def read(value: Value, notes: Notes) -> transfer.Field:
        return None if value is None else _carried(name, value, notes)

    return read


def _carried(name: str, value: Value, notes: Notes) -> bytes:
    if notes.types.get(name) == "blob":
        notes.original[name] = plain(value, "blob")
        notes.remarks.append(BLOB_AS_TEXT)
    elif not isinstance(value, bytes):
        notes.original[name] = plain(value)
    return stored(value)


def _time(name: str, times: Times) -> Reader:
    pack, kind = transfer.pack, transfer.Kind.TIME

    def read(value: Value, notes: Notes) -> transfer.Field:
        reading = times.read(value)
        if reading.remark is not None:
            notes.remarks.append(reading.remark)
            if reading.remark in (MISSING, transfer.UNREADABLE):
                notes.unknown.append(name)
        if reading.spelling is not None or value is None:
            spelled = value if isinstance(value, int | float) else reading.spelling
            notes.original[name] = plain(spelled)
        return pack(kind, reading.microseconds)

    return read


def _optional_time(name: str, times: Times) -> Reader:
    read_one = _time(name, times)

    def read(value: Value, notes: Notes) -> transfer.Field:
        return None if value is None else read_one(value, notes)

    return read


def _integer(name: str, otherwise: int) -> Reader:
    def read(value: Value, notes: Notes) -> transfer.Field:
        found = value
        if isinstance(value, bytes):
            try:
                found = int(value)
            except ValueError:
                found = None
        elif isinstance(value, float):
            found = int(value) if value.is_integer() and abs(value) < 2**63 else None
        if not isinstance(found, int) or not -(2**63) <= found < 2**63:
            notes.original[name] = plain(value, notes.types.get(name))
            notes.remarks.append(MISSING_VALUE if value is None else UNREADABLE_NUMBER)
            found = otherwise
        return transfer.pack(transfer.Kind.INTEGER, found)

    return read


def _confidence(name: str) -> Reader:
    def read(value: Value, notes: Notes) -> transfer.Field:
        found = value
        if isinstance(value, bytes):
            try:
                found = float(value)
            except ValueError:
                notes.original[name] = plain(value, notes.types.get(name))
                found = _in_words(value)
                notes.remarks.append(UNREADABLE_NUMBER if found is None else CONFIDENCE_IN_WORDS)
        if value is None:
            notes.original[name] = None
            notes.remarks.append(MISSING_VALUE)
        return transfer.pack(transfer.Kind.FLOAT, 0.5 if found is None else float(found))

    return read


def _in_words(value: bytes) -> float | None:
    """A number for a confidence that is no number; the same at each run, whatever models are asked today."""
    word = value.decode("utf-8", "replace").strip().lower()
    if word.endswith("%"):
        try:
            return float(word[:-1]) / 100
        except ValueError:
            return None
    return _WORDS.get(word)
