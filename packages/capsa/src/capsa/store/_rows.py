"""Records as rows: checks on the way in, exact values on the way out."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from typing import Any

from capsa.database import Database, Row, Transaction
from capsa.errors import InvalidRecord
from capsa.records import MAX_KEY_BYTES, Filter, Record
from capsa.search.lexical import index_text
from capsa.text import from_stored, to_stored


def check_name(what: str, value: Any) -> str:
    """The name of an owner or a collection.

    Raises:
        InvalidRecord: not a string, empty, too long, or no database can hold it as it is.
    """
    if check_key(what, value) != to_stored(value):
        raise InvalidRecord(f"{what} may have neither NUL nor lone surrogates: {value[:40]!r}")
    return str(value)


def check_key(what: str, value: Any, *, empty: bool = False) -> str:
    """A part of an index key.

    Raises:
        InvalidRecord: not a string, empty, or too long.
    """
    if not isinstance(value, str) or (not value and not empty):
        raise InvalidRecord(f"{what} must be a string that is not empty, not {type(value).__name__}")
    if len(to_stored(value).encode()) > MAX_KEY_BYTES:
        raise InvalidRecord(f"{what} is longer than {MAX_KEY_BYTES} bytes: {value[:40]!r}…")
    return value


def to_row(database: Database, record: Record) -> dict[str, Any]:
    """The columns of a record, but for owner, collection and seq.

    Raises:
        InvalidRecord: a part has a wrong type, an id or session is too long, a time has no zone.
    """
    check_key("id", record.id, empty=True)
    if record.session_id is not None:
        check_key("session_id", record.session_id, empty=True)
    for name in ("title", "text", "context", "path", "created_at_text"):
        value = getattr(record, name)
        if not (isinstance(value, str) or (value is None and name != "text")):
            raise InvalidRecord(f"{name} of record {record.id!r} must be a string, not {type(value).__name__}")
    try:
        metadata = json.dumps(dict(record.metadata), ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidRecord(f"metadata of record {record.id!r} is not JSON: {error}") from None
    return {
        "id": to_stored(record.id),
        "title": _stored(record.title),
        "text": to_stored(record.text),
        "context": _stored(record.context),
        "path": _stored(record.path),
        "session_id": _stored(record.session_id),
        "created_at": database.time(utc(record.created_at, f"created_at of record {record.id!r}")),
        "created_at_text": _stored(record.created_at_text),
        "metadata": to_stored(metadata),
    }


def utc(value: Any, what: str) -> dt.datetime:
    """The time in UTC.

    Raises:
        InvalidRecord: not a time, one without a zone, or before the year 1 or after 9999 in UTC.
    """
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        raise InvalidRecord(f"{what} must be a datetime with a time zone")
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise InvalidRecord(f"{what} is not within the years 1 to 9999 of UTC") from None


def from_row(database: Database, row: Row) -> Record:
    """The inverse of `to_row`, given (seq, id, title, text, context, path, session_id, created_at, …)."""
    _, id_, title, text, context, path, session_id, created_at, created_at_text, metadata = row[:10]
    return Record(
        id=from_stored(id_),
        title=_exact(title),
        text=from_stored(text),
        context=_exact(context),
        path=_exact(path),
        session_id=_exact(session_id),
        created_at=database.datetime(created_at),
        created_at_text=_exact(created_at_text),
        metadata={} if metadata == "{}" else json.loads(from_stored(metadata)),
    )


def searchable(record: Record) -> str:
    """What the lexical index covers of a record."""
    return index_text(record.title, record.path, record.text, record.context)


def filtered(tx: Transaction, statement: str, filter: Filter | None) -> tuple[str, dict[str, Any]]:
    """A named statement with the filter's conditions put in, and their parameters."""
    sql = tx.database.statement(statement)
    if not filter:
        return sql, {}
    names, parameters = [], {}
    if filter.path is not None:
        pattern = "*" in filter.path or "?" in filter.path
        names.append("filter_path_pattern" if pattern else "filter_path_contains")
        value = to_stored(filter.path)
        parameters["filter_path"] = _pattern(tx.database, value) if pattern else value
    if filter.session_id is not None:
        names.append("filter_session")
        parameters["filter_session"] = to_stored(filter.session_id)
    for part, value_at in (("since", filter.since), ("until", filter.until)):
        if value_at is not None:
            names.append(f"filter_{part}")
            parameters[f"filter_{part}"] = tx.database.time(utc(value_at, part))
    conditions = "".join(f" AND {tx.database.statement(name)}" for name in names)
    return sql.replace("/* filter */", conditions), parameters


def _pattern(database: Database, value: str) -> str:
    """``*`` and ``?`` in the dialect's words; everything else means itself."""
    if database.dialect == "sqlite":
        return value.replace("[", "[[]")
    escaped = re.sub(r"([\\%_])", r"\\\1", value)
    return escaped.replace("*", "%").replace("?", "_")


def _stored(value: str | None) -> str | None:
    return None if value is None else to_stored(value)


def _exact(value: str | None) -> str | None:
    return None if value is None else from_stored(value)


def by_id(database: Database, rows: Sequence[Row]) -> dict[str, tuple[int, Record]]:
    records = ((row[0], from_row(database, row)) for row in rows)
    return {record.id: (seq, record) for seq, record in records}
