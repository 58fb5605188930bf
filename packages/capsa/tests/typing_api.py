"""Uses of the public interface that must type-check under ``mypy --strict``. Never run, only checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from capsa import (
    DEFAULT_OWNER,
    MAX_KEY_BYTES,
    PUBLIC_OWNER,
    AuthenticationFailed,
    CapsaError,
    Collection,
    Database,
    DatabaseUnavailable,
    DatabaseUrl,
    Embedder,
    Filter,
    Hit,
    Mode,
    Record,
    SearchResult,
    Statistics,
    Store,
    Transaction,
    open_database,
    open_embedder,
)
from capsa.testing import contract
from capsa.testing.embedders import FailingEmbedder, HashingEmbedder

url: DatabaseUrl = DatabaseUrl.parse("sqlite:///memory.db")
url = DatabaseUrl.for_path(Path("memory.db"))
assert_type(str(url), str)
assert_type(url.with_password(), str)

owners: tuple[str, str, int] = (DEFAULT_OWNER, PUBLIC_OWNER, MAX_KEY_BYTES)


class Mine:
    """An embedder of one's own needs no base class."""

    @property
    def name(self) -> str:
        return "mine"

    @property
    def dimensions(self) -> int:
        return 3

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(texts), 3), np.float32)


embedders: list[Embedder | None] = [Mine(), HashingEmbedder(), FailingEmbedder(), open_embedder("none"), None]


def records() -> Iterator[Record]:
    yield Record(text="a")
    yield Record(
        text="a", id="i", title="t", context="c", path="p", session_id="s", metadata={"k": [1, None]},
        created_at=dt.datetime.now(dt.UTC), created_at_text="today",
    )  # fmt: skip


def show(done: int, total: int) -> None:
    print(done, total)


def store(database: Database) -> None:
    with open_database(url, timeout=1.0) as opened:
        assert_type(opened, Database)
    assert_type(Store(database), Store)
    with Store.open("postgresql://localhost/memory", embedder=Mine(), max_connections=4) as opened_store:
        assert_type(opened_store, Store)
        assert_type(opened_store.collection("notes"), Collection)
        collection(opened_store.collection("notes", owner="me"))


def collection(notes: Collection) -> None:
    assert_type(notes.add(records()), list[str])
    assert_type(notes.add([Record(text="a"), Record(text="b")], vectors=[[1.0, 2.0], None], model="m"), list[str])
    assert_type(notes.put((Record(text="a"),), vectors=np.zeros((1, 3)), embed=False), list[str])
    assert_type(notes.update("i", text="b", metadata={"k": 2}), bool)
    assert_type(notes.delete({"a", "b"}), int)
    assert_type(notes.clear(), int)
    assert_type(notes.get("i"), Record | None)
    assert_type(notes.get_many(["i"]), dict[str, Record])
    assert_type(notes.count(), int)
    assert_type(notes.count(Filter(path="*.py", session_id="s", since=dt.datetime.now(dt.UTC))), int)
    assert_type(notes.recent(5, Filter(until=dt.datetime.now(dt.UTC))), list[Record])
    assert_type(notes.iterate(), Iterator[Record])
    assert_type(notes.statistics(), Statistics)
    assert_type(notes.set_vector("i", None), bool)
    assert_type(notes.embed_missing(progress=show, batch=8), int)
    assert_type(notes.reembed(), int)
    notes.maintain()
    for record, vector in notes.iterate_with_vectors(model="m"):
        assert_type(record, Record)
        if vector is not None:
            np.asarray(vector, np.float32)


def search(notes: Collection) -> None:
    result = notes.search("query", mode=Mode.HYBRID, limit=5, filter=Filter(path="src/"))
    assert_type(result, SearchResult)
    assert_type(notes.search("query", "lexical"), SearchResult)
    assert_type(notes.search_vector([1, 2, 3], model="m"), SearchResult)
    assert_type(notes.holding("words"), list[Record] | None)
    assert_type(result[0], Hit)
    assert_type(result[1:], Sequence[Hit])
    assert_type(result.mode, Mode)
    assert_type(result.notes, tuple[str, ...])
    for hit in result:
        assert_type(hit.record.text, str)
        assert_type(hit.semantic_score, float | None)
        assert_type(hit.reason, str)


def together(database: Database, notes: Collection) -> None:
    with database.write("me") as tx:
        assert_type(tx, Transaction)
        notes.add([Record(text="a")], tx=tx)
        notes.update("i", tx=tx, text="b")
        notes.delete(["i"], tx=tx)
        rows = tx.execute("SELECT text FROM capsa_records WHERE owner = :owner", {"owner": "me"})
        for row in rows:
            print(row[0])
        with tx.savepoint():
            notes.clear(tx=tx)


def wrong(notes: Collection) -> None:
    """What must not type-check: an ignore that is not needed is itself an error."""
    notes.add(Record(text="one"))  # type: ignore[arg-type]
    notes.add(["text"])  # type: ignore[list-item]
    notes.get(7)  # type: ignore[arg-type]
    notes.search(b"bytes")  # type: ignore[arg-type]
    notes.search("query", limit="5")  # type: ignore[arg-type]
    Record("text")  # type: ignore[call-arg]
    Record(title="no text")  # type: ignore[call-arg]
    Filter("src")  # type: ignore[call-arg]
    Store("sqlite:///memory.db")  # type: ignore[arg-type]


try:
    open_database(url)
except AuthenticationFailed as error:
    failed: DatabaseUnavailable = error
except CapsaError as error:
    print(error)


class TestMyStore(contract.RecordsContract, contract.SearchContract):
    """The contract is bound by overriding one fixture."""
