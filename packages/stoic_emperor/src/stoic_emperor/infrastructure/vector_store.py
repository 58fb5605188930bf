"""The searchable texts, under the names that programs of the predecessor's time call.

The four collections live in the same database as everything else. What belongs to one person (episodic, semantic) is
reached by naming them; what belongs to everybody (stoic_wisdom, psychoanalysis) by naming nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import capsa
from stoic_emperor.config import load_configuration
from stoic_emperor.errors import ConfigurationError, NotFound
from stoic_emperor.infrastructure.database import Name
from stoic_emperor.infrastructure.opening import database_url, open_engine

PERSONAL = ("episodic", "semantic")
SHARED = ("stoic_wisdom", "psychoanalysis")


class VectorStore:
    """Texts with their vectors, found by words and by meaning. Thread-safe."""

    def __init__(self, url: Name | None = None, *, embedder: capsa.Embedder | None = None) -> None:
        """Open the database; its tables are created or migrated here.

        Args:
            url: default as for `Database`. The folder of an older ChromaDB means the database beside it; the folder
                itself is not opened: `stoic migrate` brings along what it holds.
            embedder: default the one of the configuration.

        Raises:
            ConfigurationError: the configuration names no usable database.
            capsa.CapsaError: or one of its kinds: it cannot be opened.
        """
        configuration = load_configuration()
        if url is None:
            named = database_url(configuration.settings.database.url, configuration.home)
        else:
            named = database_url(_beside_chroma(url), Path.cwd())
        if embedder is None:
            embedder = capsa.open_embedder(configuration.settings.memory.embedding_model)
        self.engine = open_engine(named)
        self._store = capsa.Store(self.engine, embedder=embedder)

    def add(
        self,
        collection: str,
        ids: Sequence[str],
        documents: Sequence[str],
        metadatas: Sequence[Mapping[str, Any]] | None = None,
        *,
        user_id: str | None = None,
    ) -> None:
        """Add texts; one with the same id is replaced.

        Args:
            user_id: whose they are; default what the metadata says of each in ``user_id``.

        Raises:
            ConfigurationError: the collection is not known, or a personal one without a person.
        """
        if metadatas is None:
            metadatas = [{} for _ in ids]
        groups: dict[str, list[capsa.Record]] = {}
        for id_, document, metadata in zip(ids, documents, metadatas, strict=True):
            owner = _owner(collection, user_id or metadata.get("user_id"))
            session = metadata.get("session_id")
            record = capsa.Record(id=id_, text=document, metadata=dict(metadata), session_id=session)
            groups.setdefault(owner, []).append(record)
        for owner, records in groups.items():
            target = self._store.collection(collection, owner=owner)
            if owner != capsa.PUBLIC_OWNER:
                target.put(records)
                continue
            vectors = None if self._store.embedder is None else self._store.embedder.embed([r.text for r in records])
            with self.engine.maintain() as tx:
                target.put(records, vectors=vectors, tx=tx)

    def query(
        self,
        collection: str,
        query_texts: Sequence[str] | str,
        n_results: int = 5,
        where: Mapping[str, Any] | None = None,
        *,
        user_id: str | None = None,
    ) -> dict[str, list[list[Any]]]:
        """The texts that fit each query, best first, in the shape that Chroma gave.

        Args:
            where: metadata that must be equal; its ``user_id`` says whose texts.

        Returns:
            ``ids``, ``documents``, ``metadatas`` and ``distances``, each a list for each query. A distance is
            1 − cosine, or None where a text was found by its words alone.
        """
        wanted = {key: value for key, value in (where or {}).items() if key != "user_id"}
        owner = _owner(collection, user_id or (where or {}).get("user_id"))
        found: dict[str, list[list[Any]]] = {"ids": [], "documents": [], "metadatas": [], "distances": []}
        for text in [query_texts] if isinstance(query_texts, str) else query_texts:
            hits = self._hits(self._store.collection(collection, owner=owner), text, n_results, wanted)
            found["ids"].append([hit.record.id for hit in hits])
            found["documents"].append([hit.record.text for hit in hits])
            found["metadatas"].append([dict(hit.record.metadata) for hit in hits])
            found["distances"].append([None if hit.semantic_score is None else 1 - hit.semantic_score for hit in hits])
        return found

    def _hits(self, collection: capsa.Collection, text: str, wanted: int, where: Mapping[str, Any]) -> list[capsa.Hit]:
        looked_at = wanted
        while True:
            result = collection.search(text, limit=looked_at)
            fitting = [hit for hit in result if all(hit.record.metadata.get(k) == v for k, v in where.items())]
            if len(fitting) >= wanted or len(result) < looked_at:
                return fitting[:wanted]
            looked_at *= 4

    def get(self, collection: str, ids: Sequence[str], *, user_id: str | None = None) -> dict[str, list[Any]]:
        """The texts with these ids, those that there are."""
        found = self._store.collection(collection, owner=_owner(collection, user_id)).get_many(ids)
        records = [found[id_] for id_ in ids if id_ in found]
        return {
            "ids": [record.id for record in records],
            "documents": [record.text for record in records],
            "metadatas": [dict(record.metadata) for record in records],
        }

    def delete(self, collection: str, ids: Sequence[str], *, user_id: str | None = None) -> int:
        """Delete texts with their vectors; how many there were."""
        owner = _owner(collection, user_id)
        target = self._store.collection(collection, owner=owner)
        if owner != capsa.PUBLIC_OWNER:
            return target.delete(ids)
        with self.engine.maintain() as tx:
            return target.delete(ids, tx=tx)

    def count(self, collection: str, *, user_id: str | None = None) -> int:
        """How many texts there are."""
        return self._store.collection(collection, owner=_owner(collection, user_id)).count()

    def close(self) -> None:
        """Give up all connections."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _owner(collection: str, user_id: str | None) -> str:
    if collection in SHARED:
        return capsa.PUBLIC_OWNER
    if collection not in PERSONAL:
        raise NotFound(f"there is no collection {collection!r}: there are {', '.join((*PERSONAL, *SHARED))}")
    if not user_id:
        raise ConfigurationError(f"whose {collection} texts? Name the person with user_id")
    return capsa.to_stored(user_id)


def _beside_chroma(name: Name) -> Name:
    """The predecessor took the folder of a ChromaDB."""
    if isinstance(name, capsa.DatabaseUrl) or "://" in str(name):
        return name
    path = Path(name)
    return path if path.suffix else path.parent / "stoic_emperor.db"
