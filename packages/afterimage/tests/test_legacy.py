"""Every row of an earlier memory is carried as it is, or kept aside with its reason; none stops the others."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from afterimage.legacy import carry_over, is_legacy, open_legacy
from afterimage.legacy_rows import LONG_SESSION, NOT_SEARCHABLE
from capsa import DatabaseUrl, SourceMissing, SourceUnreadable, Store, open_database, transfer

VECTOR = np.random.default_rng(1).standard_normal(384).astype("<f4").tobytes()
WHEN = "2026-01-06T12:00:00+00:00"
_SCHEMA = """CREATE TABLE code_memory (id TEXT PRIMARY KEY, file_path TEXT NOT NULL, old_code TEXT,
new_code TEXT NOT NULL, context TEXT, timestamp TEXT NOT NULL, session_id TEXT, embedding BLOB,
UNIQUE(file_path, timestamp))"""

FLOATS = struct.Struct("<384f")


def with_number(value: float) -> bytes:
    return VECTOR[:-4] + struct.pack("<f", value)


def raw_text(data: bytes) -> str:
    """A text that is not UTF-8, as SQL."""
    return f"CAST(X'{data.hex()}' AS TEXT)"


#: Case -> the columns that differ from an ordinary row; a str with "CAST(" is SQL.
CARRIED: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "NUL in the code": {"new_code": "a\0b"},
    "NUL in the old code": {"old_code": "\0"},
    "NUL in the path": {"file_path": "/a\0b"},
    "NUL in the context": {"context": "\0\0"},
    "NUL in the session": {"session_id": "a\0"},
    "NUL in the id": {"id": "i\0d"},
    "lone surrogate": {"new_code": raw_text(b"\xed\xa0\x80")},
    "Latin-1 bytes": {"new_code": raw_text(b"caf\xe9")},
    "Latin-1 bytes in the old code": {"old_code": raw_text(b"caf\xe9")},
    "Latin-1 bytes in the path": {"file_path": raw_text(b"/caf\xe9.py")},
    "the escape's own character": {"new_code": "\ufdd0 0000 \ufdd00000"},
    "noncharacters": {"new_code": "\uffff\ufffe\U0010ffff"},
    "byte order mark": {"new_code": "\ufeffx = 1"},
    "emoji and combining marks": {"new_code": "👩‍👩‍👧 e\u0301 \u202eright to left"},
    "CJK": {"new_code": "変数 = 1", "file_path": "/漢字.py"},
    "carriage returns": {"new_code": "a\r\nb\rc\n"},
    "backslashes and quotes": {"new_code": "\\N \\. '\"\\x00 \t"},
    "empty code": {"new_code": ""},
    "empty old code": {"old_code": ""},
    "no old code": {"old_code": None},
    "empty context": {"context": ""},
    "no context": {"context": None},
    "empty path": {"file_path": ""},
    "empty session": {"session_id": ""},
    "no session": {"session_id": None},
    "empty id": {"id": ""},
    "id of 512 bytes": {"id": "x" * 512},
    "session of 600 bytes": {"session_id": "s" * 600},
    "path of 9 kB that does not compress": {"file_path": "/" + hashlib.shake_128(b"p").hexdigest(4500)},
    "1 MB of distinct words": {"new_code": " ".join(f"w{n:x}q" for n in range(130_000))},
    "2 MB in one word": {"new_code": "x" * 2_000_000},
    "time with Z": {"timestamp": "2026-01-06T12:00:01.250Z"},
    "time with another zone": {"timestamp": "2026-01-06T14:00:00+02:00"},
    "time without zone": {"timestamp": "2026-01-06T12:00:02"},
    "nanoseconds": {"timestamp": "2026-01-06T12:00:00.123456789+00:00"},
    "year 1": {"timestamp": "0001-01-01T00:00:00+00:00"},
    "year 9999": {"timestamp": "9999-12-31T23:59:59.999999+00:00"},
    "epoch seconds": {"timestamp": "1767700800"},
    "epoch milliseconds": {"timestamp": "1767700800123"},
    "epoch float": {"timestamp": "1767700800.25"},
    "empty time": {"timestamp": ""},
    "unreadable time": {"timestamp": "last tuesday"},
    "impossible date": {"timestamp": "2026-02-30T00:00:00Z"},
    "NUL in the time": {"timestamp": "2026\0"},
    "no vector": {"embedding": None},
    "empty vector": {"embedding": b""},
    "odd length": {"embedding": VECTOR[:-1]},
    "3 dimensions": {"embedding": VECTOR[:12]},
    "768 dimensions": {"embedding": VECTOR * 2},
    "NaN": {"embedding": with_number(float("nan"))},
    "infinity": {"embedding": with_number(float("inf"))},
    "minus zero and denormals": {"embedding": FLOATS.pack(*[-0.0, 1e-45, 3.4e38, *[0.0] * 381])},
    "all zeros": {"embedding": bytes(1536)},
    "text in place of a vector": {"embedding": "[0.1, 0.2]"},
    "number in place of a vector": {"embedding": 17},
    "BLOB in place of code": {"new_code": b"\xff\x00code"},
}
REFUSED: dict[str, dict[str, Any]] = {
    "no id": {"id": None},
    "id of 513 bytes": {"id": "x" * 513},
    "BLOB in place of an id": {"id": b"abc"},
}
NOT_COMPARABLE = {
    "empty vector", "odd length", "3 dimensions", "768 dimensions", "NaN", "infinity", "text in place of a vector",
    "number in place of a vector",
}  # fmt: skip


def write(path: Path, cases: dict[str, dict[str, Any]], extra: str = "") -> None:
    connection = sqlite3.connect(path)
    connection.execute(_SCHEMA)
    if extra:
        connection.execute(extra)
    for name, case in cases.items():
        values = {
            "id": f"id of {name}",
            "file_path": f"/src/{name}",
            "old_code": "old",
            "new_code": "new",
            "context": "context",
            "timestamp": WHEN,
            "session_id": "session",
            "embedding": VECTOR,
            **case,
        }
        marks = [v if isinstance(v, str) and v.startswith("CAST(X'") else "?" for v in values.values()]
        parameters = [v for v, mark in zip(values.values(), marks, strict=True) if mark == "?"]
        connection.execute(f"INSERT INTO code_memory VALUES ({', '.join(marks)})", parameters)
    connection.commit()
    connection.close()


def truth(path: Path) -> dict[str, tuple[Any, ...]]:
    """What the file holds, undecodable bytes as lone surrogates, by id."""
    connection = sqlite3.connect(path)
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    rows = connection.execute(
        "SELECT id, file_path, old_code, new_code, context, timestamp, session_id, embedding FROM code_memory"
    ).fetchall()
    connection.close()
    return {row[0]: row for row in rows if isinstance(row[0], str) and len(row[0]) <= 512}


def found(url: str) -> dict[str, tuple[Any, ...]]:
    """The same of a memory of ours."""
    with open_database(url) as database:
        code = Store(database, embedder=None).collection("code", owner="local")
        result = {}
        for record in code.iterate():
            metadata = dict(record.metadata)
            spelled = record.created_at_text
            vector = code.vector(record.id, model="all-MiniLM-L6-v2")
            result[record.id] = (
                record.id,
                record.path,
                metadata.get("old_code"),
                record.text,
                record.context,
                record.created_at.isoformat() if spelled is None else spelled,
                metadata.get("session_id", record.session_id),
                None if vector is None else vector.astype("<f4").tobytes(),
            )
        with database.maintain() as tx:
            raw = tx.execute(
                "SELECT id, raw FROM capsa_embeddings e JOIN capsa_records r ON r.owner = e.owner "
                "AND r.collection = e.collection AND r.seq = e.seq WHERE raw IS NOT NULL"
            )
        for key, data in raw:
            result[key] = (*result[key][:7], data)
        return result


def as_bytes(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A BLOB in a text's place counts as its text, and anything in a vector's place as its bytes."""
    row = tuple(v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else v for v in row[:7]) + row[7:]
    vector = row[7]
    return (*row[:7], vector if isinstance(vector, bytes | None) else str(vector).encode())


