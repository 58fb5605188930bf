from pathlib import Path

import pytest

from afterimage import KnowledgeBase, quick_search
from afterimage.storage import StorageBackend

VECTOR = [1.0] + [0.0] * 383


def test_dicts_in_and_out(memory: StorageBackend) -> None:
    with KnowledgeBase(memory) as base:
        entry_id = base.store("/a/b.py", "find me", "old", "context", "session", VECTOR, "2026-01-06T12:00:00.000Z")
        other = base.store("/c/d.py", "something else")
        entry = base.get(entry_id)
        assert entry is not None
        assert entry["embedding"] == VECTOR
        assert entry["timestamp"] == "2026-01-06T12:00:00.000Z"
        assert base.get("unknown") is None
        assert [e["id"] for e in base.search_by_path("/c/")] == [other]
        (hit,) = base.search_fts("find")
        assert hit["id"] == entry_id
        assert hit["fts_rank"] > 0
        assert [e["id"] for e in base.get_all_with_embeddings()] == [entry_id]
        assert {e["id"] for e in base.get_recent()} == {entry_id, other}
        assert [e["id"] for e in base.get_by_session("session")] == [entry_id]
        assert base.update_embedding(other, VECTOR)
        assert base.stats()["entries_with_embeddings"] == 2
        assert {e["id"] for e in base.export()} == {entry_id, other}
        assert all(e["embedding"] is None for e in base.export())
        assert base.delete(other)
        assert base.clear() == 1


def test_it_opens_what_is_configured_or_the_file_it_is_given(home: Path) -> None:
    with KnowledgeBase() as base:
        base.store("/p", "configured place")
        assert base.db_path == home / ".afterimage" / "memory.capsa.db"
    assert [r.new_code for r in quick_search("configured")] == ["configured place"]
    with KnowledgeBase(db_path=home / "other.db") as base:
        base.store("/p", "x")
        assert base.db_path == home / "other.capsa.db"


def test_a_memory_in_postgresql_has_no_file(postgres_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERIMAGE_DATABASE_URL", postgres_url)
    with KnowledgeBase() as base:
        assert base.db_path is None
        assert base.stats()["backend_type"] == "postgresql"
