"""source -> plan -> copy -> index -> verify -> report."""

from __future__ import annotations

import gc
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from capsa.database import Database, Transaction
from capsa.errors import (
    AuthenticationFailed,
    DatabaseDamaged,
    DatabaseUnavailable,
    MissingExtension,
    MissingRight,
    TransferError,
)
from capsa.transfer import indexing
from capsa.transfer.checking import Check, Checker
from capsa.transfer.examining import LISTED, count, count_rows, part_report, remarks
from capsa.transfer.ledger import Ledger, Tally
from capsa.transfer.manifest import ManifestWriter, readable_key, whole
from capsa.transfer.options import DEFAULTS, OnConflict, Options
from capsa.transfer.prefetch import Prefetch
from capsa.transfer.report import Report
from capsa.transfer.sources import KeyRange, Part, Source
from capsa.transfer.tables import Item, Row, Table, parted
from capsa.transfer.targets import Collision, State, Target, open_target

#: How often a source that is being written is read again.
_ROUNDS = 5
_ATTEMPTS = 3
_RESUMABLE = "what was copied is kept: run the same command again and it goes on from there"

P = ParamSpec("P")
R = TypeVar("R")


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
    with _few_collections():
        return _Run(source, target, options).go()


@contextmanager
def _few_collections() -> Iterator[None]:
    """Rows in flight are many and hold no cycles: looking through them for garbage costs a quarter of the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(200_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


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
            self._finish()
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
            if not self.resumed and len(fresh) == len(self.source.parts):
                self.target.defer_indexes(tx, self._tables())
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
        with self.database.maintain() as tx:
            self.target.refresh_statistics(tx, self._tables())

    def _tables(self) -> list[Table]:
        return list({part.table.name: part.table for part in self.parts.values()}.values())

    def _copy_ranges(self, total: int) -> None:
        with self.database.maintain() as tx:
            entries = self.ledger.ranges(tx)
            fresh = self.ledger.fresh_parts(tx)
        done = sum(entry.tally.read for entry in entries if entry.tally)
        self.options.progress("copy", min(done, total), total)
        # In the order of the source: rows that others refer to come first.
        place = {name: number for number, name in enumerate(self.parts)}
        todo = [entry.range for entry in entries if not entry.done and entry.range.part in self.parts]
        todo.sort(key=lambda planned: (place[planned.part], planned.ordinal))
        with Prefetch(self._batches(self.source, todo)) as batches:
            for planned, group in itertools.groupby(batches, key=lambda batch: batch[0]):
                looking = planned.part not in fresh
                done += self._load(planned, (items for _, items in group), looking=looking)
                self.options.progress("copy", min(done, total), total)

    def _batches(self, source: Source, ranges: Sequence[KeyRange]) -> Iterator[tuple[KeyRange, list[Item]]]:
        for planned in ranges:
            for batch in source.read(self.parts[planned.part], planned.first, planned.last):
                yield planned, batch
            # A range that has become empty is done, too.
            yield planned, []

    def _load(self, planned: KeyRange, batches: Iterator[list[Item]], *, looking: bool) -> int:
        """Load one range in one transaction; how many rows of the source it had."""
        part = self.parts[planned.part]
        tally = Tally()
        with self.database.maintain() as tx:
            self.ledger.lock(tx)
            if self.ledger.is_done(tx, planned):
                return sum(len(batch) for batch in batches)
            self.target.begin(tx, planned.rows)
            for batch in filter(None, batches):
                rows = self._sort_out(tx, part, batch, tally)
                if looking:
                    rows = self._look(tx, part, rows, tally)
                rows, orphans = self.target.sort_out(tx, part.table, rows)
                for refused in orphans:
                    tally.quarantined += 1
                    self.ledger.quarantine(tx, part.name, refused)
                tally.add(Tally(copied=len(rows), spans=self.target.insert(tx, part.table, rows)))
            self.ledger.finish(tx, planned, tally)
        return tally.read

    def _sort_out(self, tx: Transaction, part: Part, batch: list[Item], tally: Tally) -> list[Row]:
        """Quarantine what cannot be carried; the rest."""
        rows, refused = parted(batch)
        for item in refused:
            count(tally, item)
            self.ledger.quarantine(tx, part.name, item)
        count_rows(tally, rows)
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
                key = " ".join(map(str, readable_key(part.table, row)))
                raise TransferError(
                    f"{part.name} {key} is in {self.database.url} already, and differs: "
                    f"choose --on-conflict keep or replace; the ranges before it are in"
                )
            else:
                tally.conflicts += 1
        tally.replaced += len(replaced)
        tally.add(Tally(spans=self.target.replace(tx, part.table, replaced)))
        return wanted

    def _index(self) -> None:
        with self._timed("index"), self.database.maintain() as tx:
            fresh = self.ledger.fresh_parts(tx)
            failed = self.target.restore_indexes(tx, self._tables())
        self.notes += [line for line in failed if line not in self.notes]
        # CREATE INDEX CONCURRENTLY waits for every older snapshot of the database, and a PostgreSQL source
        # may be one of the same database.
        in_use = not fresh and self.source.description.kind == "sqlite"
        with self._timed("index"):
            indexing.index(self.database, self.ledger, self.options.progress, in_use=in_use)

    # Verify

    def _check(self, writer: ManifestWriter | None) -> Check:
        checker = Checker(self.target, self.ledger, self.parts, replace=self.options.on_conflict is OnConflict.REPLACE)
        with self._timed("verify"):
            check = self._retrying(self._pass, checker, self.source, None, writer, "verify")
        with self._timed("catch up"):
            return self._catch_up(checker, check, writer)

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
                        if not batch:
                            continue
                        good = checker.batch(tx, planned.part, batch, previous, check)
                        digest.update(whole(good))
                        if writer is not None:
                            writer.add(planned.part, self.parts[planned.part].table, good)
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
            self.refused = self.ledger.quarantined(tx, LISTED)
            counts = {name: self.target.count(tx, part.table) for name, part in self.parts.items()} if check else {}
        described = self.source.description
        if check is None:
            self.notes.append("not verified: the rows were copied, but not compared (--no-validate)")
            parts = tuple(part_report(name, tally) for name, tally in tallies.items())
        else:
            parts = tuple(check.part(name, tallies[name], counts[name]) for name in self.parts)
            self.notes += check.notes()
        return Report(
            source=described.location,
            target=str(self.database.url),
            layout=described.layout,
            zone=described.zone,
            parts=parts,
            remarks=check.remarks if check else remarks(tallies.values()),
            notes=tuple(self.notes),
            conflicts=tuple(check.conflicts[:LISTED]) if check else (),
            quarantined=tuple(self.refused),
            not_carried=described.not_carried,
            seconds={phase: round(seconds, 3) for phase, seconds in self.seconds.items()},
            digest=check.digest if check else None,
            verified=check is not None,
            resumed=self.resumed,
        )

    def _finish(self) -> None:
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
            except (AuthenticationFailed, DatabaseDamaged, MissingExtension, MissingRight):
                # The next run would stop at it, too.
                raise
            except DatabaseUnavailable as error:
                if attempt == _ATTEMPTS:
                    raise type(error)(f"{error}; {_RESUMABLE}") from error
                time.sleep(attempt)
        raise AssertionError("not reached")
