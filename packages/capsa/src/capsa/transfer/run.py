"""source -> plan -> copy -> index -> verify -> report."""

from __future__ import annotations

import enum
import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from capsa.database import Database, Transaction
from capsa.errors import AuthenticationFailed, DatabaseUnavailable, MissingExtension, TransferError
from capsa.records import DEFAULT_OWNER
from capsa.transfer import indexing
from capsa.transfer.checking import Check, Checker
from capsa.transfer.ledger import Ledger, Tally
from capsa.transfer.manifest import ManifestWriter, readable_key, row_digest
from capsa.transfer.prefetch import Prefetch
from capsa.transfer.report import PartReport, Report
from capsa.transfer.sources import RANGE_ROWS, KeyRange, Part, Source
from capsa.transfer.tables import Item, Refused, Row
from capsa.transfer.targets import Collision, State, Target, open_target

#: Called with phase, done and total; phases are "read", "copy", "index", "verify" and "catch up".
Progress = Callable[[str, int, int], None]

#: Rows are handed on in batches of so many bytes (and one row at least): what bounds the memory.
_BATCH_BYTES = 4 * 1024 * 1024
_BATCH_ROWS = 4096
#: How often a source that is being written is read again.
_ROUNDS = 5
_ATTEMPTS = 3
_LISTED = 100
_RESUMABLE = "what was copied is kept: run the same command again and it goes on from there"

P = ParamSpec("P")
R = TypeVar("R")


class OnConflict(enum.StrEnum):
    """What to do with a row that the target has, but different."""

    #: Leave the target's row and report it.
    KEEP = "keep"
    #: Take the source's row.
    REPLACE = "replace"
    #: Stop at the first one.
    FAIL = "fail"


