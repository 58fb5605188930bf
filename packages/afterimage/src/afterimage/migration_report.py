"""What a migration shows a person, in the form of the guide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

from afterimage.entries import (
    CHURN_EDITS,
    CHURN_FILES,
    CHURN_FUNCTIONS,
    COLLECTION,
    FORGOTTEN,
    PATTERN_CLUSTERS,
    PATTERN_MEMBERS,
    UNITS,
)
from afterimage.errors import explain
from capsa.terminal import clean_line

if TYPE_CHECKING:
    from capsa import transfer

_RULE = "=" * 60
_LISTED = 10
#: What the guide calls the phases of a transfer.
MESSAGES = {"read": "Reading source data", "copy": "Migrating entries", "verify": "Validating migration"}
#: The same, where the source holds more than entries.
_MESSAGES_WITH_PATTERNS = MESSAGES | {"copy": "Migrating entries and patterns"}
_INDEXING = "Indexing"
#: Tables of an earlier memory, and tables and collections of ours, that hold something else than entries.
_BESIDE = {
    "pattern_clusters": "pattern clusters",
    "pattern_members": "pattern members",
    PATTERN_CLUSTERS: "pattern clusters",
    PATTERN_MEMBERS: "pattern members",
    UNITS: "units of entries",
    FORGOTTEN: "ids of what was forgotten",
    CHURN_EDITS: "earlier edits",
    CHURN_FILES: "earlier counts of files",
    CHURN_FUNCTIONS: "earlier counts of functions",
    "capsa_quarantine": "rows in quarantine",
}
_TITLE = "AI-AfterImage Migration Report"


class ProgressLine:
    """Progress as the guide shows it: one line a phase, which on a terminal counts up."""

    def __init__(self, out: TextIO, *, silent: bool = False) -> None:
        self._out = out
        self._silent = silent
        self._live = out.isatty()
        self._finished: set[str] = set()
        self._open = False
        #: Whether the source holds patterns too, which count in the progress but are no entries.
        self.patterns = False

    def say(self, line: str) -> None:
        """A line of its own."""
        if not self._silent:
            self.end()
            print(line, file=self._out, flush=True)

    def __call__(self, phase: str, done: int, total: int) -> None:
        if self._silent or phase in self._finished:
            return
        message = (_MESSAGES_WITH_PATTERNS if self.patterns else MESSAGES).get(phase)
        if message is None:
            self._passing(phase, done, total)
            return
        if phase == "verify":
            # All entries are compared, yet for the guide it is one thing to do.
            done, total = int(done >= total), 1
        percent = 100.0 * done / total if total else 100.0
        line = f"{message}: {done}/{total} ({percent:.1f}%)"
        if done >= total:
            self._finished.add(phase)
            self._write(line, "\n")
        elif self._live:
            self._write(line, "")

    def _passing(self, phase: str, done: int, total: int) -> None:
        # What the guide does not show is seen on a terminal only, while it lasts.
        if self._live and phase == "index":
            self._write(f"{_INDEXING}: {done}/{total}" if done < total else "", "")

    def _write(self, line: str, end: str) -> None:
        # Back to the start of the line, and over what stood there.
        start = "\r\x1b[K" if self._live else ""
        print(f"{start}{line}", end=end, file=self._out, flush=True)
        self._open = self._live and end == "" and line != ""

    def end(self) -> None:
        """Leave a line that has been begun."""
        if self._open:
            self._write("", "")


def holds_patterns(source: transfer.Source) -> bool:
    """Whether an earlier memory has the patterns that AfterImage 0.8 noted in its entries, in tables of their own."""
    return any(part.name.startswith("pattern_") for part in source.parts)


def of_entries(report: transfer.Report) -> transfer.Report:
    """The same without what is no entry: a user counts entries."""
    return replace(report, parts=tuple(part for part in report.parts if part.name not in _BESIDE))


def told_apart(report: transfer.Report, held: Mapping[str, int]) -> transfer.Report:
    """The report of a memory of ours, whose entries and patterns are in one table, with a part for each.

    Where some were there before, or failed, it cannot be told which they are: then with a note of what is counted.

    Args:
        held: how many records the target has, by collection.
    """
    records, *more = report.parts
    # Notes are brought together by themselves (`afterimage.carrying`).
    others = {name: rows for name, rows in held.items() if name not in {COLLECTION, FORGOTTEN}}
    count = sum(others.values())
    # Only where nothing else can be among them is it known which they are.
    known = report.complete and records.source in {records.migrated, records.skipped}
    known = known and records.source == count + held.get(COLLECTION, 0)
    if records.name != "capsa_records" or not count:
        return report
    if not known:
        kinds = ", ".join(f"{rows} {_BESIDE[name]}" for name, rows in others.items() if rows)
        note = f"the numbers above are of all records; beside entries the target now has {kinds}"
        return replace(report, notes=(*report.notes, note))

    def part(rows: int) -> dict[str, Any]:
        fresh = records.source == records.migrated
        return {"source": rows, "migrated": rows if fresh else 0, "skipped": 0 if fresh else rows}

    entries = replace(records, **part(records.source - count))
    patterns = [replace(records, name=name, vectors=0, **part(rows)) for name, rows in others.items()]
    return replace(report, parts=(entries, *patterns, *more))


def print_report(report: transfer.Report) -> None:
    """The report of a migration, as the guide shows it, and below that what else there is to know."""
    entries = of_entries(report)
    lines = [
        *_numbers(
            source=entries.source_rows,
            migrated=entries.migrated,
            skipped=entries.skipped,
            failed=entries.failed,
            success_rate=entries.success_rate,
            elapsed=report.elapsed,
        ),
        "",
        *_beside(report),
        _line("Source", f"{report.source} ({report.layout})"),
        _line("Target", report.target),
        _line("Vectors", report.vectors),
        _line("Verified", _verified(report)),
        _line(
            "Time taken",
            ", ".join(f"{name} {seconds:.1f}s" for name, seconds in report.seconds.items() if seconds >= 0.05)
            or "less than 0.1s",
        ),
        *_details(report),
    ]
    _block(_TITLE, lines)


def print_report_of(*, errors: Sequence[str] = (), **numbers: float) -> None:
    """The guide's own lines alone, and the first of the errors."""
    _block(_TITLE, [*_numbers(**numbers), *_listed("Errors", errors, len(errors))])


