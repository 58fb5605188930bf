"""The values of the predecessor's columns as fields of ours, and what is to be said of them.

What ours cannot hold as it was spelled is held as it is meant, and its spelling is noted for ``original``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

from capsa import MAX_KEY_BYTES, PUBLIC_OWNER, transfer
from stoic_emperor.hosting import HOUSE
from stoic_emperor.legacy.times import MISSING, Times

BLOB_AS_TEXT = "BLOB in place of text, carried as text"
MISSING_VALUE = "missing value, filled in and noted with the row"
UNREADABLE_NUMBER = "number unreadable, filled in and kept as spelled"
CONFIDENCE_IN_WORDS = "confidence in words, kept as spelled beside the number"

Value = transfer.SqliteValue
_WORDS = {"very low": 0.1, "low": 0.3, "medium": 0.5, "moderate": 0.5, "high": 0.8, "very high": 0.95}
#: How the stored spelling of half a character begins; see `capsa.to_stored`.
_HALF = transfer.to_stored("\ud800").encode()[:-3]
#: Owners that are no persons.
RESERVED = {PUBLIC_OWNER.encode(), HOUSE.encode()}


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
        pairs = [
            f"{encode_basestring(name)}: {encode_basestring(value)}"
            if value.__class__ is str
            else f"{encode_basestring(name)}: {json.dumps(value, ensure_ascii=False)}"
            for name, value in self.original.items()
        ]
        return transfer.to_stored(f"{{{', '.join(pairs)}}}").encode()


#: (value, notes) -> the field of the target's column of the same name.
Reader = Callable[[Value, Notes], transfer.Field]


def checked_owner(user: bytes) -> bytes:
    """A user's id, which is an owner here.

    Raises:
        RefusedRow: it is a name that means something else here.
    """
    if user in RESERVED:
        raise RefusedRow(f"its user is called {user.decode()}, which is no person's name here")
    return user


def is_plain(value: bytes) -> bool:
    """Whether a text is stored as it is, at a glance: plain ASCII is by far the most, and the quickest to tell."""
    return value.isascii() and b"\0" not in value


def stored(value: Value) -> bytes:
    """A text as ours has it."""
    if isinstance(value, bytes):
        return value if is_plain(value) else transfer.bytes_to_stored(value)
    return str(value).encode()


def key(name: str, value: Value, notes: Notes) -> bytes:
    """A value that is part of a key.

    Raises:
        RefusedRow: it cannot be.
    """
    if value.__class__ is bytes and not notes.types and is_plain(value) and 0 < len(value) <= MAX_KEY_BYTES:
        return value
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


def read_optional_key(name: str) -> Reader:
    """An id that refers to something, or none."""

    def read(value: Value, notes: Notes) -> transfer.Field:
        if value is None or value == b"":
            return None if value is None else b""
        return key(name, value, notes)

    return read


def read_text(name: str, otherwise: bytes) -> Reader:
    """A text; where there is none, ``otherwise``."""

    def read(value: Value, notes: Notes) -> transfer.Field:
        if value.__class__ is bytes and not notes.types:
            return value if is_plain(value) else transfer.bytes_to_stored(value)
        if value is None:
            notes.original[name] = None
            notes.remarks.append(MISSING_VALUE)
            return otherwise
        return _carried(name, value, notes)

    return read


def read_optional_text(name: str) -> Reader:
    """A text, or none."""

    def read(value: Value, notes: Notes) -> transfer.Field:
        if value.__class__ is bytes and not notes.types:
            return value if is_plain(value) else transfer.bytes_to_stored(value)
        return None if value is None else _carried(name, value, notes)

    return read


def _carried(name: str, value: Value, notes: Notes) -> bytes:
    if notes.types.get(name) == "blob":
        notes.original[name] = transfer.json_value(value, "blob")
        notes.remarks.append(BLOB_AS_TEXT)
    elif not isinstance(value, bytes):
        notes.original[name] = transfer.json_value(value)
    return stored(value)


def read_time(name: str, times: Times) -> Reader:
    """A time; where there is none, or it cannot be read, the beginning of 1970."""
    pack, kind = transfer.pack, transfer.Kind.TIME

    def read(value: Value, notes: Notes) -> transfer.Field:
        reading = times.read(value)
        if reading.remark is not None:
            notes.remarks.append(reading.remark)
            if reading.remark in (MISSING, transfer.UNREADABLE):
                notes.unknown.append(name)
        if reading.spelling is not None or value is None:
            notes.original[name] = transfer.json_value(value) if isinstance(value, int | float) else reading.spelling
        return pack(kind, reading.microseconds)

    return read


def read_optional_time(name: str, times: Times) -> Reader:
    """A time, or none."""
    read_one = read_time(name, times)

    def read(value: Value, notes: Notes) -> transfer.Field:
        return None if value is None else read_one(value, notes)

    return read


def read_integer(name: str, otherwise: int) -> Reader:
    """A whole number; where there is none, ``otherwise``."""

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
            notes.original[name] = transfer.json_value(value, notes.types.get(name))
            notes.remarks.append(MISSING_VALUE if value is None else UNREADABLE_NUMBER)
            found = otherwise
        return transfer.pack(transfer.Kind.INTEGER, found)

    return read


def read_confidence(name: str) -> Reader:
    """A number that should be from 0 to 1; where there is none, a half."""

    def read(value: Value, notes: Notes) -> transfer.Field:
        found = value
        if isinstance(value, bytes):
            try:
                found = float(value)
            except ValueError:
                notes.original[name] = transfer.json_value(value, notes.types.get(name))
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
