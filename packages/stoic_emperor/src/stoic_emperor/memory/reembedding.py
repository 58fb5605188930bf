"""Vectors of one model for every text of everybody: after another model, or an import from an older program."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import capsa
from stoic_emperor.library import PSYCHOANALYSIS, STOIC_WISDOM
from stoic_emperor.memory.recall import EPISODIC, SEMANTIC

if TYPE_CHECKING:
    from stoic_emperor.infrastructure.database import Database


def reembed_everything(
    database: Database, embedder: capsa.Embedder, progress: Callable[[int, int], None] | None = None
) -> int:
    """Give every text a vector of ``embedder``, then drop those of other models; how many were made.

    May be stopped at any instant and begun again; the search goes on with the old vectors until the new are there.

    Raises:
        EmbedderUnavailable: the model does not answer; what was made is kept.
    """
    store = capsa.Store(database.engine, embedder=embedder)
    owners = [capsa.to_stored(user.id) for user in database.users()]
    collections = [store.collection(name, owner=owner) for owner in owners for name in (EPISODIC, SEMANTIC)]
    collections += [store.collection(name, owner=capsa.PUBLIC_OWNER) for name in (STOIC_WISDOM, PSYCHOANALYSIS)]
    total = sum(collection.count() for collection in collections)
    made = passed = 0
    for collection in collections:
        before = passed

        def tell(done: int, of: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, max(total, before + of))

        made += collection.reembed(tell)
        passed += collection.count()
    if progress is not None:
        progress(total, total)
    return made
