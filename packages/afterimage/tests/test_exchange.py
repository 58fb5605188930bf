import io
import json
import math
import sqlite3
import struct
import tempfile
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterimage.cli import main
from afterimage.entries import StorageEntry
from afterimage.errors import NotAMemory
from afterimage.exchange import import_entries, read_entries, write_export
from afterimage.legacy import open_legacy
from afterimage.storage import SQLiteBackend, StorageBackend
from capsa import DatabaseUrl, open_database, transfer
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
    bad: list[Any] = [{"id": "no code"}, 7, {**good, "id": "t", "timestamp": "yesterday", "created_at": "today"}]
    bad.append({**good, "id": "v", "vector": {"model": "m", "float32": "%"}})
    bad.append({**good, "id": "n", "embedding": [0.5, math.nan]})
    bad.append({**good, "id": "large", "embedding": [1e300]})
    bad.append({**good, "id": "words", "embedding": ["one", "two"]})
    report = import_entries(memory, io.StringIO(json.dumps({"entries": [*bad, good]})))
    assert report.added == 1
    assert len(report.refused) == 7
    for told, line in zip(
        ("'no code'", "int", "'today'", "'v'", "'n': its vector", "'large'", "'words'"), report.refused, strict=True
    ):
        assert told in line


def test_an_entry_that_no_memory_may_hold_is_named_and_stops_no_other(memory: StorageBackend) -> None:
    entries = [{"id": id_, "file_path": "/a", "new_code": "x"} for id_ in ("g1", "x" * 600, "g2")]
    report = import_entries(memory, io.StringIO(json.dumps(entries)))
    assert (report.added, len(report.refused)) == (2, 1)
    assert "512 bytes" in report.refused[0]
    assert {entry.id for entry in memory.iterate()} == {"g1", "g2"}


@pytest.mark.parametrize("replace", [False, True])
def test_an_id_that_comes_twice_is_the_same_as_in_two_exports(memory: StorageBackend, *, replace: bool) -> None:
    entries = [{"id": "d", "file_path": "/a", "new_code": code} for code in ("first", "second")]
    report = import_entries(memory, io.StringIO(json.dumps(entries)), replace=replace)
    assert (report.added, report.replaced, report.different) == (1, int(replace), [] if replace else ["d"])
    (entry,) = memory.iterate()
    assert entry.new_code == ("second" if replace else "first")


def test_an_entry_whose_vector_has_another_length_is_taken_without_it_and_named(memory: StorageBackend) -> None:
    entries = [
        {**StorageEntry(f"e{n}", f"/{n}", "c").to_dict(), "embedding": [0.5] * length}
        for n, length in enumerate((384, 3, 384))
    ]
    report = import_entries(memory, io.StringIO(json.dumps(entries)))
    assert report.added == 3
    (line,) = report.refused
    assert "'e1'" in line
    assert [entry.id for entry in memory.get_all_with_embeddings()] == ["e0", "e2"]


# Times

WITHOUT_A_CALENDAR = [
    "garbage",
    "",
    "1767700800",
    "1767700800.25",
    "0001-01-01T00:00:00+02:00",
    "2026-02-30",
    "٣",
    "\0",
]


def test_a_time_that_no_calendar_has_is_taken_as_spelled_and_told(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [
        {**StorageEntry(f"e{n}", "/x", "c").to_dict(), "timestamp": spelled}
        for n, spelled in enumerate(WITHOUT_A_CALENDAR)
        if spelled
    ]
    file = tmp_path / "export.json"
    file.write_text(json.dumps(entries))
    assert main(["import", str(file)]) == 0
    out = capsys.readouterr().out
    assert "Imported: 7" in out
    assert "Remark: 5: time unreadable, kept as spelled" in out
    assert "Remark: 2: time is an epoch number" in out
    assert main(["import", str(file)]) == 0
    assert "Already here: 7" in capsys.readouterr().out
    assert main(["export"]) == 0
    exported = json.loads(capsys.readouterr().out)["entries"]
    assert [entry["timestamp"] for entry in exported] == [spelled for spelled in WITHOUT_A_CALENDAR if spelled]
    assert exported[0]["created_at"] == "1970-01-01T00:00:00+00:00"


def test_a_time_without_zone_is_the_same_moment_wherever_it_is_imported(
    memory: StorageBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.store("/x", "c", timestamp="2026-01-06T12:00:00")
    before = list(memory.collection.iterate())
    text = exported(memory)
    memory.clear()
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert import_entries(memory, io.StringIO(text)).added == 1
    assert list(memory.collection.iterate()) == before


# Whatever an earlier program stored

_COLUMNS = (
    *("file_path", "old_code", "new_code", "context", "timestamp", "session_id", "embedding"),
    *("content_hash", "is_latest", "version", "last_seen", "author", "metadata", "somebody's own"),
)
_numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.binary(max_size=8)
_times = st.sampled_from(
    [*WITHOUT_A_CALENDAR, "2026-01-06T12:00:00", "2026-01-06T14:00:00+02:00", "12:00"]
) | st.datetimes().map(str)


@st.composite
def _rows(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Rows of `_COLUMNS`, each value with whether bytes are a text that is not UTF-8 or a BLOB."""
    value = st.none() | _numbers | _texts
    return [
        tuple((draw(_times | value if name == "timestamp" else value), draw(st.booleans())) for name in _COLUMNS)
        for _ in range(draw(st.integers(1, 6)))
    ]


def _written(path: Path, rows: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        names = ", ".join(f'"{name}"' for name in _COLUMNS)
        connection.execute(f"CREATE TABLE code_memory (id TEXT, {names})")
        for number, row in enumerate(rows):
            marks = ["CAST(? AS TEXT)" if as_text and isinstance(v, bytes) else "?" for v, as_text in row]
            values = [v for v, _ in row]
            connection.execute(f"INSERT INTO code_memory VALUES (?, {', '.join(marks)})", (f"e{number}\0", *values))
        connection.commit()


@settings(max_examples=40)
@given(_rows())
def test_whatever_a_migration_carries_comes_back_from_an_export(rows: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _written(folder / "memory.db", rows)
        with (
            closing(open_legacy(folder / "memory.db", "Europe/Berlin")) as source,
            open_database(DatabaseUrl.for_path(folder / "one.db")) as target,
        ):
            assert transfer.transfer(source, target).complete
        with (
            SQLiteBackend(own_file=folder / "one.db", embedder=HashingEmbedder) as one,
            SQLiteBackend(own_file=folder / "two.db", embedder=HashingEmbedder) as two,
        ):
            text = exported(one)
            report = import_entries(two, io.StringIO(text))
            assert (report.added, report.refused) == (len(rows), [])
            assert list(two.collection.iterate()) == list(one.collection.iterate())
            assert exported(two).split("\n", 1)[1] == text.split("\n", 1)[1]
            assert import_entries(one, io.StringIO(text)).present == len(rows)


@pytest.mark.parametrize(
    "text",
    [
        *("", "no json", "{}", '{"entries": 3}', '{"entries": [{"a": 1}', '{"entries": [{"a" 1}]}', "[1, 2", "3", "["),
        f'[{{"id": "a", "timestamp": {"9" * 5_000}}}]',
    ],
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
