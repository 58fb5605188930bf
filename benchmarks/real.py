"""Real texts with real vectors: 5,000 entries of an AfterImage memory, and the functions and queries of CoSQA.

Their vectors are all-MiniLM-L6-v2's, made once (about 33 texts a second) and kept in the cache.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import places
from capsa import Record
from capsa.embed import MiniLM

_CHUNK = 512


class CachedMiniLM:
    """all-MiniLM-L6-v2, which remembers every vector it made."""

    def __init__(self) -> None:
        self._model = MiniLM()
        self._path = places.cache() / "minilm.npz"
        self._known: dict[str, NDArray[np.float32]] = {}
        if self._path.exists():
            with np.load(self._path) as file:
                self._known = dict(zip(file["keys"].tolist(), file["vectors"], strict=True))

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def dimensions(self) -> int:
        return self._model.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `capsa.Embedder`."""
        keys = [hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if missing:
            self._known |= zip(missing, self._model.embed(list(missing.values())), strict=True)
        if not keys:
            return np.zeros((0, self.dimensions), np.float32)
        return np.stack([self._known[key] for key in keys])

    def prepare(self, texts: Sequence[str], *, say: bool = False) -> None:
        """Make the vectors of many texts and keep them for the next run."""
        before = len(self._known)
        for start in range(0, len(texts), _CHUNK):
            made = len(self._known)
            self.embed(texts[start : start + _CHUNK])
            if len(self._known) > made:
                self._save()
                if say:
                    print(f"  vectors: {min(start + _CHUNK, len(texts))}/{len(texts)}", flush=True)
        if len(self._known) > before:
            self._save()

    def _save(self) -> None:
        part = self._path.with_suffix(".part.npz")
        np.savez(part, keys=np.array(list(self._known)), vectors=np.stack(list(self._known.values())))
        part.replace(self._path)


@dataclass(frozen=True, slots=True)
class Query:
    """A text to search with, and the record that answers it."""

    text: str
    answer: str
    kind: str = ""


def legacy_memory() -> Path:
    """The 5,000 entries as a file of AfterImage's predecessor, unpacked into the cache."""
    target = places.cache() / "legacy_memory_5000.db"
    if not target.exists():
        part = target.with_suffix(".part")
        part.write_bytes(lzma.decompress(places.data("afterimage/legacy_memory_5000.db.xz").read_bytes()))
        part.replace(target)
    return target


def entries() -> list[Record]:
    """The 5,000 entries as records, in the order they were written."""
    connection = sqlite3.connect(f"{legacy_memory().as_uri()}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT id, file_path, new_code, context, session_id FROM code_memory ORDER BY rowid")
        return [
            Record(id=id_, path=path, text=text, context=context, session_id=session)
            for id_, path, text, context, session in rows
        ]
    finally:
        connection.close()


def cosqa() -> tuple[list[Record], list[Query]]:
    """The functions and queries of CoSQA's development set (Huang et al., ACL 2021)."""
    numbers: dict[str, int] = json.loads(places.data("retrieval/cosqa_code_idx_map.txt").read_text(encoding="utf-8"))
    queries = json.loads(places.data("retrieval/cosqa-retrieval-dev-500.json").read_text(encoding="utf-8"))
    records = [Record(id=str(number), text=code) for code, number in numbers.items()]
    return records, [Query(query["doc"], str(query["retrieval_idx"])) for query in queries]
