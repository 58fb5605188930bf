"""The predecessor's vector tables as records of the engine.

| earlier | here |
|---|---|
| ``vector_episodic``, ``vector_semantic`` | collections "episodic", "semantic" of the person in metadata.user_id |
| ``vector_stoic_wisdom``, ``vector_psychoanalysis`` | collections of the same names, everybody's |
| document, metadata | text, metadata: the same JSON text |
| embedding | the vector, under the name of the model that made it |

Nothing there says which model made a vector. The program knew two: until 5c1c86b all-MiniLM-L6-v2, since
5892951 a hashing of words into 384 counts with a sign. They are told apart row by row: counts divided by their
length are few different numbers, a network's are all different.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from capsa import MAX_KEY_BYTES, PUBLIC_OWNER, transfer
from stoic_emperor.legacy.times import Times
from stoic_emperor.legacy.values import Notes, RefusedRow, Value, checked_owner, key, stored

#: What made the predecessor's vectors of meaning, and its number of dimensions.
MINILM = "all-MiniLM-L6-v2"
DIMENSIONS = 384

HASHED = "vector is a hash of words, kept and compared with nothing (stoic reembed makes new ones)"
UNKNOWN = "vector of an unknown model, kept and compared with nothing (stoic reembed makes new ones)"
ODD_METADATA = "metadata is no JSON object, kept under predecessor_metadata"

#: More different sizes of numbers than any count of words gives, and far fewer than a network does.
_FEWEST_OF_A_NETWORK = 128
_UNIT = 1e-3
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class VectorTable:
    """One of the predecessor's tables."""

    source: str
    collection: str
    #: Whether its rows belong to persons.
    personal: bool


VECTOR_TABLES = (
    VectorTable("vector_episodic", "episodic", personal=True),
    VectorTable("vector_semantic", "semantic", personal=True),
    VectorTable("vector_stoic_wisdom", "stoic_wisdom", personal=False),
    VectorTable("vector_psychoanalysis", "psychoanalysis", personal=False),
)
#: In the order in which `record` takes them.
COLUMNS = ("id", "document", "metadata", "created_at", "embedding")


def model_of(numbers: np.ndarray) -> str:
    """The name under which a vector is kept; the engine compares only vectors of one name."""
    if len(np.unique(np.abs(numbers))) < min(_FEWEST_OF_A_NETWORK, len(numbers) // 2):
        return f"predecessor:hash-{len(numbers)}"
    if len(numbers) == DIMENSIONS and abs(float(np.linalg.norm(numbers.astype(np.float64))) - 1) < _UNIT:
        return MINILM
    return f"predecessor:unknown-{len(numbers)}"


def vector_of_json(text: Value) -> tuple[transfer.Vector, ...]:
    """The vector in a JSON array; where float32 cannot hold it exactly, it is kept as it is written."""
    if text is None:
        return ()
    data = stored(text)
    numbers = _numbers(data)
    if numbers is None:
        return (transfer.Vector("predecessor:unknown-0", 0, None, data),)
    single = numbers.astype("<f4")
    name = model_of(single)
    if np.array_equal(single.astype("<f8"), numbers):
        return (transfer.Vector(name, len(single), transfer.vector_to_wire(single.tobytes()), None),)
    if name == MINILM:
        name = f"predecessor:unknown-{len(single)}"
    return (transfer.Vector(name, len(single), None, data),)


def vector_of_wire(wire: transfer.Field) -> tuple[transfer.Vector, ...]:
    """The vector in pgvector's binary form."""
    if wire is None:
        return ()
    numbers = np.frombuffer(transfer.vector_from_wire(wire), "<f4")
    return (transfer.Vector(model_of(numbers), len(numbers), wire, None),)


def _numbers(data: bytes) -> np.ndarray | None:
    """The numbers of a JSON array, if all of them are numbers that float32 has room for."""
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        return None
    plain = (
        isinstance(read, list) and read and all(isinstance(n, int | float) and not isinstance(n, bool) for n in read)
    )
    if not plain or not all(math.isfinite(n) and abs(n) <= _LARGEST for n in read):
        return None
    return np.array(read, "<f8")


def record(
    table: VectorTable,
    source_key: str,
    values: Sequence[Value],
    *,
    vectors: tuple[transfer.Vector, ...],
    times: Times,
    owner_by_row: Value = None,
) -> transfer.Item:
    """One row as a record.

    Args:
        values: as in `COLUMNS`.
        owner_by_row: the person that another table says the row belongs to, for where its metadata does not.
    """
    try:
        about, written, remarks = _metadata(values[2])
        owner = _owner(table, about, owner_by_row)
        id_ = key("id", values[0], Notes({}))
    except RefusedRow as error:
        described = transfer.describe_row(dict(zip(COLUMNS, values, strict=False)))
        return transfer.Refused(source_key, str(error), described)
    document = values[1]
    reading = times.read(values[3])
    said = [*remarks, *([reading.remark] if reading.remark else []), *_remarks(vectors)]
    fields = (
        owner,
        table.collection.encode(),
        id_,
        _title(about),
        b"" if document is None else stored(document),
        None,
        None,
        _session(about),
        transfer.pack(transfer.Kind.TIME, reading.microseconds),
        None if reading.spelling is None else transfer.to_stored(reading.spelling).encode(),
        written,
    )
    return transfer.make_row(source_key, fields, vectors, tuple(said))


def _owner(table: VectorTable, about: dict[str, Any], owner_by_row: Value) -> bytes:
    if not table.personal:
        return PUBLIC_OWNER.encode()
    named = about.get("user_id")
    if isinstance(named, str) and named:
        return checked_owner(key("user_id", transfer.to_stored(named).encode(), Notes({})))
    if owner_by_row is not None:
        return checked_owner(key("user_id", owner_by_row, Notes({})))
    raise RefusedRow("nothing says whose it is")


def _metadata(value: Value) -> tuple[dict[str, Any], bytes, list[str]]:
    """The metadata, its text as it is kept, and what is to be said of it."""
    if value is None:
        return {}, b"{}", []
    text = stored(value)
    try:
        read = json.loads(transfer.from_stored(text.decode()))
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, dict):
        return read, text, []
    kept = json.dumps({"predecessor_metadata": transfer.from_stored(text.decode())}, ensure_ascii=False)
    return {}, transfer.to_stored(kept).encode(), [ODD_METADATA]


def _session(about: dict[str, Any]) -> transfer.Field:
    session = about.get("session_id")
    if not isinstance(session, str) or not session:
        return None
    field = transfer.to_stored(session).encode()
    # Too long for a key; the metadata has it.
    return field if len(field) <= MAX_KEY_BYTES else None


def _title(about: dict[str, Any]) -> transfer.Field:
    """Of passages: who wrote them, and where."""
    said = [about.get(name) for name in ("author", "work")]
    parts = [part for part in said if isinstance(part, str) and part]
    return transfer.to_stored(", ".join(parts)).encode() if parts else None


def _remarks(vectors: tuple[transfer.Vector, ...]) -> list[str]:
    return [HASHED if "hash" in v.model else UNKNOWN for v in vectors if v.model != MINILM]
