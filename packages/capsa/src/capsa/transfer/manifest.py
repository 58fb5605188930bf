"""A file that tells, weeks later, whether what was carried is still there unchanged.

JSON, one document a line: first a header, then one document a range with the key and the digest
of each row, last the report. So it is written and read in constant memory. A row's digest is the
first 16 hexadecimal digits of sha256 over its fields in binary form and its vectors.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from capsa.errors import TransferError
from capsa.transfer.report import Report
from capsa.transfer.tables import Row, Table, join, unpack

_FORMAT = "capsa-manifest"
_VERSION = 1
#: Of the first line of a manifest, of any version.
_BEGINNING = f'{{"format":"{_FORMAT}"'.encode()


def row_digest(row: Row) -> bytes:
    """sha256 over a row's fields and vectors, whatever database it is in."""
    digest = hashlib.sha256(row.body)
    for vector in row.vectors:
        digest.update(f"\0{vector.model}\0{vector.dimensions}\0".encode())
        digest.update(vector.vector if vector.vector is not None else b"")
        if vector.raw is not None:
            digest.update(b"\0raw\0" + vector.raw)
    return digest.digest()


def readable_key(table: Table, row: Row) -> list[Any]:
    """The key of a row as JSON can hold it."""
    return [unpack(table.kinds[position], row.fields[position]) for position in table.key_positions]


def whole(rows: Sequence[Row]) -> bytes:
    """Everything the rows carry, one after the other: hashed at once, which is far quicker than row by row."""
    if not any(row.vectors for row in rows):
        return b"".join([row.body for row in rows])
    parts: list[bytes] = []
    for row in rows:
        parts.append(row.body)
        for vector in row.vectors:
            parts.append(vector.model.encode())
            parts.append(join(vector[2:]))
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class ManifestRange:
    """Some rows of one part."""

    part: str
    table: str
    keys: list[list[Any]]
    #: 16 hexadecimal digits each.
    digests: list[str]


class ManifestWriter:
    """Writes to a temporary file; `finish` puts it where it belongs, at once and whole."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Begin a manifest that will be at ``path``.

        Raises:
            TransferError: the folder does not exist or may not be written, or something else than a manifest is there.
        """
        self._path = path
        if path.is_dir():
            raise TransferError(f"cannot write the report {path}: it is a folder; name a file in it")
        if not _is_free(path):
            raise TransferError(f"cannot write the report {path}: that file is no report; name another, or a new one")
        try:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        except OSError as error:
            raise self._failed(error) from error
        self._temporary = Path(name)
        self._file: IO[str] = os.fdopen(handle, "w", encoding="utf-8")
        self._header = {"format": _FORMAT, "version": _VERSION, **header}
        self.restart()

    def restart(self) -> None:
        """Forget all rows noted so far."""
        self._file.seek(0)
        self._file.truncate()
        self._line(self._header)

    def _line(self, document: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(document, ensure_ascii=True, separators=(",", ":")) + "\n")
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> TransferError:
        return TransferError(f"cannot write the report {self._path}: {error.strerror}")

    def add(self, part: str, table: Table, rows: Sequence[Row]) -> None:
        """Note rows that are in the target, equal."""
        if rows:
            self._line(
                {
                    "part": part,
                    "table": table.name,
                    "keys": [readable_key(table, row) for row in rows],
                    "digests": [row_digest(row).hex()[:16] for row in rows],
                }
            )

    def finish(self, report: Report) -> None:
        """Put it where it belongs.

        Raises:
            TransferError: it cannot be written there.
        """
        self._line({"report": report.as_json()})
        try:
            self._file.close()
            self._temporary.replace(self._path)
        except OSError as error:
            raise self._failed(error) from error

    def discard(self) -> None:
        """Leave nothing behind; after `finish` this does nothing."""
        # On a full disk it fails again: what could not be written is not wanted any more.
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)


def _is_free(path: Path) -> bool:
    """Whether a manifest may come to ``path``: nothing is there, or nothing in it, or an earlier one."""
    if not path.exists():
        return True
    # Of a pipe, reading would wait for ever.
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_BEGINNING)) in {b"", _BEGINNING}
    except OSError:
        return False


def read_manifest(path: Path) -> Iterator[ManifestRange]:
    """The ranges of a manifest, in constant memory.

    Raises:
        TransferError: there is no such file, or it is not a whole manifest.
    """
    if path.exists() and not path.is_file():
        raise TransferError(f"{path} is no file: name the report that was written with --report FILE")
    try:
        with path.open(encoding="utf-8") as file:
            header = json.loads(next(file, "{}"))
            if header.get("format") != _FORMAT or header.get("version") != _VERSION:
                raise TransferError(f"{path} is not a report that can be checked again: make one with --report FILE")
            whole = False
            for line in file:
                document = json.loads(line)
                whole = "report" in document
                if not whole:
                    yield ManifestRange(document["part"], document["table"], document["keys"], document["digests"])
            if not whole:
                raise TransferError(f"{path} is cut off: its last line is missing")
    except FileNotFoundError:
        raise TransferError(f"there is no report {path}: check the path") from None
    except OSError as error:
        raise TransferError(f"cannot read the report {path}: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError):
        raise TransferError(f"{path} is not a report that can be checked again: make one with --report FILE") from None
