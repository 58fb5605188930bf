"""For tests: a memory with entries as the hooks note them, and a project that is worked in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterimage.entries import StorageEntry
from afterimage.hook.project import project_of
from afterimage.retrieval.retriever import Retriever
from afterimage.retrieval.where import Where
from afterimage.storage import StorageBackend
from afterimage.sync import synchronise
from afterimage.testing_hooks import CODE

_START = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


@dataclass
class Shelf:
    """A memory, its folder, and the project that is worked in."""

    backend: StorageBackend
    directory: Path
    project: Path
    count: int = 0

    @property
    def retriever(self) -> Retriever:
        return Retriever(self.backend, self.directory)

    @property
    def here(self) -> Where:
        return Where.at([str(self.project)], self.directory)

    def put(self, path: str, code: str = CODE, *, project: Path | None = None, **metadata: Any) -> str:
        """One change, an hour after the one before; its id."""
        self.count += 1
        root = project or self.project
        known = project_of(str(root))
        entry = StorageEntry(
            f"{self.count:08d}-0000-4000-8000-000000000000",
            str(root / path),
            code,
            timestamp=(_START + dt.timedelta(hours=self.count)).isoformat(),
            session_id="session-1",
            metadata={"project": known.id, "project_name": known.name, "branch": "main", **metadata},
        )
        self.backend.store_many([entry])
        return entry.id

    def sync(self) -> None:
        """Bring the recall index in step."""
        if not synchronise(self.backend, self.directory).complete:
            raise AssertionError("not everything was done")
