"""Search by meaning in PostgreSQL for owners of very different size, as the role that policies bind.

The peer is the HNSW index alone: the unfiltered query over all owners' vectors, as superuser, with the same limit
and the same ef_search. The vectors are made up (see `benchmarks.data`); the texts are numbers, as no
search by meaning reads them before the last ten.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks import data
from benchmarks.report import Figure, at_least, at_most, milliseconds
from benchmarks.servers import Servers
from capsa import Store
from capsa.postgres.types import PgVector, register_vector, vector_oid
from capsa.postgres.vectors import ensure_indexes, index_name
from capsa.search.vectors import Model, Space

_QUERIES = 100
_BLOCK = 20
_COLLECTION = "code"


@dataclass(frozen=True, slots=True)
class Owner:
    """A tenant, and which rows of a fixed shuffle are theirs."""

    name: str
    rows: range


def run(rows: int, servers: Servers) -> Iterator[Figure]:
    """See the module."""
    owners = _owners(rows)
    url = _database(rows, owners, servers)
    queries = data.queries(rows, _QUERIES)
    matrix = np.concatenate([chunk.vectors for chunk in data.chunks(rows, texts=False)])
    order = np.random.default_rng(1).permutation(rows)
    with Store.open(url) as store, psycopg.connect(url, autocommit=True, prepare_threshold=None) as plain:
        role, ef_search = _settings(store, queries[0])
        peer = _Peer(plain, ef_search)
        for owner in owners:
            mine = order[owner.rows.start : owner.rows.stop]
            seconds, unfiltered, recall = _measure(store, owner, matrix=matrix, mine=mine, queries=queries, peer=peer)
            what = f"{rows:,} rows, owner of {len(owner.rows):,}"
            yield at_most(
                3,
                times=True,
                what=f"{what}, p50 as {role}",
                ours=milliseconds(seconds),
                unit="ms",
                beside=milliseconds(unfiltered),
                beside_what="HNSW unfiltered",
                detail={
                    "p95": milliseconds(seconds, 95),
                    "least": milliseconds(seconds, 0),
                    "unfiltered": milliseconds(unfiltered, 0),
                },
            )
            yield at_least(0.98, what=what, ours=recall, unit="recall@10")


def _owners(rows: int) -> list[Owner]:
    """Owners of 18, 535, 29.2 % and the rest."""
    big = round(rows * 0.292)
    ends = np.cumsum([0, 18, 535, big, rows - 18 - 535 - big]).tolist()
    names = ("small", "middle", "big", "rest")
    return [Owner(name, range(a, b)) for name, a, b in zip(names, ends, ends[1:], strict=False)]


def _database(rows: int, owners: list[Owner], servers: Servers) -> str:
    name = f"semantic_{rows}"
    url = servers.kept(name)
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regclass('benchmark_complete')").fetchone() != (None,):
            return url
    servers.drop(name)
    url = servers.kept(name)
    order = np.random.default_rng(1).permutation(rows)
    of = np.empty(rows, object)
    for owner in owners:
        of[order[owner.rows.start : owner.rows.stop]] = owner.name
    with Store.open(url) as store:
        for chunk in data.chunks(rows, texts=False):
            theirs = of[chunk.first : chunk.first + len(chunk.records)]
            for owner in owners:
                places = np.flatnonzero(theirs == owner.name)
                store.collection(_COLLECTION, owner=owner.name).add(
                    [chunk.records[i] for i in places], vectors=list(chunk.vectors[places]), model=data.MODEL
                )
            if chunk.first % 50_000 == 0:
                print(f"  loading PostgreSQL: {chunk.first:,}/{rows:,}", flush=True)
        print("  HNSW index", flush=True)
        ensure_indexes(store.database, concurrently=False)  # type: ignore[arg-type]
        for owner in owners:
            store.collection(_COLLECTION, owner=owner.name).maintain()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CREATE TABLE benchmark_complete ()")
    return url


def _settings(store: Store, query: NDArray[np.float32]) -> tuple[str, int]:
    """The role a search runs as, and the ef_search it takes for ten results of a large owner."""
    with store.database.read("big") as tx:
        model = store.model(tx, data.MODEL)
        assert model is not None
        store.database.vectors.nearest(tx, Space("big", _COLLECTION, model), query, 10)
        ((role, ef_search),) = tx.execute("SELECT current_user::text, current_setting('hnsw.ef_search')")
    return str(role), int(ef_search)


class _Peer:
    """The index alone."""

    def __init__(self, connection: psycopg.Connection, ef_search: int) -> None:
        self._connection = connection
        row = connection.execute("SELECT id, dimensions FROM capsa_models WHERE name = %s", (data.MODEL,)).fetchone()
        assert row is not None
        model = Model(row[0], data.MODEL, row[1])
        half = f"halfvec({model.dimensions})"
        self._sql = (
            f"SELECT seq FROM capsa_embeddings WHERE model = {model.id} "
            f"ORDER BY vector::{half} <=> (%s)::{half} LIMIT 10"
        ).encode()
        register_vector(connection, vector_oid(connection))
        connection.execute(f"SET hnsw.ef_search = {ef_search}")
        connection.execute("SET jit = off")
        ones = self._value(np.ones(model.dimensions, np.float32))
        plan = "\n".join(line for (line,) in connection.execute(b"EXPLAIN " + self._sql, (ones,)))
        if index_name(model) not in plan:
            raise AssertionError(f"the peer does not use the index:\n{plan}")

    def search(self, query: NDArray[np.float32]) -> None:
        self._connection.execute(self._sql, (self._value(query),)).fetchall()

    @staticmethod
    def _value(query: NDArray[np.float32]) -> PgVector:
        return PgVector(query.astype("<f4").tobytes())


def _measure(
    store: Store,
    owner: Owner,
    *,
    matrix: NDArray[np.float32],
    mine: NDArray[np.int64],
    queries: NDArray[np.float32],
    peer: _Peer,
) -> tuple[list[float], list[float], float]:
    collection = store.collection(_COLLECTION, owner=owner.name)
    # All of them: else the first to ask reads from the disk what the other then finds in memory.
    for query in queries:
        collection.search_vector(query, model=data.MODEL)
        peer.search(query)
    exact = matrix[mine] @ queries.T
    wanted = min(10, len(mine))
    seconds: list[float] = []
    unfiltered: list[float] = []
    found = 0
    for start in range(0, len(queries), _BLOCK):
        block = range(start, min(start + _BLOCK, len(queries)))
        for i in block:
            began = time.perf_counter()
            hits = collection.search_vector(queries[i], model=data.MODEL)
            seconds.append(time.perf_counter() - began)
            best = {f"r{mine[k]}" for k in np.argsort(-exact[:, i], kind="stable")[:wanted]}
            found += len(best & {hit.record.id for hit in hits})
        for i in block:
            began = time.perf_counter()
            peer.search(queries[i])
            unfiltered.append(time.perf_counter() - began)
    return seconds, unfiltered, found / (wanted * len(queries))
