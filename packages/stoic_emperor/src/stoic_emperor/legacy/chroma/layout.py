"""What ``chroma.sqlite3`` says of the collections, in every layout from 0.5.0 to 1.5.9."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from capsa import SourceUnreadable
from stoic_emperor.legacy.chroma.records import ChromaCollection, Scalar

#: Table -> the columns without which nothing can be read.
_NEEDED = {
    "collections": {"id", "name", "dimension", "database_id", "config_json_str"},
    "databases": {"id", "name", "tenant_id"},
    "segments": {"id", "scope", "collection"},
    "embeddings": {"id", "segment_id", "embedding_id", "seq_id", "created_at"},
    "embedding_metadata": {"id", "key", "string_value", "int_value", "float_value", "bool_value"},
    "embeddings_queue": {"seq_id", "created_at", "operation", "topic", "id", "vector", "encoding", "metadata"},
    "max_seq_id": {"segment_id", "seq_id"},
}
#: The newest step of each part of the schema that is known here, that of 1.5.9.
_KNOWN_STEPS = {"sysdb": 10, "metadb": 6, "embeddings_queue": 2}
_SPACES = ("l2", "cosine", "ip")


@dataclass(frozen=True, slots=True)
class Segments:
    """The two halves of a collection, and how far each had followed the queue."""

    #: Counted from 1, in the order of the file.
    number: int
    vector: str
    metadata: str
    #: The names under which the queue holds the collection; one, but for odd settings.
    topics: tuple[str, ...]
    metadata_seq: int
    #: None where the table does not say it: then the id map does, if there is one.
    vector_seq: int | None


def check(connection: sqlite3.Connection, path: object) -> None:
    """See that this is a Chroma database of a known kind, and whole.

    Raises:
        SourceUnreadable: it is not.
    """
    for table, needed in _NEEDED.items():
        there = columns(connection, table)
        if not there:
            raise SourceUnreadable(f"{path} is not a database of ChromaDB: it has no table {table}; check the path")
        if missing := sorted(needed - there):
            raise SourceUnreadable(
                f"{path} has a layout older than ChromaDB 0.5 ({table} lacks {', '.join(missing)}): "
                f"open it once with ChromaDB 0.5 or newer, which brings it up to date"
            )
        # A damaged page may read as another row; the full-text tables are not needed and not looked at.
        found = connection.execute(f"PRAGMA quick_check({table})").fetchone()
        if found and found[0] != "ok":
            raise SourceUnreadable(f"{path} is damaged ({found[0]}): restore a copy of it; nothing was changed")


def columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """The columns of a table; none if there is no such table."""
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def version_hint(connection: sqlite3.Connection) -> str:
    """Which versions write such a layout."""
    steps: dict[str, int] = {}
    if columns(connection, "migrations"):
        steps = dict(connection.execute("SELECT dir, max(version) FROM migrations GROUP BY dir").fetchall())
    if any(steps.get(part, 0) > known for part, known in _KNOWN_STEPS.items()):
        return "newer than 1.5.9"
    if "schema_str" in columns(connection, "collections"):
        return "1.x"
    if columns(connection, "acquire_write"):
        return "1.0 to 1.x"
    if columns(connection, "embeddings_queue_config"):
        return "0.5.6 to 0.6"
    return "0.5.0 to 0.5.5"


def read_collections(connection: sqlite3.Connection) -> list[tuple[ChromaCollection, Segments]]:
    """The collections with their segments, in the order of the file.

    Raises:
        SourceUnreadable: one of them lacks a half, or has one twice.
    """
    schema = "c.schema_str" if "schema_str" in columns(connection, "collections") else "NULL"
    rows = connection.execute(
        f"SELECT c.id, c.name, c.dimension, c.config_json_str, {schema}, d.name, d.tenant_id, "
        "(SELECT count(*) FROM embeddings e JOIN segments s ON s.id = e.segment_id "
        " WHERE s.collection = c.id AND s.scope = 'METADATA') "
        "FROM collections AS c LEFT JOIN databases AS d ON d.id = c.database_id ORDER BY c.rowid"
    ).fetchall()
    topics = [topic for (topic,) in connection.execute("SELECT DISTINCT topic FROM embeddings_queue")]
    found = []
    for number, (id_, name, dimension, config, schema_text, database, tenant, count) in enumerate(rows, 1):
        segments = _segments(connection, number, id_, name, topics)
        metadata = _notes(connection, "collection", id_)
        hints = {**metadata, **_notes(connection, "segment", segments.vector)}
        collection = ChromaCollection(
            id=id_,
            name=name,
            tenant=tenant or "default_tenant",
            database=database or "default_database",
            dimension=dimension,
            space=_space(hints, config, schema_text),
            count=count,
            metadata=metadata,
        )
        found.append((collection, segments))
    return found


def _segments(connection: sqlite3.Connection, number: int, id_: str, name: str, topics: list[str]) -> Segments:
    rows = connection.execute("SELECT scope, id FROM segments WHERE collection = ?", (id_,)).fetchall()
    by_scope: dict[str, list[str]] = {}
    for scope, segment in rows:
        by_scope.setdefault(scope, []).append(segment)
    halves = []
    for scope in ("VECTOR", "METADATA"):
        there = by_scope.get(scope, [])
        if len(there) != 1:
            raise SourceUnreadable(
                f"the collection {name!r} has {len(there)} {scope} segments in place of one: "
                f"the directory is damaged, restore a copy of it"
            )
        halves.append(there[0])
    vector, metadata = halves
    return Segments(
        number=number,
        vector=vector,
        metadata=metadata,
        topics=tuple(topic for topic in topics if topic.rpartition("/")[2] == id_),
        metadata_seq=_followed(connection, metadata) or 0,
        vector_seq=_followed(connection, vector),
    )


def _followed(connection: sqlite3.Connection, segment: str) -> int | None:
    row = connection.execute("SELECT seq_id FROM max_seq_id WHERE segment_id = ?", (segment,)).fetchone()
    return None if row is None else decode_seq(row[0])


def decode_seq(value: object) -> int:
    """A seq, which is 8 bytes, the highest first, up to 0.6, and an integer since.

    Raises:
        SourceUnreadable: it is neither.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, bytes) and len(value) == 8:
        return int.from_bytes(value, "big")
    raise SourceUnreadable(f"chroma.sqlite3 has {value!r:.60} where a number of the queue belongs: it is damaged")


