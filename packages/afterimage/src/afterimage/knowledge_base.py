"""The memory with plain dicts in and out, for scripts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend


class KnowledgeBase:
    """A memory of code, opened at its first use; safe to share between threads.

    An entry is a dict as `StorageEntry.to_dict` makes it. Errors are those of `StorageBackend`.
    """

    def __init__(self, backend: StorageBackend | None = None, db_path: Path | str | None = None) -> None:
        """Nothing is opened yet.

        Args:
            backend: the memory; default as configured.
            db_path: a SQLite file instead.

        Raises:
            ConfigError: the configuration, if it is needed, cannot be used.
        """
        from afterimage.storage import SQLiteBackend, get_storage_backend

        if backend is None:
            backend = SQLiteBackend(db_path) if db_path is not None else get_storage_backend()
        #: The memory underneath.
        self.backend: StorageBackend = backend

    @property
    def db_path(self) -> Path | None:
        """The SQLite file; None if the memory is in PostgreSQL."""
        return self.backend.url.path

    def store(  # noqa: PLR0917  # as in `StorageBackend.store`
        self,
        file_path: str,
        new_code: str,
        old_code: str | None = None,
        context: str | None = None,
        session_id: str | None = None,
        embedding: Sequence[float] | None = None,
        timestamp: str | dt.datetime | None = None,
    ) -> str:
        """Remember one piece of code and give its id; see `StorageBackend.store`."""
        return self.backend.store(file_path, new_code, old_code, context, session_id, embedding, timestamp)

    def get(self, entry_id: str) -> dict[str, Any] | None:
        """The entry with this id, vector included, or None."""
        entry = self.backend.get(entry_id)
        return None if entry is None else entry.to_dict()

    def search_by_path(self, pattern: str, limit: int = 10) -> list[dict[str, Any]]:
        """Entries whose path contains or matches ``pattern``, newest first."""
        return [entry.to_dict() for entry in self.backend.search_by_path(pattern, limit)]

    def search_fts(self, query: str, limit: int = 10) -> list[dict[str, Any]]:
        """Entries that share words with ``query``, best first, with ``fts_rank`` (higher is better)."""
        return [entry.to_dict() for entry in self.backend.search_fts(query, limit)]

    def get_all_with_embeddings(self) -> list[dict[str, Any]]:
        """Every entry that has a vector."""
        return [entry.to_dict() for entry in self.backend.get_all_with_embeddings()]

    def get_recent(self, limit: int = 20) -> list[dict[str, Any]]:
        """The latest entries, newest first."""
        return [entry.to_dict() for entry in self.backend.get_recent(limit)]

    def get_by_session(self, session_id: str) -> list[dict[str, Any]]:
        """All entries of one session, oldest first."""
        return [entry.to_dict() for entry in self.backend.get_by_session(session_id)]

    def update_embedding(self, entry_id: str, embedding: Sequence[float]) -> bool:
        """Give an entry its vector; False if there is no such entry."""
        return self.backend.update_embedding(entry_id, embedding)

    def delete(self, entry_id: str) -> bool:
        """Forget an entry; False if there is no such entry."""
        return self.backend.delete(entry_id)

    def clear(self) -> int:
        """Forget everything; how many entries that were."""
        return self.backend.clear()

    def stats(self) -> dict[str, Any]:
        """How much there is, as `StorageStats.to_dict` says it."""
        return self.backend.stats().to_dict()

    def export(self) -> list[dict[str, Any]]:
        """Every entry, without vectors."""
        return self.backend.export()

    def close(self) -> None:
        """Give up the connections; the next use opens them again."""
        self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
