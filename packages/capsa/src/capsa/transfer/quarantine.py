"""How a row that cannot be carried is kept: every value with its type, byte for byte, as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

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