def _numbers(
    *, source: float, migrated: float, skipped: float, failed: float, success_rate: float, elapsed: float
) -> list[str]:
    return [
        _line("Source entries", source),
        _line("Migrated", migrated),
        _line("Skipped (existing)", skipped),
        _line("Failed", failed),
        # Nothing is rounded up to all.
        _line("Success rate", f"{min(success_rate, 99.9) if failed else success_rate:.1f}%"),
        _line("Elapsed time", f"{elapsed:.1f}s"),
    ]


def print_dry_run(report: transfer.Report, look: transfer.Look) -> None:
    """What a migration would carry, and what it would find where it goes to."""
    entries = of_entries(report)
    different = _conflicts(entries) + _replaced(entries)
    compared = [_line("There, equal", entries.skipped), _line("There, different", different)]
    stops = [explain(error) or str(error) for error in look.errors]
    lines = [
        _line("Source entries", entries.source_rows),
        _line("Can be carried", entries.source_rows - entries.quarantined_rows),
        _line("Cannot be carried", entries.quarantined_rows),
        *(compared if look.comparable else []),
        "",
        *_beside(report),
        _line("Source", f"{report.source} ({report.layout})"),
        _line("Target", f"{look.target} ({_state(look)})"),
        *([_line("Not looked at", look.unseen)] if look.unseen is not None else []),
        _line("Vectors", report.vectors),
        *_details(report),
        *_listed("A migration, or the first use after it, would stop at this", stops, len(stops)),
    ]
    _block("AI-AfterImage Migration Report (dry run: nothing was written)", lines)


