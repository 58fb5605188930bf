"""What a source holds, in numbers, before or without comparing it with a target."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from capsa.database import Database
from capsa.records import PUBLIC_OWNER
from capsa.transfer.ledger import Tally
from capsa.transfer.manifest import readable_key
from capsa.transfer.options import DEFAULTS, OnConflict, Options
from capsa.transfer.report import PartReport, Report
from capsa.transfer.sources import Part, Source
from capsa.transfer.tables import Item, Row, Table, parted, unpack
from capsa.transfer.targets import State, Target, open_target

#: Rows that are named in a report.
LISTED = 100


def examine(source: Source, options: Options = DEFAULTS, target: Database | None = None) -> Report:
    """Read the whole source and report what a transfer would carry.

    Args:
        target: if given, what is there already of the rows is compared; it is only read. Rows that differ are counted
            as ``options.on_conflict`` says, and named in either case.
    """
    tallies: dict[str, Tally] = {}
    started = time.monotonic()
    refused: list[str] = []
    different: list[str] = []
    there = None if target is None else open_target(target)
    plan = {part.name: source.plan(part, options.range_rows) for part in source.parts}
    total = sum(planned.rows for ranges in plan.values() for planned in ranges)
    done = 0
    for part in source.parts:
        tally = tallies[part.name] = Tally()
        for planned in plan[part.name]:
            for batch in source.read(part, planned.first, planned.last):
                rows, others = parted(batch)
                count_rows(tally, rows)
                for item in others:
                    count(tally, item)
                    refused.append(f"{part.name} {item.source_key}: {item.reason}")
                if there is not None:
                    different += _compare(there, options, part, rows, tally)
                del refused[LISTED:], different[LISTED:]
            done += planned.rows
            options.progress("read", done, total)
    return Report(
        source=source.description.location,
        target="" if target is None else str(target.url),
        layout=source.description.layout,
        zone=source.description.zone,
        parts=tuple(part_report(name, tally) for name, tally in tallies.items()),
        remarks=remarks(tallies.values()),
        conflicts=tuple(different),
        quarantined=tuple(refused),
        not_carried=source.description.not_carried,
        seconds={"read": time.monotonic() - started},
        dry_run=True,
    )


def _compare(target: Target, options: Options, part: Part, rows: Sequence[Row], tally: Tally) -> list[str]:
    """Note which rows are in the target already; the keys of those that are different there."""
    different: list[Row] = []
    for owner, theirs in _by_owner(part.table, rows).items():
        # What is public, anybody may read.
        with target.database.read(options.owner if owner == PUBLIC_OWNER else owner) as tx:
            states = target.compare(tx, part.table, theirs)
        tally.skipped += states.count(State.EQUAL)
        different += [row for row, state in zip(theirs, states, strict=True) if state is State.DIFFERENT]
    if options.on_conflict is OnConflict.REPLACE:
        tally.replaced += len(different)
    else:
        tally.conflicts += len(different)
    return [f"{part.name} {' '.join(map(str, readable_key(part.table, row)))}" for row in different]


def _by_owner(table: Table, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Under the policies, each owner's rows are seen as theirs alone."""
    place = table.scope_positions[0]
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(unpack(table.kinds[place], row.fields[place])), []).append(row)
    return found


def count(tally: Tally, item: Item) -> None:
    """Note one row of the source."""
    tally.read += 1
    if isinstance(item, Row):
        tally.vectors += len(item.vectors)
        if item.remarks:
            tally.remarks.update(item.remarks)
    else:
        tally.quarantined += 1


def count_rows(tally: Tally, rows: Sequence[Row]) -> None:
    """Note rows of the source that can be carried."""
    tally.read += len(rows)
    tally.vectors += sum(map(len, [row.vectors for row in rows]))
    tally.remarks.update(itertools.chain.from_iterable([row.remarks for row in rows]))


def remarks(tallies: Iterable[Tally]) -> Counter[str]:
    """What is to be said of the rows, and of how many."""
    return sum((tally.remarks for tally in tallies), Counter())


def part_report(name: str, tally: Tally) -> PartReport:
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
