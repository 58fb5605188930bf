"""Removing records from a target, with everything that refers to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from capsa.database import Transaction
from capsa.search import lexical
from capsa.transfer.tables import Row


def by_collection(rows: Sequence[Row]) -> Iterator[tuple[str, str, list[str]]]:
    """Owner, collection and ids of some records."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        owner, collection, key = ((field or b"").decode() for field in row.fields[:3])
        groups[owner, collection].append(key)
    for (owner, collection), ids in groups.items():
        yield owner, collection, ids


def delete_records(tx: Transaction, owner: str, collection: str, ids: Sequence[str]) -> None:
    """Delete records by id: rows, vectors, codes and index entries."""
    key = {"owner": owner, "collection": collection}
    where = "WHERE owner = :owner AND collection = :collection"
    seqs: list[int] = []
    for record in ids:
        rows = tx.execute(f"DELETE FROM capsa_records {where} AND id = :id RETURNING seq", {**key, "id": record})
        seqs += (seq for (seq,) in rows)
    tx.database.vectors.remove(tx, owner, collection, seqs, None)
    lexical.remove(tx, owner, collection, seqs)
