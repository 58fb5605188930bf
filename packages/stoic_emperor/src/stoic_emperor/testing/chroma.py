"""For tests and the demonstration: directories such as ChromaDB leaves behind, written without ChromaDB.

What the operations of a collection do to the queue, the tables and the files of the vector index is what 0.5.5,
0.6.3 and 1.5.9 were seen to do. The graph of the index is left out: nothing here searches in it.
"""

from __future__ import annotations

import json
import math
import pickle
import pickletools
import sqlite3
import struct
import sys
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self
from unittest import mock

#: Up to 0.5.5, then up to 0.6, then as of 1.5.
Layout = Literal["0.5", "0.6", "1.5"]
LAYOUTS: Final[tuple[Layout, ...]] = ("0.5", "0.6", "1.5")

_ADD, _UPDATE, _UPSERT, _DELETE = range(4)
_DOCUMENT = "chroma:document"
_MODULE = "chromadb.segment.impl.vector.local_persistent_hnsw"
_DATABASE = "00000000-0000-0000-0000-000000000000"
_NEIGHBOURS = 32
_WHEN = "2026-01-06 12:00:{:02}"

_SCHEMA = """
CREATE TABLE migrations (dir TEXT, version INTEGER, filename TEXT, sql TEXT, hash TEXT, PRIMARY KEY (dir, version));
CREATE TABLE tenants (id TEXT PRIMARY KEY);
CREATE TABLE databases (id TEXT PRIMARY KEY, name TEXT NOT NULL, tenant_id TEXT NOT NULL, UNIQUE (tenant_id, name));
CREATE TABLE collections (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, dimension INTEGER, database_id TEXT NOT NULL, config_json_str TEXT{schema},
    UNIQUE (name, database_id)
);
CREATE TABLE collection_metadata (
    collection_id TEXT, key TEXT NOT NULL, str_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER,
    PRIMARY KEY (collection_id, key)
);
CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT NOT NULL, scope TEXT NOT NULL, collection TEXT);
CREATE TABLE segment_metadata (
    segment_id TEXT, key TEXT NOT NULL, str_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER,
    PRIMARY KEY (segment_id, key)
);
CREATE TABLE embeddings (
    id INTEGER PRIMARY KEY, segment_id TEXT NOT NULL, embedding_id TEXT NOT NULL, seq_id BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE (segment_id, embedding_id)
);
CREATE TABLE embedding_metadata (
    id INTEGER, key TEXT NOT NULL, string_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER,
    PRIMARY KEY (id, key)
);
CREATE TABLE embeddings_queue (
    seq_id INTEGER PRIMARY KEY, created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, operation INTEGER NOT NULL,
    topic TEXT NOT NULL, id TEXT NOT NULL, vector BLOB, encoding TEXT, metadata TEXT
);
CREATE TABLE max_seq_id (segment_id TEXT PRIMARY KEY, seq_id {seq});
INSERT INTO databases VALUES ('{database}', 'default_database', 'default_tenant');
"""
_SINCE_0_6 = "CREATE TABLE embeddings_queue_config (id INTEGER PRIMARY KEY, config_json_str TEXT);"
_SINCE_1_5 = """
CREATE TABLE acquire_write (id INTEGER PRIMARY KEY, lock_status INTEGER NOT NULL);
CREATE TABLE embedding_metadata_array (
    id INTEGER NOT NULL, key TEXT NOT NULL, string_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER
);
"""

Metadata = Mapping[str, Any]


