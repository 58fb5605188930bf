import datetime as dt
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from afterimage import settings
from afterimage.config import load_config
from afterimage.errors import InvalidEntry, NotAMemory
from afterimage.storage import (
    PostgreSQLBackend,
    SQLiteBackend,
    StorageBackend,
    SyncPostgreSQLBackend,
    get_storage_backend,
)
from capsa import DatabaseUnavailable, InvalidRecord, ModelMismatch

VECTOR = [0.0] * 383 + [1.0]
ODD_TEXTS = ["", "nul \0 here", "lone \ud800 surrogate", "日本語 🎉 שלום", "a\r\nb\tc", "%_'\"\\;--", "x" * 300_000]


def test_what_is_stored_comes_back(memory: StorageBackend) -> None:
    entry_id = memory.store(
        "/p/a.py", "new", "old", "context", "session", embedding=VECTOR, timestamp="2026-01-06T12:00:00.000Z"
    )
    entry = memory.get(entry_id)
    assert entry is not None
    assert entry.to_dict() == {
        "id": entry_id,
        "file_path": "/p/a.py",
        "new_code": "new",
        "old_code": "old",
        "context": "context",
        "timestamp": "2026-01-06T12:00:00.000Z",
        "session_id": "session",
        "embedding": VECTOR,
    }
    assert len(entry_id) == 36
    assert memory.get("unknown") is None


@pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
def test_any_text_comes_back_as_it_was(memory: StorageBackend, text: str) -> None:
    entry = memory.get(memory.store(text[:200], text, text, text, text[:50] or None))
    assert entry is not None
    assert (entry.file_path, entry.new_code, entry.old_code, entry.context) == (text[:200], text, text, text)


def test_a_file_that_was_put_in_the_place_of_the_memorys_is_the_memory_from_then_on(home: Path) -> None:
    path, other = home / "m.db", home / "other.db"
    with SQLiteBackend(own_file=other, embedder=lambda: None) as memory:
        memory.store("/p", "of the other")
    with SQLiteBackend(own_file=path, embedder=lambda: None) as memory:
        memory.store("/p", "of the first")
        for file in home.glob("m.db*"):
            file.unlink()
        other.rename(path)
        assert [entry.new_code for entry in memory.iterate()] == ["of the other"]
        memory.store("/p", "written since")
        path.unlink()
        memory.store("/p", "all there is")
    with SQLiteBackend(own_file=path, embedder=lambda: None) as memory:
        assert [entry.new_code for entry in memory.iterate()] == ["all there is"]


@pytest.mark.parametrize("embedding", [None, []])
def test_no_vector_and_an_empty_one_are_the_same(memory: StorageBackend, embedding: list[float] | None) -> None:
    entry = memory.get(memory.store("/p", "code", embedding=embedding))
    assert entry is not None
    assert entry.embedding is None
    assert memory.stats().entries_with_embeddings == 0


def test_storing_makes_no_model_work(memory: StorageBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(memory.embedder), "embed", lambda *_: pytest.fail("the write path called the model"))
    memory.store("/p", "code")


def test_vectors_of_another_length_are_refused_not_cut(memory: StorageBackend) -> None:
    memory.store("/p", "code", embedding=VECTOR)
    with pytest.raises(ModelMismatch):
        memory.store("/p", "code", embedding=[1.0, 2.0])
    with pytest.raises(ModelMismatch):
        memory.search_semantic([1.0, 2.0, 3.0])
    assert memory.stats().total_entries == 1


def test_embedding_dim_is_held_to() -> None:
    backend = PostgreSQLBackend(embedding_dim=3)
    with pytest.raises(InvalidEntry, match="4 numbers, not the 3"):
        backend.store("/p", "code", embedding=[1.0] * 4)


def test_many_at_once_are_all_or_none(memory: StorageBackend) -> None:
    from afterimage.entries import StorageEntry

    entries = [StorageEntry(f"id-{n}", f"/p/{n}.py", f"code {n}") for n in range(1200)]
    assert memory.store_many(entries, [VECTOR if n % 2 else None for n in range(1200)]) == [e.id for e in entries]
    assert memory.stats().entries_with_embeddings == 600
    with pytest.raises(InvalidRecord):
        memory.store_many([StorageEntry("new", "/p", "c"), StorageEntry("id-7", "/p", "c")])
    assert memory.get("new") is None


