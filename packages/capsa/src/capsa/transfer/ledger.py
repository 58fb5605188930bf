"""What a transfer has planned and done, kept in the target.

The plan (which key ranges) is committed before the first row; each range is marked done in the
transaction that loads its rows. So a run that was killed at any instant goes on where it stopped,
and two runs at once take turns at each range and never load one twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from capsa import _queries
from capsa.database import Database, Transaction
from capsa.records import DEFAULT_OWNER
from capsa.transfer.sources import KeyRange, SourceDescription
from capsa.transfer.tables import Refused

COPYING = "copying"
DONE = "done"

#: Owner and collection, and the first and last number of arrival of a run of records that came in
#: here: no record between them is anybody else's.
Span = tuple[tuple[str, ...], int, int]


@dataclass(kw_only=True)
class Tally:
    """What became of the rows of a range, or of many."""

    #: Rows of the source.
    read: int = 0
    #: Loaded into the target.
    copied: int = 0
    #: Were in the target already, equal.
    skipped: int = 0
    #: Were in the target already, different; replaced if so asked.
    conflicts: int = 0
    replaced: int = 0
    quarantined: int = 0
    #: Vectors of the rows, those that cannot be compared included.
    vectors: int = 0
    remarks: Counter[str] = field(default_factory=Counter)
    spans: list[Span] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name in ("read", "copied", "skipped", "conflicts", "replaced", "quarantined", "vectors"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.remarks.update(other.remarks)
        join_spans(self.spans, other.spans)

    def to_json(self) -> str:
        return json.dumps({**self.__dict__, "remarks": dict(self.remarks)})

    @classmethod
    def from_json(cls, text: str) -> Tally:
        values: dict[str, Any] = json.loads(text)
        values["remarks"] = Counter(values["remarks"])
        values["spans"] = [(tuple(scope), first, last) for scope, first, last in values["spans"]]
        return cls(**values)


def join_spans(spans: list[Span], more: Sequence[Span]) -> None:
    """Add ``more`` to ``spans``; a run that goes on where the last one ended is one run."""
    for scope, first, last in more:
        if spans and spans[-1][0] == scope and spans[-1][2] + 1 == first:
            spans[-1] = scope, spans[-1][1], last
        else:
            spans.append((scope, first, last))


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRange:
    """A planned range and what is known of it."""

    range: KeyRange
    done: bool
    tally: Tally | None
    indexed: bool


class Ledger:
    """The rows of one transfer in ``capsa_transfers``, ``capsa_transfer_ranges`` and ``capsa_quarantine``."""

    def __init__(self, database: Database, source: SourceDescription, owner: str = DEFAULT_OWNER) -> None:
        self.database = database
        self.source = source
        # The same source finds its transfer again, whoever runs it.
        transfer = hashlib.sha256(source.key().encode()).hexdigest()[:32]
        self.owner = owner
        self._key = {"owner": owner, "transfer": transfer}

    def _run(self, tx: Transaction, name: str, **values: Any) -> list[tuple[Any, ...]]:
        return tx.execute(_queries.named_statements("capsa.transfer")[name], {**self._key, **values})

    def lock(self, tx: Transaction) -> None:
        """Hold other runs of this transfer off until the transaction ends; SQLite has one writer anyway."""
        if self.database.dialect == "postgresql":
            tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))", {"key": json.dumps(self._key)})

    def begin(self, tx: Transaction, parts: Sequence[Sequence[KeyRange]], fresh: Sequence[str]) -> bool:
        """Plan, unless an unfinished run has done so.

        Args:
            parts: the ranges of each part.
            fresh: the parts whose target table is empty.

        Returns:
            Whether this goes on with what an earlier run began.
        """
        found = self._run(tx, "find_transfer")
        now = self.database.time(dt.datetime.now(dt.UTC))
        source = json.dumps({**self.source.as_json(), "fresh": list(fresh)})
        values = {"state": COPYING, "source": source, "started_at": now}
        if found and found[0][0] == COPYING:
            self._extend(tx, parts)
            return True
        if found:
            self._run(tx, "forget_ranges")
            self._run(tx, "forget_quarantine")
            self._run(tx, "set_transfer", **values)
        else:
            self._run(tx, "add_transfer", **values)
        for ranges in parts:
            for planned in ranges:
                self._add_range(tx, planned)
        return False

    def _extend(self, tx: Transaction, parts: Sequence[Sequence[KeyRange]]) -> None:
        """Keep the old plan; what the source has gained since is found when every row is compared."""
        known = {entry.range.part for entry in self.ranges(tx)}
        for ranges in parts:
            for planned in ranges:
                if planned.part not in known:
                    self._add_range(tx, planned)

    def _add_range(self, tx: Transaction, planned: KeyRange) -> None:
        self._run(
            tx,
            "add_range",
            part=planned.part,
            ordinal=planned.ordinal,
            first_key=planned.first,
            last_key=planned.last,
            indexed=self._boolean(0),
        )

    def fresh_parts(self, tx: Transaction) -> frozenset[str]:
        """The parts whose table was empty when they were planned, and nobody has been met in since."""
        found = self._run(tx, "find_transfer")
        return frozenset(json.loads(found[0][1])["fresh"]) if found else frozenset()

    def not_fresh(self, tx: Transaction) -> None:
        """Somebody else has written to the tables: look before loading from now on."""
        source = json.dumps({**self.source.as_json(), "fresh": []})
        now = self.database.time(dt.datetime.now(dt.UTC))
        self._run(tx, "set_transfer", state=COPYING, source=source, started_at=now)

    def ranges(self, tx: Transaction) -> list[LedgerRange]:
        """The plan, in order."""
        return [
            LedgerRange(
                range=KeyRange(part, ordinal, first, last),
                done=records is not None,
                tally=Tally.from_json(detail) if detail else None,
                indexed=bool(indexed),
            )
            for part, ordinal, first, last, records, detail, indexed in self._run(tx, "ranges")
        ]

    def is_done(self, tx: Transaction, planned: KeyRange) -> bool:
        """Whether another run has loaded the range, or dropped it from the plan."""
        rows = self._run(tx, "range_state", part=planned.part, ordinal=planned.ordinal)
        return not rows or rows[0][0] is not None

    def finish(self, tx: Transaction, planned: KeyRange, tally: Tally) -> None:
        """Mark a range done, in the transaction that loads it."""
        self._run(
            tx,
            "finish_range",
            part=planned.part,
            ordinal=planned.ordinal,
            records=tally.read,
            detail=tally.to_json(),
        )

    def is_indexed(self, tx: Transaction, planned: KeyRange) -> bool:
        return bool(self._run(tx, "range_indexed", part=planned.part, ordinal=planned.ordinal)[0][0])

    def mark_indexed(self, tx: Transaction, entry: LedgerRange) -> None:
        """Mark what a range brought as indexed, and keep no longer whose records those are."""
        detail = None if entry.tally is None else replace(entry.tally, spans=[]).to_json()
        where = {"part": entry.range.part, "ordinal": entry.range.ordinal}
        self._run(tx, "mark_indexed", **where, indexed=self._boolean(1), detail=detail)

    def quarantine(self, tx: Transaction, part: str, refused: Refused) -> None:
        """Keep a row that cannot be carried; once, however often it is met."""
        key = {"part": part, "source_key": refused.source_key}
        self._run(tx, "drop_quarantined", **key)
        now = self.database.time(dt.datetime.now(dt.UTC))
        self._run(tx, "add_quarantined", **key, reason=refused.reason, content=refused.content, created_at=now)

    def quarantined(self, tx: Transaction, limit: int) -> list[str]:
        """The rows of this transfer that could not be carried, and why; the first ``limit`` of them."""
        rows = self._run(tx, "quarantined", limit=limit)
        return [f"{part} {source_key}: {reason}" for part, source_key, reason in rows]

    def end(self, tx: Transaction) -> None:
        """Everything was carried and compared: the next run begins anew."""
        self._run(tx, "set_state", state=DONE)
        # They are ids of what may be erased one day.
        self._run(tx, "forget_keys")

    def _boolean(self, value: int) -> bool | int:
        return bool(value) if self.database.dialect == "postgresql" else value