def bring(path: Path, url: str, **options: Any) -> transfer.Report:
    with closing(open_legacy(path, "UTC")) as source, open_database(url) as target:
        return transfer.transfer(source, target, transfer.Options(**options))


@pytest.fixture
def adversarial(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    write(path, CARRIED | REFUSED)
    return path


def test_every_case_is_carried_faithfully_or_kept_aside(adversarial: Path, store_url: str) -> None:
    before = hashlib.sha256(adversarial.read_bytes()).hexdigest()
    report = bring(adversarial, store_url, range_rows=10)
    expected = {key: as_bytes(row) for key, row in truth(adversarial).items()}
    actual = found(store_url)
    assert actual.keys() == expected.keys()
    assert {key: actual[key] for key in expected if actual[key] != expected[key]} == {}
    assert (report.source_rows, report.migrated, report.failed) == (len(CARRIED) + 3, len(CARRIED), 3)
    assert report.parts[0].quarantined == 3
    assert not report.complete
    assert sorted(line.split(": ")[1] for line in report.quarantined) == [
        "it has no id",
        "its id is a BLOB",
        "its id is longer than 512 bytes",
    ]
    assert report.remarks[NOT_SEARCHABLE] == len(NOT_COMPARABLE)
    assert report.remarks[LONG_SESSION] == 1
    assert report.remarks["time unreadable, kept as spelled"] == 4
    assert report.remarks["time is an epoch number, kept as spelled"] == 3
    assert report.remarks["time without zone, read as UTC"] == 1
    assert report.zone == "UTC"
    assert hashlib.sha256(adversarial.read_bytes()).hexdigest() == before


def test_there_and_back_every_case_is_still_the_same(adversarial: Path, postgres_url: str, sqlite_url: str) -> None:
    bring(adversarial, postgres_url)
    with closing(transfer.open_source(postgres_url)) as source, open_database(sqlite_url) as target:
        assert transfer.transfer(source, target).complete
    assert found(sqlite_url) == found(postgres_url)
    with open_database(sqlite_url) as database, database.maintain() as tx:
        rows = tx.execute("SELECT content FROM capsa_quarantine ORDER BY source_key")
    assert json.loads(rows[0][0])["id"] == {"type": "null"}


def test_again_nothing_is_doubled_and_the_refused_are_still_told(adversarial: Path, store_url: str) -> None:
    bring(adversarial, store_url)
    report = bring(adversarial, store_url)
    assert (report.migrated, report.skipped, report.failed) == (0, len(CARRIED), 3)
    assert len(report.quarantined) == 3


@pytest.mark.parametrize("name", ["v010_small", "v020_small", "v080_small"])
def test_real_memories_arrive_whole(name: str, data: Path, store_url: str) -> None:
    path = data / f"legacy_memory_{name}.db"
    report = bring(path, store_url)
    assert report.complete
    assert found(store_url) == truth(path)
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("CREATE TABLE t (a)")


def test_every_column_and_table_of_0_8_comes_along(data: Path, store_url: str) -> None:
    path = data / "legacy_memory_v080_small.db"
    report = bring(path, store_url)
    assert {part.name: part.migrated for part in report.parts} == {
        "code_memory": 523,
        "pattern_clusters": 87,
        "pattern_members": 157,
    }
    assert report.layout == "AfterImage 0.8"
    assert [line for line in report.not_carried if "not known" in line] == []
    assert any(line.startswith("table ai2b_terms: derived") for line in report.not_carried)
    columns = ("content_hash", "unit_key", "version", "supersedes", "is_latest", "seen_count", "last_seen")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        expected = {row[0]: row[1:] for row in connection.execute(f"SELECT id, {', '.join(columns)} FROM code_memory")}
        names = [row[1] for row in connection.execute("PRAGMA table_info(pattern_clusters)")]
        clusters = {
            row[0]: dict(zip(names, row, strict=True)) for row in connection.execute("SELECT * FROM pattern_clusters")
        }
    with open_database(store_url) as database:
        store = Store(database, embedder=None)
        for record in store.collection("code", owner="local").iterate():
            assert tuple(record.metadata.get(name) for name in columns) == expected[record.id]
        for record in store.collection("pattern-clusters", owner="local").iterate():
            cluster = clusters[record.id]
            placed = {"cluster_id", "first_seen", "normalized_code", "representative_file_path"}
            assert dict(record.metadata) == {k: v for k, v in cluster.items() if k not in placed and v is not None}
            assert (record.text, record.path) == (cluster["normalized_code"], cluster["representative_file_path"])
        assert store.collection("pattern-members", owner="local").count() == 157


def test_a_table_nobody_knows_is_named(tmp_path: Path, sqlite_url: str) -> None:
    write(tmp_path / "old.db", {"ordinary": {}}, "CREATE TABLE my_notes (a)")
    report = bring(tmp_path / "old.db", sqlite_url)
    assert report.not_carried == ("table my_notes: not known here",)


def test_a_column_nobody_knows_goes_into_the_metadata(tmp_path: Path, sqlite_url: str) -> None:
    path = tmp_path / "old.db"
    write(path, {"ordinary": {}})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE code_memory ADD COLUMN mood TEXT DEFAULT 'calm'")
        connection.execute("ALTER TABLE code_memory ADD COLUMN weight REAL DEFAULT 0.1")
        connection.commit()
    assert bring(path, sqlite_url).complete
    with open_database(sqlite_url) as database:
        record = Store(database, embedder=None).collection("code", owner="local").get("id of ordinary")
    assert record is not None
    assert record.metadata == {"old_code": "old", "mood": "calm", "weight": 0.1}


class TestPostgres:
    """The tables that the earlier program kept in PostgreSQL."""

    @pytest.fixture
    def earlier(self, postgres_url: str) -> str:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE code_memory (id text PRIMARY KEY, file_path text NOT NULL, old_code text, "
                'new_code text NOT NULL, context text, "timestamp" timestamptz NOT NULL, session_id text, '
                "embedding vector(384), search_vector tsvector, content_hash text, unit_key text, version integer, "
                "supersedes text, is_latest boolean NOT NULL DEFAULT true, seen_count integer NOT NULL DEFAULT 1, "
                "last_seen timestamptz, UNIQUE (file_path, timestamp))"
            )
            connection.execute("CREATE TABLE ai2b_terms (term text, postings bytea)")
            numbers = "[" + ",".join(map(str, np.frombuffer(VECTOR, "<f4"))) + "]"
            for n, (when, last) in enumerate(
                [("2026-01-06 12:00:00.5+00", "2026-02-01 00:00+00"), ("infinity", None), ("-infinity", None)]
            ):
                connection.execute(
                    "INSERT INTO code_memory VALUES (%s, %s, %s, 'new', NULL, %s, 's', %s, NULL, 'h', 'u', 2, NULL, "
                    "%s, 3, %s)",
                    (f"p{n}", f"/p{n}", "" if n else None, when, None if n else numbers, n > 0, last),
                )
        return postgres_url

    def test_come_along_into_the_same_database(self, earlier: str) -> None:
        from afterimage.legacy_postgres import has_tables, open_tables

        url = DatabaseUrl.parse(earlier)
        assert has_tables(url)
        with closing(open_tables(url)) as source, open_database(earlier) as target:
            report = transfer.transfer(source, target)
            code = Store(target, embedder=None).collection("code", owner="local")
            first = code.get("p0")
            vector = code.vector("p0", model="all-MiniLM-L6-v2")
            second = code.get("p1")
        assert report.complete
        assert first is not None
        assert second is not None
        assert vector is not None
        assert vector.astype("<f4").tobytes() == VECTOR
        assert first.created_at.isoformat() == "2026-01-06T12:00:00.500000+00:00"
        assert first.metadata == {
            "content_hash": "h",
            "unit_key": "u",
            "version": 2,
            "is_latest": False,
            "seen_count": 3,
            "last_seen": "2026-02-01T00:00:00+00:00",
        }
        assert second.created_at_text == "infinity"
        assert second.metadata["old_code"] == ""
        assert report.not_carried == ("table ai2b_terms: derived from the entries, built anew",)

    def test_that_are_not_there_are_missed_by_name(self, postgres_url: str) -> None:
        from afterimage.legacy_postgres import has_tables, open_tables

        assert not has_tables(DatabaseUrl.parse(postgres_url))
        with pytest.raises(SourceMissing, match="no table code_memory"):
            open_tables(DatabaseUrl.parse(postgres_url))


def test_a_memory_is_told_from_other_files(tmp_path: Path, sqlite_url: str) -> None:
    write(tmp_path / "old.db", {"ordinary": {}})
    (tmp_path / "text").write_text("hello")
    open_database(sqlite_url).close()
    assert is_legacy(tmp_path / "old.db")
    for name in ("text", "missing", ".", "memory.db"):
        assert not is_legacy(tmp_path / name)
    assert not (tmp_path / "missing").exists()
    with pytest.raises(SourceUnreadable, match="not a memory of AfterImage"):
        open_legacy(tmp_path / "memory.db")


def test_a_code_memory_of_other_columns_is_told_which_it_lacks(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE code_memory (id, file_path, old_code, new_code, context, timestamp)")
    with pytest.raises(SourceUnreadable, match="its table code_memory has no embedding, session_id"):
        open_legacy(tmp_path / "other.db")


def test_carrying_over_keeps_the_old_file_and_tells_how_far_it_is(tmp_path: Path) -> None:
    write(tmp_path / "old.db", CARRIED)
    before = hashlib.sha256((tmp_path / "old.db").read_bytes()).hexdigest()
    told: list[tuple[str, int, int]] = []
    report = carry_over(tmp_path / "old.db", tmp_path / "own.db", lambda *step: told.append(step))
    assert report.complete
    assert ("Comparing entries", len(CARRIED), len(CARRIED)) in told
    assert hashlib.sha256((tmp_path / "old.db").read_bytes()).hexdigest() == before
    assert (tmp_path / "own.db").stat().st_mode & 0o777 == 0o600


def test_rows_that_cannot_be_carried_lock_nobody_out(adversarial: Path, tmp_path: Path) -> None:
    report = carry_over(adversarial, tmp_path / "own.db")
    assert report.failed == 3
