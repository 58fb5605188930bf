"""The files of one vector index (hnswlib, in the persistent variant that Chroma ships).

| file | holds |
|---|---|
| ``header.bin`` | 100 bytes, see `Header` |
| ``data_level0.bin`` | the elements: u16 neighbours, u8 flags (bit 0: deleted), u8, u32[maxM0], float32[n], u64 label |
| ``length.bin`` | float32 for each element: in a cosine index what its unit vector was divided by; else unset memory |
| ``index_metadata.pickle`` | id -> label; without it nothing was ever saved, and the other files mean nothing |

``link_lists.bin`` is the upper part of the graph, which is not needed. ChromaDB gives the vectors of a cosine
index back multiplied by their lengths, in float32, and so does this: the same bits (0.5.5, 0.6.3 and 1.5.9).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

HEADER_FILE = "header.bin"
DATA_FILE = "data_level0.bin"
LENGTH_FILE = "length.bin"
ID_MAP_FILE = "index_metadata.pickle"
#: What is needed of an index.
FILES = (HEADER_FILE, DATA_FILE, LENGTH_FILE, ID_MAP_FILE)

HEADER = struct.Struct("<i6QiI3QdQ")
_VERSION = 1
_LABEL_BYTES = 8
_DELETED = 1
_FLAGS_AT = 2
_MAX_ELEMENT_BYTES = 1 << 24
_CHUNK_BYTES = 1 << 20


class InvalidIndex(Exception):
    """Not an index as Chroma writes it; the reason is the message. Never leaves this package."""


@dataclass(frozen=True, slots=True)
class Header:
    """The layout of the elements."""

    elements: int
    element_bytes: int
    label_at: int
    vector_at: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read ``header.bin``.

        Raises:
            InvalidIndex: it is cut off, of another version, or contradicts itself.
        """
        if len(data) != HEADER.size:
            raise InvalidIndex(f"{HEADER_FILE} has {len(data)} bytes in place of {HEADER.size}")
        version, level0_at, most, elements, element_bytes, label_at, vector_at, *_ = HEADER.unpack(data)
        if version != _VERSION:
            raise InvalidIndex(f"{HEADER_FILE} is of version {version}, which is not known")
        header = cls(elements, element_bytes, label_at, vector_at)
        vector_bytes = label_at - vector_at
        sound = (
            level0_at == 0
            and elements <= most
            and element_bytes == label_at + _LABEL_BYTES <= _MAX_ELEMENT_BYTES
            and vector_at > _FLAGS_AT
            and vector_bytes > 0
            and vector_bytes % 4 == 0
        )
        if not sound:
            raise InvalidIndex(f"{HEADER_FILE} contradicts itself")
        return header

    @property
    def dimension(self) -> int:
        return (self.label_at - self.vector_at) // 4


class Elements:
    """The vectors of an index, by position; reads what is asked for and no more."""

    def __init__(self, folder: Path, *, cosine: bool) -> None:
        """Open the files.

        Args:
            cosine: whether the vectors are kept at unit length.

        Raises:
            InvalidIndex: they are not an index.
            OSError: one of them cannot be read.
        """
        self.header = Header.parse((folder / HEADER_FILE).read_bytes())
        self._lengths: BinaryIO | None = None
        self._file: BinaryIO = (folder / DATA_FILE).open("rb", buffering=0)
        if cosine:
            self._lengths = (folder / LENGTH_FILE).open("rb", buffering=0)
        whole = (folder / DATA_FILE).stat().st_size // self.header.element_bytes
        self.present = min(whole, self.header.elements)

    @property
    def cut_off(self) -> bool:
        """Whether the file ends before the last element."""
        return self.present < self.header.elements

    @property
    def damaged(self) -> bool:
        """Whether one of the files ends before the last element."""
        if self._lengths is None:
            return self.cut_off
        return self.cut_off or Path(self._lengths.name).stat().st_size < 4 * self.header.elements

    def labels(self) -> Iterator[tuple[int, int, bool]]:
        """Label, position and whether it is deleted, of every element that is there."""
        header = self.header
        at_once = max(1, _CHUNK_BYTES // header.element_bytes)
        for first in range(0, self.present, at_once):
            count = min(at_once, self.present - first)
            data = _read(self._file, first * header.element_bytes, count * header.element_bytes)
            rows = np.frombuffer(data, np.uint8).reshape(count, header.element_bytes)
            labels = np.ascontiguousarray(rows[:, header.label_at :]).view("<u8")[:, 0]
            deleted = rows[:, _FLAGS_AT] & _DELETED
            for offset in range(count):
                yield int(labels[offset]), first + offset, bool(deleted[offset])

    def vector(self, position: int) -> bytes:
        """The vector at a position.

        Raises:
            InvalidIndex: the file ends before it.
        """
        header = self.header
        at = position * header.element_bytes + header.vector_at
        vector = _read(self._file, at, header.label_at - header.vector_at)
        if self._lengths is None:
            return vector
        length = np.frombuffer(_read(self._lengths, 4 * position, 4), "<f4")
        lengthened: bytes = (np.frombuffer(vector, "<f4") * length).tobytes()
        return lengthened

    def close(self) -> None:
        self._file.close()
        if self._lengths is not None:
            self._lengths.close()


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    parts = []
    while count and (data := file.read(count)):
        parts.append(data)
        count -= len(data)
    if count:
        raise InvalidIndex(f"{Path(file.name).name} is cut off")
    return b"".join(parts)
