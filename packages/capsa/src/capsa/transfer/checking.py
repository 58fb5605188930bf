"""Comparing every row of the source with the target, bit for bit."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from capsa.database import Transaction
from capsa.transfer import indexing
from capsa.transfer.ledger import Ledger, Tally
from capsa.transfer.manifest import readable_key
from capsa.transfer.report import PartReport
from capsa.transfer.sources import Part, Source
from capsa.transfer.tables import Field, Item, Row, parted
from capsa.transfer.targets import State, Target, scopes_of

_LISTED = 1000


@dataclass(kw_only=True)
class PartCheck:
    """What the comparison of one part found."""

    rows: int = 0
    quarantined: int = 0
    equal: int = 0
    different: int = 0
    #: Were missing and are there now.
    inserted: int = 0
    #: Had changed in the source since they were copied, and are as in the source now.
    updated: int = 0
    replaced: int = 0
    vectors: int = 0
    scopes: set[tuple[Field, ...]] = field(default_factory=set)


@dataclass(kw_only=True)
class Check:
    """What the comparison of a whole source found."""

    parts: dict[str, PartCheck] = field(default_factory=dict)
    remarks: Counter[str] = field(default_factory=Counter)
    #: Keys of rows that differ, the first of them.
    conflicts: list[str] = field(default_factory=list)
    digest: str = ""
    #: Over the rounds that followed a source being written.
    rounds: int = 0
    followed: int = 0
    deleted: int = 0

    def followed_by(self, later: Check) -> Check:
        """``later``, which compared a newer snapshot, with what is to be remembered of this one."""
        changed = sum(part.inserted + part.updated for part in later.parts.values())
        before = sum(part.rows for part in self.parts.values())
        after = sum(part.rows for part in later.parts.values())
        later.rounds = self.rounds + 1
        later.followed = self.followed + changed
        later.deleted = self.deleted + max(0, before + sum(p.inserted for p in later.parts.values()) - after)
        for name, part in self.parts.items():
            later.parts[name].replaced += part.replaced
        return later

    def part(self, name: str, tally: Tally, counts: Mapping[tuple[str, ...], int]) -> PartReport:
        """The numbers of one part.

        Args:
            counts: how many rows each scope has in the target.
        """
        found = self.parts.get(name, PartCheck())
        skipped = min(tally.skipped, found.equal)
        replaced = min(tally.replaced + found.replaced, found.equal - skipped)
        there = sum(counts.get(tuple((f or b"").decode() for f in scope), 0) for scope in found.scopes)
        return PartReport(
            name=name,
            source=found.rows,
            migrated=found.equal - skipped - replaced,
            skipped=skipped,
            conflicts=found.different,
            replaced=replaced,
            quarantined=found.quarantined,
            vectors=found.vectors,
            only_in_target=max(0, there - found.equal - found.different),
        )

    def notes(self) -> list[str]:
        """What the user should know of it, a line each."""
        notes = []
        if self.rounds:
            notes.append(
                f"the source was written during the transfer: {self.followed} row{'s' * (self.followed != 1)} "
                f"followed in {self.rounds} round{'s' * (self.rounds != 1)}"
            )
        if self.deleted:
            notes.append(
                f"{self.deleted} rows were deleted from the source during the transfer; they stay in the target"
            )
        return notes


class Checker:
    """Compares batches of rows, and puts right what may be put right."""

    def __init__(self, target: Target, ledger: Ledger, parts: Mapping[str, Part], *, replace: bool) -> None:
        self._target = target
        self._ledger = ledger
        self._parts = parts
        self._replace = replace

    def batch(
        self, tx: Transaction, name: str, items: Sequence[Item], previous: Source | None, check: Check
    ) -> list[Row]:
        """Compare one batch.

        Args:
            previous: an older snapshot of the source, which the target was filled from.

        Returns:
            The rows that are in the target, equal.
        """
        part = self._parts[name]
        found = check.parts.setdefault(name, PartCheck())
        rows, refused = parted(items)
        found.rows += len(items)
        found.quarantined += len(refused)
        for one in refused:
            self._ledger.quarantine(tx, name, one)
        found.vectors += sum([len(row.vectors) for row in rows])
        check.remarks.update(itertools.chain.from_iterable([row.remarks for row in rows]))
        found.scopes.update(scopes_of(part.table, rows))
        states = self._target.compare(tx, part.table, rows)
        good = rows
        if states.count(State.EQUAL) < len(states):
            states = self._put_right(tx, part, rows, states, previous=previous, check=check)
            good = _of(rows, states, State.EQUAL)
        found.equal += len(good)
        return good

    def _put_right(
        self,
        tx: Transaction,
        part: Part,
        rows: Sequence[Row],
        states: Sequence[State],
        *,
        previous: Source | None,
        check: Check,
    ) -> list[State]:
        found = check.parts[part.name]
        missing = _of(rows, states, State.MISSING)
        different = _of(rows, states, State.DIFFERENT)
        outdated = self._outdated(tx, part, different, previous) if previous is not None else []
        replaced = [row for row in different if row not in outdated] if self._replace else []
        missing, orphans = self._target.sort_out(tx, part.table, missing)
        for refused in orphans:
            found.quarantined += 1
            self._ledger.quarantine(tx, part.name, refused)
        # No range of the plan stands for these rows, so they are indexed here and now.
        spans = self._target.insert(tx, part.table, missing)
        indexing.index_spans(tx, [*spans, *self._target.replace(tx, part.table, [*outdated, *replaced])])
        found.inserted += len(missing)
        found.updated += len(outdated)
        found.replaced += len(replaced)
        # What was just written is compared like everything else.
        states = self._target.compare(tx, part.table, rows)
        for row in _of(rows, states, State.DIFFERENT):
            found.different += 1
            if len(check.conflicts) < _LISTED:
                check.conflicts.append(f"{part.name} {' '.join(map(str, readable_key(part.table, row)))}")
        return states

    def _outdated(self, tx: Transaction, part: Part, rows: Sequence[Row], previous: Source) -> list[Row]:
        """Those whose row in the target is still the one that ``previous`` had: the source went on since."""
        older: list[Row] = []
        newer: list[Row] = []
        for row in rows:
            for item in itertools.chain.from_iterable(previous.read(part, row.source_key, row.source_key)):
                if isinstance(item, Row):
                    older.append(item)
                    newer.append(row)
        states = self._target.compare(tx, part.table, older)
        return [row for row, state in zip(newer, states, strict=True) if state is State.EQUAL]


def _of(rows: Iterable[Row], states: Iterable[State], wanted: State) -> list[Row]:
    return [row for row, state in zip(rows, states, strict=True) if state is wanted]