class ChromaWriter:
    """A directory that is being written; a context manager, as `close` gives the file free."""

    def __init__(self, path: Path, layout: Layout = "1.5", *, sync_threshold: int = 1000) -> None:
        """Make the directory.

        Args:
            sync_threshold: after so many operations of a collection its vectors are saved in files.
        """
        path.mkdir(parents=True)
        self.path = path
        self.layout = layout
        self.sync_threshold = sync_threshold
        self.connection = sqlite3.connect(path / "chroma.sqlite3", isolation_level=None)
        # It is not meant to outlive the machine.
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.executescript(
            _SCHEMA.format(
                schema=", schema_str TEXT" if layout == "1.5" else "",
                seq="INTEGER" if layout == "1.5" else "BLOB NOT NULL",
                database=_DATABASE,
            )
        )
        if layout != "0.5":
            self.connection.executescript(_SINCE_0_6)
        if layout == "1.5":
            self.connection.executescript(_SINCE_1_5)
        self._seq = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file free."""
        self.connection.close()

    def collection(
        self, name: str, *, space: str = "l2", metadata: Metadata | None = None, database: str | None = None
    ) -> CollectionWriter:
        """A new collection.

        Args:
            database: another than the default one, made here.
        """
        database_id = _DATABASE
        if database is not None:
            database_id = str(uuid.uuid4())
            self.connection.execute("INSERT INTO databases VALUES (?, ?, 'default_tenant')", (database_id, database))
        return CollectionWriter(self, name, space, metadata or {}, database_id)

    def next_seq(self) -> int:
        """The number of the next operation."""
        self._seq += 1
        return self._seq

    def encoded(self, seq: int) -> int | bytes:
        """A seq as this layout's tables hold it."""
        return seq if self.layout == "1.5" else seq.to_bytes(8, "big")


@dataclass(slots=True)
class _Index:
    """A vector index, as it will be saved."""

    labels: dict[str, int] = field(default_factory=dict)
    #: Vector, label, whether deleted.
    elements: list[tuple[bytes, int, bool]] = field(default_factory=list)

    def put(self, id_: str, vector: bytes) -> None:
        if id_ in self.labels:
            label = self.labels[id_]
            self.elements[label - 1] = (vector, label, False)
        else:
            self.labels[id_] = len(self.elements) + 1
            self.elements.append((vector, len(self.elements) + 1, False))

    def remove(self, id_: str) -> None:
        if label := self.labels.pop(id_, None):
            vector, _, _ = self.elements[label - 1]
            self.elements[label - 1] = (vector, label, True)


