"""Export and import: JSON that another program can read, written and read in constant memory."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import json
import math
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from afterimage.entries import StorageEntry, read_time
from afterimage.errors import AfterImageError, InvalidEntry, NotAMemory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from afterimage.storage import StorageBackend
    from capsa import Collection, Record, Transaction, transfer

_CHUNK = 1 << 16
#: Entries imported in one transaction, and characters of code at which it is closed before that.
_BATCH_ENTRIES = 200
_BATCH_CHARACTERS = 4_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def write_export(backend: StorageBackend, stream: IO[str], *, vectors: bool = False) -> int:
    """Write ``{"exported_at", "entries": […], "count"}``, an entry a line; how many entries that were.

    Args:
        vectors: also each entry's ``vector``: the model's name, and float32, little-endian, in base64.
    """
    now = dt.datetime.now(dt.UTC).isoformat()
    stream.write(f'{{"exported_at": {json.dumps(now)},\n"entries": [')
    count = 0
    for record, vector in _held(backend, vectors=vectors):
        stream.write(",\n" if count else "\n")
        json.dump(_exported(backend, record, vector), stream)
        count += 1
    stream.write(f'\n],\n"count": {count}}}\n')
    return count


def _held(backend: StorageBackend, *, vectors: bool) -> Iterator[tuple[Record, NDArray[np.float32] | None]]:
    if vectors and backend.embedder is not None:
        yield from backend.collection.iterate_with_vectors()
    else:
        yield from ((record, None) for record in backend.collection.iterate())


def _exported(backend: StorageBackend, record: Record, vector: NDArray[np.float32] | None) -> dict[str, Any]:
    """An entry as `StorageEntry.to_dict` has it, and what that cannot say of one that an earlier program stored."""
    values = StorageEntry.from_record(record).to_dict()
    if vector is not None and backend.embedder is not None:
        # Exact, and a third of the size of a list of decimal numbers.
        packed = base64.b64encode(vector.astype("<f4").tobytes()).decode()
        values["vector"] = {"model": backend.embedder.name, "float32": packed}
    if record.path is None:
        values["file_path"] = None
    if not isinstance(values["old_code"], str | None):
        values["metadata"] = {**values.get("metadata", {}), "old_code": values["old_code"]}
        values["old_code"] = None
    if not _tells(values["timestamp"], record.created_at):
        values["created_at"] = record.created_at.isoformat()
    return values


def _tells(spelled: str, moment: dt.datetime) -> bool:
    """Whether a time is spelled so that whoever reads it, in whatever zone, comes to this moment."""
    try:
        read = dt.datetime.fromisoformat(spelled)
    except ValueError:
        return False
    return read.tzinfo is not None and read == moment


@dataclass(slots=True)
class ImportReport:
    """What an import did."""

    added: int = 0
    #: Entries that were there already, equal.
    present: int = 0
    replaced: int = 0
    #: Ids of entries that are there with other content, and kept it.
    different: list[str] = field(default_factory=list)
    #: What cannot be taken, and why.
    refused: list[str] = field(default_factory=list)
    #: What is to be said of times -> of how many entries.
    remarks: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Incoming:
    record: Record
    vector: Sequence[float] | None
    #: Whose vector; None for the memory's own model.
    model: str | None
    #: What is to be said of its time, if anything.
    remark: str | None


def import_entries(
    backend: StorageBackend,
    stream: IO[str],
    *,
    replace: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Take in an export of this or the earlier program. Safe to run again.

    Args:
        replace: entries that are there with other content get the export's.
        progress: called with the number of entries read so far.

    Raises:
        NotAMemory: the stream is not an export; what stands before the damage was taken in.
    """
    from capsa import transfer

    report = ImportReport()
    clock = transfer.Clock.of()
    batch: dict[str, _Incoming] = {}
    size = 0
    for number, values in enumerate(read_entries(stream), 1):
        try:
            incoming = _incoming(values, clock)
        except AfterImageError as error:
            report.refused.append(str(error))
            continue
        if incoming.record.id in batch:
            # The same id twice in one export is what it is in two: the first is there when the second comes.
            _take_in(backend, list(batch.values()), report, replace=replace)
            batch, size = {}, 0
        batch[incoming.record.id] = incoming
        size += len(incoming.record.text) + len(str(incoming.record.metadata.get("old_code", "")))
        if len(batch) >= _BATCH_ENTRIES or size >= _BATCH_CHARACTERS:
            _take_in(backend, list(batch.values()), report, replace=replace)
            batch, size = {}, 0
            if progress:
                progress(number)
    _take_in(backend, list(batch.values()), report, replace=replace)
    return report