def test_changing_and_forgetting(memory: StorageBackend) -> None:
    first, second = memory.store("/a", "one"), memory.store("/b", "two")
    assert memory.update_embedding(first, VECTOR)
    assert not memory.update_embedding("unknown", VECTOR)
    with pytest.raises(InvalidEntry):
        memory.update_embedding(first, [])
    assert [e.id for e in memory.get_all_with_embeddings()] == [first]
    assert memory.delete(second)
    assert not memory.delete(second)
    assert memory.search_fts("two") == []
    assert memory.clear() == 1
    assert memory.stats().total_entries == 0
    assert memory.get_recent() == []


def test_recent_session_path_and_export(memory: StorageBackend) -> None:
    for n in range(60):
        memory.store(
            f"/p/{'even' if n % 2 == 0 else 'odd'}/{n}.py",
            f"code {n}",
            session_id=f"s{n % 3}",
            timestamp=dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=n),
        )
    assert [e.new_code for e in memory.get_recent(3)] == ["code 59", "code 58", "code 57"]
    assert len(memory.get_recent()) == 20
    assert [e.new_code for e in memory.get_by_session("s1")][:2] == ["code 1", "code 4"]
    assert [e.new_code for e in memory.search_by_path("/even/", 2)] == ["code 58", "code 56"]
    assert [e.new_code for e in memory.search_by_path("/p/odd/*9.py", 100)][-1] == "code 9"
    assert {e["new_code"] for e in memory.export()} == {f"code {n}" for n in range(60)}


def test_wildcards_of_sql_are_only_characters(memory: StorageBackend) -> None:
    memory.store("/p/100%_done.py", "a")
    memory.store("/p/100xxdone.py", "b")
    assert [e.new_code for e in memory.search_by_path("%_")] == ["a"]
    assert [e.new_code for e in memory.search_by_path("100%")] == ["a"]
    assert memory.search_by_path("p%done") == []


def test_statistics(memory: StorageBackend) -> None:
    assert memory.stats().to_dict() == {
        "total_entries": 0,
        "entries_with_embeddings": 0,
        "unique_files": 0,
        "unique_sessions": 0,
        "oldest_entry": None,
        "newest_entry": None,
        "db_size_bytes": memory.stats().db_size_bytes,
        "backend_type": memory.backend_type,
    }
    memory.store("/a", "1", session_id="s", embedding=VECTOR, timestamp="2026-01-06T12:00:00.000Z")
    memory.store("/a", "2", timestamp="2026-01-07T12:00:00+00:00")
    found = memory.stats()
    assert (found.total_entries, found.entries_with_embeddings) == (2, 1)
    assert (found.unique_files, found.unique_sessions) == (1, 1)
    assert (found.oldest_entry, found.newest_entry) == ("2026-01-06T12:00:00+00:00", "2026-01-07T12:00:00+00:00")
    assert found.db_size_bytes > 0


@pytest.mark.parametrize("query", ["path/to/file.py", "a+=b", "x = y.z()", '"quoted', "AND OR NOT", "*", "(", "%", ""])
def test_no_query_fails(memory: StorageBackend, query: str) -> None:
    memory.store("/path/to/file.py", "a+=b\nx = y.z()")
    memory.search_fts(query)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("日本", "# 日本語のコメント"),
        ("🎉", "print('🎉')"),
        ("to/file.py", "one"),
        ("a.b+=c", "a.b+=c"),
        ("get_name", "getName"),
    ],
)
def test_found_though_it_is_no_plain_word(memory: StorageBackend, query: str, code: str) -> None:
    wanted = memory.store("/path/to/file.py", code)
    memory.store("/other/place.rs", "fn main() {}")
    assert [e.id for e in memory.search_fts(query)] == [wanted]


def test_more_than_forty_neighbours_come_when_asked_for(memory: StorageBackend) -> None:
    from afterimage.entries import StorageEntry

    count = 120
    vectors = [[1.0, n / 1000, *[0.0] * 382] for n in range(count)]
    memory.store_many([StorageEntry(f"e{n}", "/p", f"c{n}") for n in range(count)], vectors)
    found = memory.search_semantic([1.0, *[0.0] * 383], limit=100)
    assert [entry.id for entry, _ in found] == [f"e{n}" for n in range(100)]
    assert found[0][1] == pytest.approx(1.0, abs=1e-6)
    assert len(memory.search_fts("p", limit=100)) == 100


