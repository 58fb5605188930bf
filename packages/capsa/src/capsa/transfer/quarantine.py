"""How a row that cannot be carried is kept, every value with its type, byte for byte, and a value without a place."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

from capsa.transfer.tables import SqliteValue


def describe(row: Mapping[str, SqliteValue], types: Mapping[str, str] | None = None) -> bytes:
    """A source row as JSON: ``{"column": {"type": …, "value": …}}``.

    Args:
        row: column -> value as Python's sqlite3 gave it.
        types: column -> SQLite's ``typeof()``, where known: it tells text from BLOB.

    Bytes that are not UTF-8, or hold NUL, are written as ``"base64"`` in place of ``"value"``.
    """
    types = types or {}
    return json.dumps({name: _value(value, types.get(name)) for name, value in row.items()}).encode()


def json_value(value: SqliteValue, kind: str | None = None) -> Any:
    """A value as it is kept in a JSON object beside a row that is carried.

    A BLOB is ``{"base64": …}``, a number that JSON lacks its name; other bytes are text.

    Args:
        kind: SQLite's ``typeof()``, where known.
    """
    if isinstance(value, bytes):
        if kind == "blob":
            return {"base64": base64.b64encode(value).decode()}
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def _value(value: SqliteValue, kind: str | None) -> dict[str, object]:
    match value:
        case None:
            return {"type": "null"}
        case bool() | int():
            return {"type": kind or "integer", "value": value}
        case float():
            return {"type": kind or "real", "value": repr(value)}
        case str():
            return {"type": kind or "text", "value": value}
        case bytes():
            kind = kind or "bytes"
            try:
                return {"type": kind, "value": value.decode()}
            except UnicodeDecodeError:
                return {"type": kind, "base64": base64.b64encode(value).decode()}
