"""What all parts of the contract share: a store, an owner nobody else uses, and looks into the tables."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import pytest

from capsa.records import Hit, Record
from capsa.store import Collection, Store
from capsa.testing.embedders import HashingEmbedder

#: Every table of the engine in which a record leaves a trace.
TRACES = (
    "capsa_records",
    "capsa_embeddings",
    "capsa_codes",
    "capsa_lexical_pending",
    "capsa_lexical_documents",
    "capsa_lexical_blocks",
)
NOON = dt.datetime(2024, 5, 17, 12, 0, tzinfo=dt.UTC)


class Contract:
    """Base of all parts. A subclass binds the fixture ``store``.

    The tests may share one database, each uses an owner of its own: what they do not undo, no other sees.
    """

    @pytest.fixture
    def store(self) -> Store:
        """An open store, its embedder is of no account. To be overridden."""
        raise NotImplementedError("bind the fixture `store` to the database that the contract is to hold for")

    @pytest.fixture
    def owner(self) -> str:
        """An owner of this test alone."""
        return f"owner-{uuid.uuid4().hex}"

    @pytest.fixture
    def notes(self, store: Store, owner: str) -> Collection:
        """An empty collection, searched by words only."""
        return Store(store.database).collection("notes", owner=owner)

    @pytest.fixture
    def embedder(self, owner: str) -> HashingEmbedder:
        """A model of this test alone."""
        return HashingEmbedder(64, name=f"hashing-64-{owner}")

    @pytest.fixture
    def embedded(self, store: Store, owner: str, embedder: HashingEmbedder) -> Collection:
        """An empty collection whose store has an embedder."""
        return Store(store.database, embedder=embedder).collection("notes", owner=owner)


def rows_in(collection: Collection, table: str) -> int:
    """How many rows of ``table`` belong to the collection; 0 if the dialect has no such table."""
    if table == "capsa_codes" and collection.database.dialect != "sqlite":
        return 0
    with collection.database.read(collection.owner) as tx:
        ((count,),) = tx.execute(
            f"SELECT count(*) FROM {table} WHERE owner = :owner AND collection = :collection",
            {"owner": collection.owner, "collection": collection.name},
        )
    return int(count)


def traces(collection: Collection) -> dict[str, int]:
    """What the tables hold of the collection, without the tables that hold nothing."""
    return {table: count for table in TRACES if (count := rows_in(collection, table))}


def minutes(n: int) -> dt.datetime:
    """The time ``n`` minutes after `NOON`."""
    return NOON + dt.timedelta(minutes=n)


def numbered(count: int, text: str = "entry {}", **parts: str) -> list[Record]:
    """Records ``r0``, ``r1``, … of ascending time, ``{}`` in the text replaced by the number."""
    return [
        Record(id=f"r{i}", text=text.replace("{}", str(i)), created_at=minutes(i), **parts)  # type: ignore[arg-type]
        for i in range(count)
    ]


def ids(found: Sequence[Record] | Sequence[Hit]) -> list[str]:
    """The ids of records or hits."""
    return [(item.record if isinstance(item, Hit) else item).id for item in found]