def _no_progress(phase: str, done: int, total: int) -> None:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How to transfer."""

    on_conflict: OnConflict = OnConflict.KEEP
    #: Compare every row at the end.
    validate: bool = True
    #: Rows of one range, which is one transaction at the target.
    range_rows: int = RANGE_ROWS
    #: Where to write the manifest that `capsa.transfer.verify` checks again.
    manifest: Path | None = None
    progress: Progress = _no_progress
    #: The owner of the bookkeeping.
    owner: str = DEFAULT_OWNER


DEFAULTS = Options()


def transfer(source: Source, target: Database, options: Options = DEFAULTS) -> Report:
    """Bring every row of ``source`` into ``target``, compare them all, and say what became of each.

    May be killed at any instant and run again; two runs at once do not double anything.

    Args:
        source: a snapshot; closed by the caller. It is never written to.
        target: one of our databases.

    Raises:
        TransferError: nothing more can be done; the message says what to do, and what is in stays in.
        DatabaseUnavailable: the source or the target cannot be reached (any more).
    """
    return _Run(source, target, options).go()


def examine(source: Source, options: Options = DEFAULTS) -> Report:
    """Read the whole source and report what a transfer would carry; touches no target."""
    tallies: dict[str, Tally] = {}
    started = time.monotonic()
    refused: list[str] = []
    plan = {part.name: source.plan(part, options.range_rows) for part in source.parts}
    total = sum(planned.rows for ranges in plan.values() for planned in ranges)
    done = 0
    for part in source.parts:
        tally = tallies[part.name] = Tally()
        for planned in plan[part.name]:
            for item in source.read(part, planned.first, planned.last):
                _count(tally, item)
                if isinstance(item, Refused) and len(refused) < _LISTED:
                    refused.append(f"{part.name} {item.source_key}: {item.reason}")
            done += planned.rows
            options.progress("read", done, total)
    return Report(
        source=source.description.location,
        target="",
        layout=source.description.layout,
        zone=source.description.zone,
        parts=tuple(_part_report(name, tally) for name, tally in tallies.items()),
        remarks=_remarks(tallies.values()),
        quarantined=tuple(refused),
        not_carried=source.description.not_carried,
        seconds={"read": time.monotonic() - started},
        dry_run=True,
    )


class _Run:
    """One run of one transfer."""

    def __init__(self, source: Source, database: Database, options: Options) -> None:
        self.source = source
        self.database = database
        self.target: Target = open_target(database)
        self.options = options
        self.ledger = Ledger(database, source.description, options.owner)
        self.parts: dict[str, Part] = {part.name: part for part in source.parts}
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self.refused: list[str] = []
        self.resumed = False

    def go(self) -> Report:
        writer = None
        if self.options.manifest is not None:
            header = {"source": self.source.description.as_json(), "target": str(self.database.url)}
            writer = ManifestWriter(self.options.manifest, header)
        try:
            with self._timed("plan"):
                total = self._plan()
            self._retrying(self._copy, total)
            self._retrying(self._index)
            check = None
            if self.options.validate:
                check = self._check(writer)
            report = self._report(check)
            self._finish(report)
            if writer is not None:
                writer.finish(report)
            return report
        finally:
            if writer is not None:
                writer.discard()

    # Plan

    def _plan(self) -> int:
        """Persist what is to be done; the number of rows of the source."""
        ranges = [self.source.plan(part, self.options.range_rows) for part in self.source.parts]
        total = sum(planned.rows for part in ranges for planned in part)
        self.options.progress("read", total, total)
        with self.database.maintain() as tx:
            self.ledger.lock(tx)
            fresh = [part.name for part in self.source.parts if self.target.is_empty(tx, part.table)]
            self.resumed = self.ledger.begin(tx, ranges, fresh)
        return total

    # Copy

    def _copy(self, total: int) -> None:
        with self._timed("copy"):
            while True:
                try:
                    self._copy_ranges(total)
                    self._refresh_statistics()
                    return
                except Collision:
                    with self.database.maintain() as tx:
                        self.ledger.lock(tx)
                        self.ledger.not_fresh(tx)

    def _refresh_statistics(self) -> None:
        tables = {part.table.name: part.table for part in self.parts.values()}
        with self.database.maintain() as tx:
            self.target.refresh_statistics(tx, list(tables.values()))

    def _copy_ranges(self, total: int) -> None:
        with self.database.maintain() as tx:
            entries = self.ledger.ranges(tx)
            fresh = self.ledger.fresh_parts(tx)
        done = sum(entry.tally.read for entry in entries if entry.tally)
        self.options.progress("copy", min(done, total), total)
        todo = [entry.range for entry in entries if not entry.done and entry.range.part in self.parts]
        with Prefetch(self._batches(self.source, todo)) as batches:
            for planned, group in itertools.groupby(batches, key=lambda batch: batch[0]):
                looking = planned.part not in fresh
                done += self._load(planned, (items for _, items in group), looking)
                self.options.progress("copy", min(done, total), total)

    def _batches(self, source: Source, ranges: Sequence[KeyRange]) -> Iterator[tuple[KeyRange, list[Item]]]:
        for planned in ranges:
            batch: list[Item] = []
            size = 0
            for item in source.read(self.parts[planned.part], planned.first, planned.last):
                batch.append(item)
                size += item.size if isinstance(item, Row) else len(item.content)
                if size >= _BATCH_BYTES or len(batch) >= _BATCH_ROWS:
                    yield planned, batch
                    batch, size = [], 0
            yield planned, batch

    def _load(self, planned: KeyRange, batches: Iterator[list[Item]], looking: bool) -> int:
        """Load one range in one transaction; how many rows of the source it had."""
        part = self.parts[planned.part]
        tally = Tally()
        digest = hashlib.sha256()
        with self.database.maintain() as tx:
            self.ledger.lock(tx)
            if self.ledger.is_done(tx, planned):
                return sum(len(batch) for batch in batches)
            for batch in batches:
                rows = self._sort_out(tx, part, batch, tally)
                for row in rows:
                    digest.update(row_digest(row))
                if looking:
                    rows = self._look(tx, part, rows, tally)
                tally.add(Tally(copied=len(rows), spans=self.target.insert(tx, part.table, rows)))
            self.ledger.finish(tx, planned, tally, digest.hexdigest())
        return tally.read

    def _sort_out(self, tx: Transaction, part: Part, batch: list[Item], tally: Tally) -> list[Row]:
        """Quarantine what cannot be carried; the rest."""
        rows = []
        for item in batch:
            _count(tally, item)
            if isinstance(item, Row):
                rows.append(item)
            else:
                self.ledger.quarantine(tx, part.name, item)
        return rows

    def _look(self, tx: Transaction, part: Part, rows: list[Row], tally: Tally) -> list[Row]:
        """Compare with what is there already; the rows to be inserted."""
        wanted: list[Row] = []
        replaced: list[Row] = []
        for row, state in zip(rows, self.target.compare(tx, part.table, rows), strict=True):
            if state is State.MISSING:
                wanted.append(row)
            elif state is State.EQUAL:
                tally.skipped += 1
            elif self.options.on_conflict is OnConflict.REPLACE:
                replaced.append(row)
            elif self.options.on_conflict is OnConflict.FAIL:
                raise TransferError(
                    f"{part.name} {readable_key(part.table, row)} is in {self.database.url} already, and differs: "
                    f"choose --on-conflict keep or replace; the ranges before it are in"
                )
            else:
                tally.conflicts += 1
        self.target.delete(tx, part.table, replaced)
        tally.replaced += len(replaced)
        tally.add(Tally(spans=self.target.insert(tx, part.table, replaced)))
        return wanted

    def _index(self) -> None:
        with self.database.maintain() as tx:
            fresh = self.ledger.fresh_parts(tx)
        # CREATE INDEX CONCURRENTLY waits for every older snapshot of the database, and a PostgreSQL source
        # may be one of the same database.
        in_use = not fresh and self.source.description.kind == "sqlite"
        with self._timed("index"):
            indexing.index(self.database, self.ledger, self.options.progress, in_use=in_use)

    # Verify

    def _check(self, writer: ManifestWriter | None) -> Check:
        checker = Checker(self.target, self.ledger, self.parts, self.options.on_conflict is OnConflict.REPLACE)
        with self._timed("verify"):
            check = self._retrying(self._pass, checker, self.source, None, writer, "verify")
        with self._timed("catch up"):
            check = self._catch_up(checker, check, writer)
        return check

    def _pass(
        self, checker: Checker, source: Source, previous: Source | None, writer: ManifestWriter | None, phase: str
    ) -> Check:
        """Compare every row of ``source``, and bring in what is missing."""
        ranges = [planned for part in source.parts for planned in source.plan(part, self.options.range_rows)]
        total = sum(planned.rows for planned in ranges)
        check = Check()
        digest = hashlib.sha256()
        done = 0
        if writer is not None:
            # A newer snapshot was read, or a lost connection made anew: only the last look counts.
            writer.restart()
        with Prefetch(self._batches(source, ranges)) as batches:
            for planned, group in itertools.groupby(batches, key=lambda batch: batch[0]):
                with self.database.maintain() as tx:
                    for _, batch in group:
                        good, digests = checker.batch(tx, planned.part, batch, previous, check)
                        for one in digests:
                            digest.update(one)
                        if writer is not None:
                            writer.add(planned.part, self.parts[planned.part].table, good, digests)
                        done += len(batch)
                self.options.progress(phase, done, total)
        check.digest = digest.hexdigest()
        return check

    def _catch_up(self, checker: Checker, check: Check, writer: ManifestWriter | None) -> Check:
        """Follow a source that was written meanwhile, for a bounded number of rounds."""
        present = self.source
        try:
            for _ in range(_ROUNDS):
                if not present.changed():
                    return check
                renewed = present.renew()
                previous, present = present, renewed
                try:
                    check = check.followed_by(self._pass(checker, renewed, previous, writer, "catch up"))
                finally:
                    if previous is not self.source:
                        previous.close()
            if present.changed():
                self.notes.append(
                    "the source is still being written: what was written since the last look is not here; run again"
                )
            return check
        finally:
            if present is not self.source:
                present.close()

    # Report

    def _report(self, check: Check | None) -> Report:
        with self.database.maintain() as tx:
            entries = self.ledger.ranges(tx)
            tallies = {name: Tally() for name in self.parts}
            for entry in entries:
                if entry.tally and entry.range.part in tallies:
                    tallies[entry.range.part].add(entry.tally)
            self.refused = self.ledger.quarantined(tx, _LISTED)
            counts = {name: self.target.count(tx, part.table) for name, part in self.parts.items()} if check else {}
        described = self.source.description
        if check is None:
            self.notes.append("not verified: the rows were copied, but not compared (--no-validate)")
            parts = tuple(_part_report(name, tally) for name, tally in tallies.items())
        else:
            parts = tuple(check.part(name, tallies[name], counts[name]) for name in self.parts)
            self.notes += check.notes()
        return Report(
            source=described.location,
            target=str(self.database.url),
            layout=described.layout,
            zone=described.zone,
            parts=parts,
            remarks=check.remarks if check else _remarks(tallies.values()),
            notes=tuple(self.notes),
            conflicts=tuple(check.conflicts[:_LISTED]) if check else (),
            quarantined=tuple(self.refused),
            not_carried=described.not_carried,
            seconds={phase: round(seconds, 3) for phase, seconds in self.seconds.items()},
            digest=check.digest if check else None,
            verified=check is not None,
            resumed=self.resumed,
        )

    def _finish(self, report: Report) -> None:
        with self.database.maintain() as tx:
            self.ledger.lock(tx)
            self.ledger.end(tx)

    # Helpers

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.monotonic() - started

    def _retrying(self, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Every step can be begun anew, so after a lost connection it is."""
        for attempt in itertools.count(1):
            try:
                return step(*args, **kwargs)
            except (AuthenticationFailed, MissingExtension):
                raise
            except DatabaseUnavailable as error:
                if attempt == _ATTEMPTS:
                    raise type(error)(f"{error}; {_RESUMABLE}") from error
                time.sleep(attempt)
        raise AssertionError("not reached")


def _count(tally: Tally, item: Item) -> None:
    tally.read += 1
    if isinstance(item, Row):
        tally.vectors += len(item.vectors)
        if item.remarks:
            tally.remarks.update(item.remarks)
    else:
        tally.quarantined += 1


def _remarks(tallies: Iterable[Tally]) -> Counter[str]:
    return sum((tally.remarks for tally in tallies), Counter())


def _part_report(name: str, tally: Tally) -> PartReport:
    """The numbers of a part whose rows were not compared."""
    return PartReport(
        name=name,
        source=tally.read,
        migrated=tally.copied,
        skipped=tally.skipped,
        conflicts=tally.conflicts,
        replaced=tally.replaced,
        quarantined=tally.quarantined,
        vectors=tally.vectors,
    )
