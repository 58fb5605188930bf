"""What a source holds, in numbers, before or without comparing it with a target."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Sequence

from capsa.transfer.ledger import Tally
from capsa.transfer.options import DEFAULTS, Options
from capsa.transfer.report import PartReport, Report
from capsa.transfer.sources import Source
from capsa.transfer.tables import Item, Refused, Row

#: Rows that are named in a report.
LISTED = 100


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
            for item in itertools.chain.from_iterable(source.read(part, planned.first, planned.last)):
                count(tally, item)
                if isinstance(item, Refused) and len(refused) < LISTED:
                    refused.append(f"{part.name} {item.source_key}: {item.reason}")
            done += planned.rows
            options.progress("read", done, total)
    return Report(
        source=source.description.location,
        target="",
        layout=source.description.layout,
        zone=source.description.zone,
        parts=tuple(part_report(name, tally) for name, tally in tallies.items()),
        remarks=remarks(tallies.values()),
        quarantined=tuple(refused),
        not_carried=source.description.not_carried,
        seconds={"read": time.monotonic() - started},
        dry_run=True,
    )


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
    tally.vectors += sum([len(row.vectors) for row in rows])
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
