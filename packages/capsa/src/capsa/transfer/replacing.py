"""Removing records from a target, with everything that refers to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from capsa.database import Transaction
from capsa.search import lexical
from capsa.text import from_stored
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
    documents = []
    for record in ids:
        rows = tx.execute(
            f"SELECT seq, title, path, text, context FROM capsa_records {where} AND id = :id", {**key, "id": record}
        )
        for seq, title, path, text, context in rows:
            plain = lexical.index_text(_plain(title), _plain(path), from_stored(text), _plain(context))
            documents.append(lexical.document(seq, plain))
        tx.execute(f"DELETE FROM capsa_records {where} AND id = :id", {**key, "id": record})
    tx.database.vectors.remove(tx, owner, collection, [document.seq for document in documents], None)
    lexical.remove(tx, owner, collection, documents)


def _plain(text: str | None) -> str | None:
    return None if text is None else from_stored(text)
