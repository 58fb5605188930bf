"""Both databases with the same records, for benchmarks that compare them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.real import CachedMiniLM
from benchmarks.servers import Servers
from capsa import Collection, Record, Store

COLLECTION = "code"
_BATCH = 1_000


@contextmanager
def both(
    records: Sequence[Record], embedder: CachedMiniLM, servers: Servers
) -> Iterator[Iterator[tuple[str, Collection]]]:
    """("SQLite", …) and ("PostgreSQL", …): each holds ``records`` and their vectors."""
    with tempfile.TemporaryDirectory() as folder, servers.fresh() as postgres:
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'memory.db'}", "PostgreSQL": postgres}
        yield _filled(urls, records, embedder)


def _filled(
    urls: dict[str, str], records: Sequence[Record], embedder: CachedMiniLM
) -> Iterator[tuple[str, Collection]]:
    for name, url in urls.items():
        with Store.open(url, embedder=embedder) as store:
            collection = store.collection(COLLECTION)
            for start in range(0, len(records), _BATCH):
                collection.add(records[start : start + _BATCH])
            collection.maintain()
            yield name, collection