def _incoming(values: Any, clock: transfer.Clock) -> _Incoming:
    if not isinstance(values, dict):
        raise InvalidEntry(f"an entry is not an object but {type(values).__name__}")
    record, remark = _record(values, clock)
    vector, model = values.get("embedding") or None, None
    if isinstance(packed := values.get("vector"), dict):
        vector, model = _from_base64(record.id, packed.get("float32")), packed.get("model")
    return _Incoming(record, None if vector is None else _finite(record.id, vector), model, remark)


def _record(values: Mapping[str, Any], clock: transfer.Clock) -> tuple[Record, str | None]:
    """The record of an exported entry, and what is to be said of its time.

    Raises:
        InvalidEntry: it is none.
    """
    without_path = "file_path" in values and values["file_path"] is None
    given = {**values, "embedding": None} | ({"file_path": ""} if without_path else {})
    entry = StorageEntry.from_dict(given)
    record = dataclasses.replace(entry, timestamp="").to_record()
    if without_path:
        record = dataclasses.replace(record, path=None)
    if (exact := values.get("created_at")) is not None:
        moment, _ = read_time(str(exact))
        spelled = None if entry.timestamp == moment.isoformat() else entry.timestamp
        return dataclasses.replace(record, created_at=moment, created_at_text=spelled), None
    if not entry.timestamp:
        return record, None
    # As a migration reads it: one that no calendar has is carried by its spelling.
    reading = clock.read(entry.timestamp)
    moment = _EPOCH + dt.timedelta(microseconds=reading.microseconds)
    return dataclasses.replace(record, created_at=moment, created_at_text=reading.spelling), reading.remark


def _take_in(backend: StorageBackend, batch: Sequence[_Incoming], report: ImportReport, *, replace: bool) -> None:
    """Store entries of different ids; one that no memory may hold holds up no other."""
    from capsa import InvalidRecord

    try:
        _store(backend, batch, report, replace=replace)
    except InvalidRecord as error:
        if len(batch) == 1:
            report.refused.append(str(error))
            return
        for incoming in batch:
            _take_in(backend, [incoming], report, replace=replace)


def _store(backend: StorageBackend, batch: Sequence[_Incoming], report: ImportReport, *, replace: bool) -> None:
    collection = backend.collection
    there = collection.get_many([incoming.record.id for incoming in batch])
    new, other, present = [], [], 0
    for incoming in batch:
        if (known := there.get(incoming.record.id)) is None:
            new.append(incoming)
        elif StorageEntry.from_record(known) == StorageEntry.from_record(incoming.record):
            present += 1
        else:
            other.append(incoming)
    taken = [*new, *(other if replace else [])]
    without: list[str] = []
    if taken:
        with backend.database.write(backend.owner) as tx:
            collection.add([incoming.record for incoming in new], embed=False, tx=tx)
            collection.put([incoming.record for incoming in taken[len(new) :]], embed=False, tx=tx)
            without = [line for incoming in taken if (line := _give_vector(collection, incoming, tx))]
    report.present += present
    report.added += len(new)
    if replace:
        report.replaced += len(other)
    else:
        report.different += [incoming.record.id for incoming in other]
    report.refused += without
    report.remarks.update(incoming.remark for incoming in taken if incoming.remark)


