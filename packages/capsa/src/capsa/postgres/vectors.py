"""Search by meaning in PostgreSQL: exactly for few vectors, by an HNSW index for many.

An HNSW index under a filter may return nothing for an owner of a few hundred rows in a large table, so
small owners are compared exactly; for the others the index goes on until enough rows are found.
Either way the float32 vectors give the final order. The index is one a model, over half precision
(as good, and half as large), and made only when a collection is large enough to need it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from capsa.database import Transaction
from capsa.postgres.types import PgVector, from_wire
from capsa.search.vectors import Model, Space, VectorIndex

if TYPE_CHECKING:
    from capsa.postgres.database import PostgresDatabase

#: Up to so many vectors of one owner are compared exactly (about 10 ms).
EXACT_LIMIT = 10_000
#: From so many vectors of one model on, all owners together, an index is made.
INDEX_FROM = 20_000
#: HNSW beyond this many dimensions is not possible over halfvec (pgvector 0.8).
MAX_INDEX_DIMENSIONS = 4_000

#: Seconds for which a small owner is taken to have stayed small.
_SIZE_KNOWN_FOR = 60.0

#: For ten hits nearer to exact under the filter than the usual 100: .99 instead of .93 for an owner of 29 % (500,000
#: vectors). The very nearest are found sooner: with 50,000 vectors, three hits were the exact ones from 64 on.
_EF_PER_HIT = 30
_MIN_EF, _ENOUGH_EF, _MAX_EF = 120, 300, 1_000
# A row with a vector of few dimensions; larger vectors may stand in TOAST, and then the row is small too.
_LEAST_ROW_BYTES = 64

_MAX_SCAN_TUPLES = 100_000


class PostgresVectors(VectorIndex):
    """The vectors of one PostgreSQL database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        # Whether a space is large, and until when we believe that it is not.
        self._sizes: dict[Space, tuple[bool, float]] = {}
        self._indexed: set[int] = set()

    def add(self, tx: Transaction, space: Space, vectors: Sequence[tuple[int, bytes]]) -> None:
        tx.execute_many(
            tx.database.statement("add_embedding"),
            [{**space.parameters(), "seq": seq, "vector": PgVector(v), "raw": None} for seq, v in vectors],
        )

    def remove(self, tx: Transaction, owner: str, collection: str, seqs: Sequence[int], model: int | None) -> None:
        key = {"owner": owner, "collection": collection, "seqs": tx.database.array(seqs), "model": model}
        tx.query("delete_embeddings" if model is None else "delete_embeddings_of", key)

    def clear(self, tx: Transaction, owner: str, collection: str, keep: int | None = None) -> int:
        name = "clear_embeddings" if keep is None else "clear_other_models"
        sql = tx.database.statement(name) + " RETURNING 1"
        counted = f"WITH gone AS ({sql}) SELECT count(*) FROM gone"
        ((removed,),) = tx.execute(counted, {"owner": owner, "collection": collection, "model": keep})
        return int(removed)

    def decode(self, data: bytes) -> NDArray[np.float32]:
        return from_wire(data)

    def get(self, tx: Transaction, space: Space, seqs: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        rows = tx.query("vectors_by_seq", {**space.parameters(), "seqs": tx.database.array(seqs)})
        return {seq: from_wire(data) for seq, data in rows}

    def nearest(
        self,
        tx: Transaction,
        space: Space,
        query: NDArray[np.float32],
        limit: int,
        allowed: NDArray[np.int64] | None = None,
    ) -> list[tuple[int, float]]:
        parameters: dict[str, Any] = {
            **space.parameters(),
            "query": PgVector(query.astype("<f4").tobytes()),
            "limit": limit,
        }
        large = self._is_large(tx, space) and self._has_index(tx, space.model)
        if large and (allowed is None or len(allowed) > EXACT_LIMIT):
            rows = self._approximate(tx, space.model, parameters, allowed)
        else:
            rows = self._exact(tx, parameters, allowed)
        # A vector without length has no angle to any other (NaN): near to nothing, as in `cosines`.
        found = [(seq, 0.0 if math.isnan(score) else float(score)) for seq, score in rows]
        return sorted(found, key=lambda pair: (-pair[1], -pair[0]))

    def _exact(self, tx: Transaction, parameters: dict[str, Any], allowed: NDArray[np.int64] | None) -> list[Any]:
        sql = tx.database.statement("search_exact")
        if allowed is not None:
            sql = sql.replace("/* allowed */", "AND seq = ANY(:allowed::bigint[])")
            parameters = {**parameters, "allowed": allowed.tolist()}
        return tx.execute(sql, parameters)

    def _approximate(
        self, tx: Transaction, model: Model, parameters: dict[str, Any], allowed: NDArray[np.int64] | None
    ) -> list[Any]:
        candidates = min(max(4 * parameters["limit"], 40), parameters["limit"] + 4_000)
        beam = max(_MIN_EF, min(_ENOUGH_EF, _EF_PER_HIT * parameters["limit"]), min(_MAX_EF, candidates))
        condition = ""
        if allowed is not None:
            condition = "AND seq = ANY(:allowed::bigint[])"
            parameters = {**parameters, "allowed": allowed.tolist()}
        # The model's number is written out: only then does the planner see that the partial index fits.
        sql = f"""
            WITH nearest AS MATERIALIZED (
                SELECT seq, vector FROM capsa_embeddings
                WHERE owner = :owner AND collection = :collection AND model = {model.id}
                  AND vector IS NOT NULL {condition}
                ORDER BY {_half("vector", model)} <=> {_half(":query", model)}
                LIMIT {candidates}
            )
            SELECT seq, 1 - (vector <=> :query) AS similarity FROM nearest
            ORDER BY similarity DESC, seq DESC LIMIT :limit
        """
        tx.execute(
            f"SELECT set_config('hnsw.ef_search', '{beam}', true), "
            f"set_config('hnsw.iterative_scan', 'relaxed_order', true), "
            f"set_config('hnsw.max_scan_tuples', '{_MAX_SCAN_TUPLES}', true)"
        )
        return tx.execute(sql, parameters)

    def _is_large(self, tx: Transaction, space: Space) -> bool:
        known = self._sizes.get(space)
        if known is None or (not known[0] and known[1] < time.monotonic()):
            ((count,),) = tx.query("count_embeddings", {**space.parameters(), "limit": EXACT_LIMIT + 1})
            known = (count > EXACT_LIMIT, time.monotonic() + _SIZE_KNOWN_FOR)
            self._sizes[space] = known
        return known[0]

    def _has_index(self, tx: Transaction, model: Model) -> bool:
        if model.id not in self._indexed:
            if not _valid_index(tx, model):
                return False
            self._indexed.add(model.id)
        return True


def ensure_indexes(database: PostgresDatabase, *, concurrently: bool = True, alone: bool = True) -> list[str]:
    """Make the approximate indexes that the present sizes need; those that exist stay.

    Args:
        concurrently: let others write meanwhile, at the price of a second pass over the table.
        alone: whether the caller only waits; else a server on this machine leaves a core to it.

    Returns:
        The statements that were run.
    """
    done: list[str] = []
    if not _may_need_one(database):
        return done
    with database.maintain() as tx:
        models = [Model(*row) for row in tx.query("models")]
        wanted = [(model, rows) for model in models if (rows := _rows(tx, model)) >= INDEX_FROM]
        missing = [(m, rows) for m, rows in wanted if not _valid_index(tx, m) and m.dimensions <= MAX_INDEX_DIMENSIONS]
    for model, rows in missing:
        with database.connect() as connection:
            if not alone:
                _leave_a_core(connection)
            done.append(_create(connection, model, rows, concurrently=concurrently))
    return done


def _may_need_one(database: PostgresDatabase) -> bool:
    # By the size of the table, which is known at once: counting needs maintenance, and that may keep others out.
    with database.connect() as connection:
        row = connection.execute("SELECT pg_relation_size('capsa_embeddings')").fetchone()
    return row is not None and row[0] >= INDEX_FROM * _LEAST_ROW_BYTES


def index_name(model: Model) -> str:
    """The index of one model."""
    return f"capsa_embeddings_hnsw_{model.id}"


def create_statement(model: Model, *, concurrently: bool = False) -> str:
    """The index of one model (m = 16, ef_construction = 64: pgvector's defaults)."""
    how = "CONCURRENTLY " if concurrently else ""
    return (
        f"CREATE INDEX {how}IF NOT EXISTS {index_name(model)} ON capsa_embeddings "
        f"USING hnsw (({_half('vector', model)}) halfvec_cosine_ops) WHERE model = {model.id}"
    )


def _create(connection: psycopg.Connection, model: Model, rows: int, *, concurrently: bool) -> str:
    # Built in memory if it fits there; beyond, it takes many times as long.
    megabytes = min(2048, max(64, rows * (2 * model.dimensions + 400) // 1_000_000))
    connection.execute(f"SET maintenance_work_mem = '{megabytes}MB'")
    # An index that a killed build left behind is not valid, and in the way.
    connection.execute(f"DROP INDEX IF EXISTS {index_name(model)}")
    statement = create_statement(model, concurrently=concurrently)
    try:
        connection.execute(statement)
    except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory, psycopg.errors.InsufficientResources):
        # Parallel builds need shared memory that small containers lack.
        connection.execute("SET max_parallel_maintenance_workers = 0")
        connection.execute("SET maintenance_work_mem = '64MB'")
        connection.execute(f"DROP INDEX IF EXISTS {index_name(model)}")
        connection.execute(statement)
    return statement


def _leave_a_core(connection: psycopg.Connection) -> None:
    """Fewer workers, if the server shares this machine's cores: with more, whoever is slower goes on alone at the end.

    Of two cores, the whole of a transfer took 8 % less time so.
    """
    if not connection.info.hostaddr.startswith(("127.", "::1")) and not connection.info.host.startswith("/"):
        return
    # One process takes part beside the workers, and the caller is another.
    most = max(1, (os.cpu_count() or 1) - 2)
    connection.execute(
        "SELECT set_config('max_parallel_maintenance_workers', "
        "least(current_setting('max_parallel_maintenance_workers')::int, %s)::text, false)",
        (most,),
    )


def _half(what: str, model: Model) -> str:
    # A parameter is cast by function syntax, which the reader of ':name' cannot mistake.
    return f"CAST({what} AS halfvec({model.dimensions}))"


def _rows(tx: Transaction, model: Model) -> int:
    ((rows,),) = tx.execute("SELECT count(*) FROM capsa_embeddings WHERE model = :model", {"model": model.id})
    return int(rows)


def _valid_index(tx: Transaction, model: Model) -> bool:
    return bool(
        tx.execute(
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND indisvalid", {"name": index_name(model)}
        )
    )