class CollectionWriter:
    """One collection; vectors are float32 numbers or their bytes, little-endian."""

    def __init__(self, writer: ChromaWriter, name: str, space: str, metadata: Metadata, database_id: str) -> None:
        self.writer = writer
        self.id = str(uuid.uuid4())
        self.vector_segment, self.metadata_segment = str(uuid.uuid4()), str(uuid.uuid4())
        self.space = space
        self.topic = f"persistent://default/default/{self.id}"
        #: Whether operations are shown in the tables at once; 1.x may be killed before it does that.
        self.follows = True
        self._index = _Index()
        self._dimension: int | None = None
        self._unsaved = 0
        self._shown = 0
        run = writer.connection.execute
        config = json.dumps({"hnsw_configuration": {"space": space}})
        if writer.layout == "1.5":
            schema = {"keys": {"#embedding": {"float_list": {"vector_index": {"config": {"space": space}}}}}}
            run(
                "INSERT INTO collections VALUES (?, ?, NULL, ?, '{}', ?)",
                (self.id, name, database_id, json.dumps(schema)),
            )
        else:
            run("INSERT INTO collections VALUES (?, ?, NULL, ?, ?)", (self.id, name, database_id, config))
        for segment, scope in ((self.vector_segment, "VECTOR"), (self.metadata_segment, "METADATA")):
            run("INSERT INTO segments VALUES (?, 'urn', ?, ?)", (segment, scope, self.id))
        for key, value in metadata.items():
            run("INSERT INTO collection_metadata VALUES (?, ?, ?, ?, ?, ?)", (self.id, key, *_typed(value)))

    # What the client can do

    def add(
        self,
        id_: str,
        vector: Sequence[float] | bytes | None,
        document: str | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        """Add a record; does nothing if there is one of this id."""
        self._operate(_ADD, id_, vector, document, metadata)

    def update(
        self,
        id_: str,
        vector: Sequence[float] | bytes | None = None,
        document: str | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        """Change what is given of a record; does nothing if there is none of this id."""
        self._operate(_UPDATE, id_, vector, document, metadata)

    def upsert(
        self,
        id_: str,
        vector: Sequence[float] | bytes | None,
        document: str | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        """Add a record, or change the one of this id."""
        self._operate(_UPSERT, id_, vector, document, metadata)

    def delete(self, id_: str) -> None:
        """Delete a record."""
        self._operate(_DELETE, id_, None, None, None)

    # What it leads to

    def _operate(
        self,
        operation: int,
        id_: str,
        vector: Sequence[float] | bytes | None,
        document: str | None,
        metadata: Metadata | None,
    ) -> None:
        data = vector if isinstance(vector, bytes | None) else struct.pack(f"<{len(vector)}f", *vector)
        said = {**(metadata or {}), **({} if document is None else {_DOCUMENT: document})}
        seq = self.writer.next_seq()
        when = _WHEN.format(seq % 60)
        run = self.writer.connection.execute
        run("BEGIN")
        encoding = None if data is None else "FLOAT32"
        row = (seq, when, operation, self.topic, id_, data, encoding, json.dumps(said) if said else None)
        run("INSERT INTO embeddings_queue VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        if data is not None and self._dimension is None:
            self._dimension = len(data) // 4
            run("UPDATE collections SET dimension = ? WHERE id = ?", (self._dimension, self.id))
        if self.follows:
            self._shown = seq
            self._show(operation, id_, said, seq, when)
        run("COMMIT")
        self._index_one(operation, id_, data)
        self._unsaved += 1
        if self._unsaved >= self.writer.sync_threshold:
            self.save(seq)

    def _show(self, operation: int, id_: str, said: Metadata, seq: int, when: str) -> None:
        run = self.writer.connection.execute
        run("INSERT OR REPLACE INTO max_seq_id VALUES (?, ?)", (self.metadata_segment, self.writer.encoded(seq)))
        row = run(
            "SELECT id FROM embeddings WHERE segment_id = ? AND embedding_id = ?", (self.metadata_segment, id_)
        ).fetchone()
        if operation == _DELETE:
            for table in self._metadata_tables() if row else ():
                run(f"DELETE FROM {table} WHERE id = ?", row)
            run("DELETE FROM embeddings WHERE segment_id = ? AND embedding_id = ?", (self.metadata_segment, id_))
            return
        if row is None and operation != _UPDATE:
            made = run(
                "INSERT INTO embeddings (segment_id, embedding_id, seq_id, created_at) "
                "VALUES (?, ?, ?, ?) RETURNING id",
                (self.metadata_segment, id_, self.writer.encoded(seq), when),
            )
            self._describe(made.fetchone()[0], said)
        elif row is not None and operation != _ADD:
            run("UPDATE embeddings SET seq_id = ? WHERE id = ?", (self.writer.encoded(seq), *row))
            self._describe(row[0], said)

    def _metadata_tables(self) -> Iterator[str]:
        yield "embedding_metadata"
        if self.writer.layout == "1.5":
            yield "embedding_metadata_array"

    def _describe(self, row: int, said: Metadata) -> None:
        run = self.writer.connection.execute
        for key, value in said.items():
            for table in self._metadata_tables() if value is None or isinstance(value, list) else ():
                run(f"DELETE FROM {table} WHERE id = ? AND key = ?", (row, key))
            if isinstance(value, list):
                for item in value:
                    run("INSERT INTO embedding_metadata_array VALUES (?, ?, ?, ?, ?, ?)", (row, key, *_typed(item)))
            elif value is not None:
                run(
                    "INSERT INTO embedding_metadata VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                    "string_value = excluded.string_value, int_value = excluded.int_value, "
                    "float_value = excluded.float_value, bool_value = excluded.bool_value",
                    (row, key, *_typed(value)),
                )

    def _index_one(self, operation: int, id_: str, data: bytes | None) -> None:
        there = id_ in self._index.labels
        if operation == _DELETE:
            self._index.remove(id_)
        elif data is not None and (operation == _UPSERT or there == (operation == _UPDATE)):
            self._index.put(id_, data)

    def save(self, seq: int) -> None:
        """Write the files of the index as of ``seq``, and purge the queue up to there, where the layout does so."""
        self._unsaved = 0
        writer = self.writer
        folder = writer.path / self.vector_segment
        folder.mkdir(exist_ok=True)
        dimension = self._dimension or 0
        elements = [self._element(*element) for element in self._index.elements]
        label_at = 4 + 4 * _NEIGHBOURS + 4 * dimension
        header = (1, 0, max(1000, len(elements)), len(elements), label_at + 8, label_at, 4 + 4 * _NEIGHBOURS)
        (folder / "header.bin").write_bytes(
            struct.pack("<i6QiI3QdQ", *header, 0, 0, 16, _NEIGHBOURS, 16, 1 / math.log(16), 100)
        )
        (folder / "data_level0.bin").write_bytes(b"".join(element for element, _ in elements))
        (folder / "length.bin").write_bytes(b"".join(length for _, length in elements))
        (folder / "link_lists.bin").write_bytes(bytes(4 * len(elements)))
        (folder / "index_metadata.pickle").write_bytes(self._id_map(seq))
        if writer.layout != "0.5":
            run = writer.connection.execute
            run("INSERT OR REPLACE INTO max_seq_id VALUES (?, ?)", (self.vector_segment, writer.encoded(seq)))
            run("DELETE FROM embeddings_queue WHERE topic = ? AND seq_id < ?", (self.topic, min(seq, self._shown)))

    def _element(self, vector: bytes, label: int, deleted: bool) -> tuple[bytes, bytes]:  # noqa: FBT001
        # Where it means nothing, the length is whatever the memory held.
        length = b"\xde\xad\xbe\xef"
        if self.space == "cosine":
            numbers = struct.unpack(f"<{len(vector) // 4}f", vector)
            length = struct.pack("<f", math.sqrt(sum(n * n for n in numbers)))
            vector = struct.pack(f"<{len(numbers)}f", *[n / struct.unpack("<f", length)[0] for n in numbers])
        head = struct.pack("<HBB", 0, int(deleted), 0) + bytes(4 * _NEIGHBOURS)
        return head + vector + struct.pack("<Q", label), length

    def _id_map(self, seq: int) -> bytes:
        labels = self._index.labels
        state: dict[str, Any] = {
            "dimensionality": self._dimension,
            "total_elements_added": len(self._index.elements),
            "max_seq_id": seq if self.writer.layout == "0.5" else None,
            "id_to_label": labels,
            "label_to_id": {label: id_ for id_, label in labels.items()},
            "id_to_seq_id": {},
        }
        return plain_id_map(state) if self.writer.layout == "1.5" else object_id_map(state)


def plain_id_map(state: Mapping[str, Any]) -> bytes:
    """The id map of 1.x: a dictionary, pickled with few references."""
    return pickletools.optimize(pickle.dumps(dict(state), 3))


def object_id_map(state: Mapping[str, Any]) -> bytes:
    """The id map of 0.5 and 0.6: an instance of a class of ChromaDB's."""
    with _chromadb() as kind:
        made = kind()
        made.__dict__.update(state)
        return pickle.dumps(made, 5)


@contextmanager
def _chromadb() -> Iterator[type]:
    """The class under its name, as pickling insists on finding it there."""
    kind = type("PersistentData", (), {"__module__": _MODULE})
    names = _MODULE.split(".")
    modules = {".".join(names[:n]): types.ModuleType(".".join(names[:n])) for n in range(1, len(names) + 1)}
    modules[_MODULE].__dict__["PersistentData"] = kind
    with mock.patch.dict(sys.modules, modules):
        yield kind


def _typed(value: object) -> tuple[object, ...]:
    """The columns for text, integer, number and boolean."""
    if isinstance(value, bool):
        return None, None, None, int(value)
    if isinstance(value, int):
        return None, value, None, None
    return (None, None, value, None) if isinstance(value, float) else (value, None, None, None)
