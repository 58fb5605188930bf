"""What ChromaDB 0.5.5 and 1.5.9 wrote comes out as they themselves give it back, bit for bit."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stoic_emperor.legacy.chroma import ChromaRecord, open_chroma


def exact(metadata: Any) -> str:
    """With types and floats told apart, whatever the order."""
    return json.dumps(dict(metadata), sort_keys=True)


@pytest.mark.parametrize(
    ("archive", "truth", "version"),
    [
        ("chroma_0.5.5.tar.xz", "truth_chroma_0.5.5", "0.5.0 to 0.5.5"),
        ("chroma_1.5.9_3300.tar.xz", "truth_big_1.5.9", "1.x"),
    ],
)
def test_every_record_is_as_chroma_gives_it(  # noqa: PLR0917 - fixtures come by name
    data: Path, tmp_path: Path, fingerprint: Callable[[Path], object], archive: str, truth: str, version: str
) -> None:
    texts = json.loads((data / f"{truth}.json").read_text("utf-8"))
    with np.load(data / f"{truth}.npz") as arrays:
        vectors = {name: arrays[name] for name in arrays.files}
    if "emb" in vectors:
        texts = {"semantic": texts}
        vectors = {"semantic": vectors["emb"], "semantic_ids": vectors["ids"]}
    with tarfile.open(data / archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (path,) = (tmp_path / "unpacked").iterdir()
    before = fingerprint(path)
    with open_chroma(path) as directory:
        assert directory.version_hint == version
        assert {c.name: (c.count, c.dimension, c.space) for c in directory.collections} == {
            name: (len(records), 384, "l2") for name, records in texts.items()
        }
        for collection in directory.collections:
            found = {r.id: r for r in directory.read(collection) if isinstance(r, ChromaRecord)}
            ids = vectors[f"{collection.name}_ids"].tolist()
            expected = dict(zip(ids, vectors[collection.name], strict=True))
            assert found.keys() == texts[collection.name].keys()
            for id_, record in found.items():
                document, metadata = texts[collection.name][id_]
                assert (record.document, exact(record.metadata)) == (document, exact(metadata)), id_
                assert record.vector == expected[id_].astype("<f4").tobytes(), id_
                assert record.flaw is None
    assert fingerprint(path) == before