def _state(look: transfer.Look) -> str:
    if look.unseen is not None:
        return "whether a migration would succeed is not known"
    known = [look.software] if look.software else []
    if look.records is not None:
        known.append(f"{look.records:,} rows are there")
    if look.comparable:
        return "; ".join(known)
    if look.errors:
        known.append(f"not compared, because {look.errors[0]}")
    elif look.schema is None:
        known.append("no tables of ours were seen")
    else:
        known.append("not compared, because a migration brings the tables up to date first")
    return "; ".join(known)


def _conflicts(report: transfer.Report) -> int:
    return sum(part.conflicts for part in report.parts)


def _replaced(report: transfer.Report) -> int:
    return sum(part.replaced for part in report.parts)


def print_verification(found: transfer.Verification, database: str, manifest: str) -> None:
    """How a memory stands to the report of a migration."""
    lines = [
        _line("Rows reported", found.rows),
        _line("Unchanged", found.unchanged),
        _line("Changed since", found.changed_count),
        _line("Deleted since", found.deleted_count),
        _line("Added since", found.added_count),
        "",
        _line("Report", manifest),
        _line("Memory", database),
        *_listed("Changed", found.changed, found.changed_count),
        *_listed("Deleted", found.deleted, found.deleted_count),
        *_listed("Added", found.added, found.added_count),
    ]
    _block("AI-AfterImage Verification", lines)


def _beside(report: transfer.Report) -> list[str]:
    parts = [part for part in report.parts if part.name in _BESIDE and part.source]
    if not parts:
        return []
    total = sum(part.source for part in parts)
    carried = total - sum(part.conflicts + part.quarantined for part in parts)
    kinds = ", ".join(f"{part.source} {_BESIDE[part.name]}" for part in parts)
    return [_line("Beside them", f"{carried} of {total} ({kinds})")]


def _verified(report: transfer.Report) -> str:
    if not report.verified:
        return "no (--no-validate)"
    return f"every row compared, bit for bit (sha256 {(report.digest or '')[:16]})"


def _details(report: transfer.Report) -> list[str]:
    lines = []
    if report.zone is not None:
        lines.append(_line("Times without zone", f"read in {report.zone}"))
    only_there = sum(part.only_in_target or 0 for part in report.parts)
    if only_there:
        lines.append(
            _line("Only in target", f"{only_there}, which stay: written there, or deleted in the source since")
        )
    if report.resumed:
        lines.append(_line("Note", "another run had begun this migration; the numbers are of all its runs"))
    lines += [_line("Note", note) for note in report.notes]
    lines += [_line("Remark", f"{count}: {remark}") for remark, count in sorted(report.remarks.items())]
    lines += [_line("Not carried", line) for line in _not_carried(report.not_carried)]
    if report.dry_run and (replaced := _replaced(report)):
        lines += _listed("In the target, but different: replaced by the source's", report.conflicts, replaced)
    else:
        lines += _listed(
            "In the target, but different (--on-conflict replace takes the source's)",
            report.conflicts,
            _conflicts(report),
        )
    lines += _listed("Cannot be carried, kept in quarantine", report.quarantined, report.quarantined_rows)
    return lines


def _not_carried(lines: Sequence[str]) -> list[str]:
    """``table a: reason`` and ``table b: reason`` as one line."""
    names: dict[str, list[str]] = {}
    for line in lines:
        name, _, reason = line.partition(": ")
        names.setdefault(reason, []).append(name.removeprefix("table "))
    return [f"{', '.join(same)}: {reason}" for reason, same in names.items()]


def _listed(title: str, names: Sequence[str], count: int) -> list[str]:
    if not count:
        return []
    shown = [f"  - {clean_line(name)}" for name in names[:_LISTED]]
    more = [f"  ... and {count - len(shown)} more"] if count > len(shown) else []
    return ["", f"{title} ({count}):", *shown, *more]


def _line(label: str, value: object) -> str:
    return f"{label + ':':<19} {value}"


def _block(title: str, lines: Sequence[str]) -> None:
    print("\n".join(["", _RULE, title, _RULE, *lines, _RULE]))