def _notes(connection: sqlite3.Connection, kind: str, id_: str) -> dict[str, Scalar]:
    table = f"{kind}_metadata"
    there = columns(connection, table)
    if not there:
        return {}
    boolean = "bool_value" if "bool_value" in there else "NULL"
    rows = connection.execute(
        f"SELECT key, str_value, int_value, float_value, {boolean} FROM {table} WHERE {kind}_id = ? ORDER BY rowid",
        (id_,),
    )
    return {key: scalar(*values) for key, *values in rows}


def scalar(text: str | None, integer: int | None, number: float | None, boolean: int | None) -> Scalar:
    """The value of a row of metadata, by the column that is not NULL."""
    if text is not None:
        return text
    if boolean is not None:
        return bool(boolean)
    return number if integer is None else integer


def _space(hints: dict[str, Scalar], config: str | None, schema: str | None) -> str:
    """The metric: noted on the collection up to 0.6, in its configuration, or in its schema since 1.x."""
    documents: list[Any] = []
    for text in (config, schema):
        try:
            documents.append(json.loads(text) if text else None)
        except ValueError:
            documents.append(None)
    keys = documents[1].get("keys") if isinstance(documents[1], dict) else None
    embedding = keys.get("#embedding") if isinstance(keys, dict) else None
    for found in (hints.get("hnsw:space"), *(_find_space(d) for d in (documents[0], embedding, documents[1]))):
        if found in _SPACES:
            return str(found)
    return "l2"


def _find_space(document: Any, depth: int = 8) -> str | None:
    if not isinstance(document, dict) or not depth:
        return None
    if document.get("space") in _SPACES:
        return str(document["space"])
    inner = (_find_space(value, depth - 1) for value in document.values())
    return next((space for space in inner if space), None)