def _give_vector(collection: Collection, incoming: _Incoming, tx: Transaction) -> str:
    """Store the vector of an entry, if it has one; what is to be said if that cannot be done."""
    from capsa import InvalidRecord, ModelMismatch

    if incoming.vector is None:
        return ""
    try:
        collection.set_vector(incoming.record.id, incoming.vector, model=incoming.model, tx=tx)
    except (InvalidRecord, ModelMismatch) as error:
        return f"the vector of entry {incoming.record.id!r}, which was taken in without: {error}"
    return ""


def _finite(entry_id: str, vector: Any) -> Sequence[float]:
    try:
        packed = array("f", vector)
    except (TypeError, OverflowError):
        raise InvalidEntry(f"entry {entry_id!r}: its vector is not a list of numbers") from None
    if not all(map(math.isfinite, packed)):
        raise InvalidEntry(f"entry {entry_id!r}: its vector has a number that is not finite")
    return packed


def _from_base64(entry_id: str, text: Any) -> array[float]:
    try:
        packed = array("f", base64.b64decode(text, validate=True))
    except (TypeError, ValueError, binascii.Error):
        raise InvalidEntry(f"entry {entry_id!r}: its vector is not float32 in base64") from None
    if sys.byteorder == "big":
        packed.byteswap()
    return packed


def read_entries(stream: IO[str]) -> Iterator[Any]:
    """The entries of an export, one after the other, whatever the export's size.

    Raises:
        NotAMemory: the stream is not an export, or is cut short.
    """
    reader = _Reader(stream)
    if reader.peek() == "[":
        yield from reader.array()
    else:
        yield from reader.member("entries")


class _Reader:
    """JSON, value by value, with no more in memory than one value."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._read_before = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            while self._at < len(self._text):
                if not self._text[self._at].isspace() and self._text[self._at] != "\ufeff":
                    return self._text[self._at]
                self._at += 1
            if not self._more(_CHUNK):
                return ""

    def array(self) -> Iterator[Any]:
        self._expect("[")
        if self.peek() == "]":
            self._expect("]")
            return
        while True:
            yield self._value()
            if self.peek() != ",":
                break
            self._expect(",")
        self._expect("]")

    def member(self, wanted: str) -> Iterator[Any]:
        """The elements of the array called ``wanted`` in the object that comes next."""
        self._expect("{")
        found = False
        while self.peek() != "}":
            name = self._value()
            self._expect(":")
            if name == wanted and self.peek() == "[":
                found = True
                yield from self.array()
            else:
                self._value()
            if self.peek() == ",":
                self._expect(",")
        self._expect("}")
        if not found:
            raise NotAMemory(f"this is JSON but no export: it has no array {wanted!r}")

    def _expect(self, character: str) -> None:
        if self.peek() != character:
            raise self._error()
        self._at += 1

    def _value(self) -> Any:
        self.peek()
        chunk = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._more(chunk):
                    raise self._error() from None
            except (RecursionError, ValueError):
                # Nested more deeply, or a number longer, than Python reads.
                raise self._error() from None
            else:
                # A number at the end of what was read may go on.
                if end < len(self._text) or not self._more(chunk):
                    self._at = end
                    return value
            chunk *= 2  # so that reading a large value costs linear time

    def _more(self, characters: int) -> bool:
        if self._ended:
            return False
        try:
            read = self._stream.read(characters)
        except UnicodeDecodeError:
            raise NotAMemory("this is not an export: it is not a text in UTF-8") from None
        self._ended = not read
        self._read_before += self._at
        self._text, self._at = self._text[self._at :] + read, 0
        return bool(read)

    def _error(self) -> NotAMemory:
        where = f"at character {self._read_before + self._at:,}"
        return NotAMemory(f"this is not an export, or it is damaged or cut short {where}")