def test_one_backend_shared_by_ten_threads(memory: StorageBackend) -> None:
    failed: list[Exception] = []
    begin = threading.Barrier(10)

    def work(thread: int) -> None:
        try:
            begin.wait()
            for n in range(20):
                memory.store(f"/p/{thread}.py", f"thread{thread} entry{n}", embedding=VECTOR)
                assert memory.search_fts(f"thread{thread}", limit=1)
        except Exception as error:  # noqa: BLE001  # a thread's errors end with it
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert memory.stats().total_entries == 200


def test_it_opens_again_after_closing(memory: StorageBackend) -> None:
    entry_id = memory.store("/p", "code")
    memory.close()
    memory.close()
    assert memory.get(entry_id) is not None


# Opening


def test_nothing_is_opened_before_the_first_use(home: Path) -> None:
    backend = get_storage_backend()
    assert isinstance(backend, SQLiteBackend)
    assert list(home.iterdir()) == []
    PostgreSQLBackend("nowhere.invalid")


def test_a_new_file_is_for_its_owner_alone(home: Path) -> None:
    with get_storage_backend() as backend:
        backend.initialize()
    file = home / ".afterimage" / "memory.capsa.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_file_that_is_no_memory_is_left_alone(home: Path) -> None:
    file = home / "letter.txt"
    file.write_text("Dear reader, " * 100)
    with pytest.raises(NotAMemory, match="letter.txt"):
        SQLiteBackend(file).stats()
    assert file.read_text() == "Dear reader, " * 100


def test_the_configuration_reaches_the_backend(home: Path, guide_postgres_url: str) -> None:
    from capsa import DatabaseUrl

    url = DatabaseUrl.parse(guide_postgres_url)
    environ = {
        "HOME": str(home),
        "AFTERIMAGE_BACKEND": "postgresql",
        "AFTERIMAGE_PG_HOST": str(url.host),
        "AFTERIMAGE_PG_PORT": str(url.port),
        "AFTERIMAGE_PG_DATABASE": str(url.database),
        "AFTERIMAGE_PG_USER": str(url.user),
        "AFTERIMAGE_PG_PASSWORD": str(url.password),
        "AFTERIMAGE_EMBEDDING_MODEL": "none",
    }
    with get_storage_backend(load_config(environ=environ)) as backend:
        backend.store("/p", "code")
        assert backend.stats().backend_type == "postgresql"
        assert backend.embedder is None
        assert str(url.password) not in f"{backend.url!r}{backend.url}"


def test_each_part_of_a_server_can_be_given(guide_postgres_url: str) -> None:
    from capsa import DatabaseUrl

    url = DatabaseUrl.parse(guide_postgres_url)
    with SyncPostgreSQLBackend(url.host, url.port, url.database, url.user, url.password, min_pool_size=0) as backend:
        assert backend.stats().total_entries == 0


def test_pool_sizes_are_honoured(postgres_url: str) -> None:
    with PostgreSQLBackend(connection_string=postgres_url, min_pool_size=1, max_pool_size=3) as backend:
        assert backend._options() == {"min_connections": 1, "max_connections": 3}
        backend.initialize()


def test_a_server_that_is_not_there_is_one_line_without_the_password() -> None:
    backend = PostgreSQLBackend("127.0.0.1", 1, password="p@ss/w:rd#1")
    with pytest.raises(DatabaseUnavailable, match="systemctl start postgresql") as caught:
        backend.stats()
    assert "p@ss" not in str(caught.value)


def test_without_the_driver_the_extra_is_named(home: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "from afterimage import PostgreSQLBackend\n"
        "PostgreSQLBackend().stats()\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (
        'MissingDriver: PostgreSQL needs its driver, which is not installed: pip install "ai-afterimage' in run.stderr
    )


def test_a_model_that_does_not_exist_costs_the_meaning_only(home: Path) -> None:
    environ = {"HOME": str(home), "AFTERIMAGE_EMBEDDING_MODEL": "no-such-model"}
    with get_storage_backend(load_config(environ=environ)) as backend:
        backend.store("/p", "find me")
        assert backend.embedder_problem
        assert len(backend.search_fts("find")) == 1


def test_both_backends_are_documented_settings() -> None:
    assert {SQLiteBackend.backend_type, PostgreSQLBackend.backend_type} == set(settings.BACKENDS)
