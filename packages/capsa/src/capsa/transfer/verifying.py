"""Checking, weeks later, whether what a manifest lists is still there unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capsa.database import Database, Transaction
from capsa.transfer.manifest import ManifestRange, read_manifest
from capsa.transfer.tables import ENGINE_TABLES, Table
from capsa.transfer.targets import Target, open_target

_LISTED = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """How a database stands to a manifest."""

    rows: int
    unchanged: int
    #: Keys, the first of each; the counts are of all.
    changed: tuple[str, ...]
    deleted: tuple[str, ...]
    added: tuple[str, ...]
    changed_count: int
    deleted_count: int
    added_count: int

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for ``json.dumps``."""
        return {**asdict(self), "intact": self.intact}

    @property
    def intact(self) -> bool:
        """Whether every row of the manifest is there as it was; rows added since do no harm."""
        return self.changed_count == self.deleted_count == 0


def verify(manifest: Path, database: Database, tables: Sequence[Table] = ()) -> Verification:
    """Compare a database with a manifest written by `transfer`, row by row.

    Args:
        tables: the application's own tables that were carried.

    Raises:
        TransferError: there is no such manifest, or it is not whole.
    """
    known = {table.name: table for table in (*ENGINE_TABLES, *tables)}
    target = open_target(database)
    with database.maintain() as tx:
        target.refresh_statistics(tx, list(known.values()))
    found = _Findings(target)
    for entry in read_manifest(manifest):
        with database.maintain() as tx:
            found.look(tx, known[entry.table], entry)
    with database.maintain() as tx:
        found.look_for_more(tx, known)
    return found.result()


class _Findings:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._rows = 0
        self._changed: list[str] = []
        self._deleted: list[str] = []
        self._added: list[str] = []
        self._counts = {"changed": 0, "deleted": 0, "added": 0}
        #: Table -> hashes of its keys in the manifest: 8 bytes a row, whatever the key.
        self._keys: dict[str, list[Any]] = {}
        self._scopes: dict[str, set[tuple[str, ...]]] = {}

    def look(self, tx: Transaction, table: Table, entry: ManifestRange) -> None:
        digests = self._target.digests(tx, table, [tuple(key) for key in entry.keys])
        hashes = []
        for key, expected in zip(entry.keys, entry.digests, strict=True):
            self._rows += 1
            hashes.append(hash(tuple(key)))
            self._scopes.setdefault(table.name, set()).add(tuple(key[: len(table.scope)]))
            actual = digests.get(tuple(key))
            if actual is None:
                self._note("deleted", self._deleted, table, key)
            elif actual.hex()[:16] != expected:
                self._note("changed", self._changed, table, key)
        self._keys.setdefault(table.name, []).append(np.array(hashes, np.int64))

    def _note(self, kind: str, listed: list[str], table: Table, key: Sequence[Any]) -> None:
        self._counts[kind] += 1
        if len(listed) < _LISTED:
            listed.append(f"{table.name} {' '.join(map(str, key))}")

    def look_for_more(self, tx: Transaction, tables: dict[str, Table]) -> None:
        """Rows of the same owners and collections that the manifest does not have."""
        for name, pieces in self._keys.items():
            table = tables[name]
            known = np.unique(np.concatenate(pieces))
            for key in tx.stream(f"SELECT {', '.join(table.key)} FROM {name}"):
                value = hash(tuple(key))
                place = int(np.searchsorted(known, value))
                if (place == len(known) or known[place] != value) and key[: len(table.scope)] in self._scopes[name]:
                    self._note("added", self._added, table, key)

    def result(self) -> Verification:
        bad = self._counts["changed"] + self._counts["deleted"]
        return Verification(
            rows=self._rows,
            unchanged=self._rows - bad,
            changed=tuple(self._changed),
            deleted=tuple(self._deleted),
            added=tuple(self._added),
            changed_count=self._counts["changed"],
            deleted_count=self._counts["deleted"],
            added_count=self._counts["added"],
        )
