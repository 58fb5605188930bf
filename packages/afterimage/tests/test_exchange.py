import io
import json
import math
import struct
import tracemalloc

import pytest

from afterimage.entries import StorageEntry
from afterimage.errors import NotAMemory
from afterimage.exchange import import_entries, read_entries, write_export
from afterimage.storage import StorageBackend
from capsa.testing.embedders import HashingEmbedder

ODD = StorageEntry(
    "odd",
    "/p/日本.py",
    "nul \0 surrogate \ud800 \r\n",
    "",
    None,
    "2026-01-06T12:00:00.000Z",
    "s",
    version=2,
    is_latest=False,
    metadata={"more": [1, None]},
)
VECTOR = [float(x) for x in struct.unpack("384f", struct.pack("384f", *(math.sin(n) for n in range(384))))]


def exported(backend: StorageBackend, *, vectors: bool = False) -> str:
    stream = io.StringIO()
    write_export(backend, stream, vectors=vectors)
    return stream.getvalue()


@pytest.fixture
def filled(memory: StorageBackend) -> StorageBackend:
    memory.store_many([ODD], [VECTOR])
    memory.store("/p/b.py", "plain", timestamp="2026-01-07T12:00:00+00:00")
    return memory


def test_an_export_is_json_that_counts_itself(filled: StorageBackend) -> None:
    document = json.loads(exported(filled))
    assert document["count"] == len(document["entries"]) == 2
    assert document["exported_at"].startswith("20")
    assert document["entries"][0] == ODD.to_dict()
    filled.clear()
    empty = json.loads(exported(filled))
    assert (empty["entries"], empty["count"]) == ([], 0)


def test_what_was_exported_comes_back_equal_and_once(filled: StorageBackend, tmp_path: object) -> None:
    text = exported(filled, vectors=True)
    before = list(filled.iterate(with_vectors=True))
    filled.clear()
    first = import_entries(filled, io.StringIO(text))
    assert (first.added, first.present, first.refused, first.different) == (2, 0, [], [])
    assert list(filled.iterate(with_vectors=True)) == before
    second = import_entries(filled, io.StringIO(text))
    assert (second.added, second.present) == (0, 2)
    assert exported(filled, vectors=True).split("\n", 1)[1] == text.split("\n", 1)[1]


def test_vectors_are_only_there_when_asked_for(filled: StorageBackend) -> None:
    assert all("vector" not in e and e["embedding"] is None for e in json.loads(exported(filled))["entries"])
    (entry, plain) = json.loads(exported(filled, vectors=True))["entries"]
    assert entry["vector"]["model"] == HashingEmbedder().name
    assert "vector" not in plain


def test_an_entry_with_other_content_keeps_it_unless_told(filled: StorageBackend) -> None:
    text = exported(filled).replace("plain", "changed")
    kept = import_entries(filled, io.StringIO(text))
    assert (kept.present, len(kept.different), kept.replaced) == (1, 1, 0)
    assert filled.search_fts("changed") == []
    assert import_entries(filled, io.StringIO(text), replace=True).replaced == 1
    assert len(filled.search_fts("changed")) == 1
    assert filled.search_fts("plain") == []


def test_the_earlier_programs_export_is_read(memory: StorageBackend) -> None:
    entry = {
        "id": "a",
        "file_path": "/x.py",
        "old_code": None,
        "new_code": "code",
        "context": "",
        "timestamp": "2026-01-06T12:00:00.123456+00:00",
        "session_id": None,
        "embedding": None,
    }
    text = json.dumps({"exported_at": "2026", "count": 1, "entries": [entry]}, indent=2)
    assert import_entries(memory, io.StringIO(text)).added == 1
    assert memory.export() == [{**entry, "context": ""}]


def test_a_list_and_numbers_for_a_vector_are_read_too(memory: StorageBackend) -> None:
    text = json.dumps([{**StorageEntry("a", "/x", "c").to_dict(), "embedding": VECTOR}])
    assert import_entries(memory, io.StringIO(text)).added == 1
    (entry,) = memory.get_all_with_embeddings()
    assert entry.embedding == VECTOR


def test_a_bad_entry_is_named_and_stops_no_other(memory: StorageBackend) -> None:
    good = StorageEntry("good", "/x", "c").to_dict()
    bad = [{"id": "no code"}, 7, {**good, "id": "t", "timestamp": "yesterday"}]
    bad.append({**good, "id": "v", "vector": {"model": "m", "float32": "%"}})
    report = import_entries(memory, io.StringIO(json.dumps({"entries": [*bad, good]})))
    assert report.added == 1
    assert len(report.refused) == 4
    assert "'no code'" in report.refused[0]
    assert "'yesterday'" in report.refused[2]


@pytest.mark.parametrize(
    "text",
    ["", "no json", "{}", '{"entries": 3}', '{"entries": [{"a": 1}', '{"entries": [{"a" 1}]}', "[1, 2", "3", "["],
)
def test_what_is_no_export_is_one_clear_line(text: str) -> None:
    with pytest.raises(NotAMemory) as caught:
        list(read_entries(io.StringIO(text)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 16])
def test_however_the_text_is_cut_it_reads_the_same(size: int) -> None:
    class Dribble(io.StringIO):
        def read(self, wanted: int | None = -1, /) -> str:
            return super().read(min(size, wanted or 0))

    entries = [{"id": str(n), "n": 12345.678, "text": "ü\ud800" * n} for n in range(20)]
    for text in (json.dumps({"count": 123456, "entries": entries, "z": [1]}), json.dumps(entries, indent=3)):
        assert list(read_entries(Dribble("\ufeff  " + text + "\n"))) == entries


def test_an_export_of_any_size_is_read_in_constant_memory() -> None:
    line = json.dumps({"id": "x", "text": "y" * 10_000})

    class Endless(io.StringIO):
        left = 3_000

        def read(self, wanted: int | None = -1, /) -> str:
            self.left -= 1
            if self.left == 2_999:
                return '{"entries": [' + line
            return f",{line}" if self.left > 0 else "]}" if self.left == 0 else ""

    tracemalloc.start()
    assert sum(1 for _ in read_entries(Endless())) == 2_999
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
