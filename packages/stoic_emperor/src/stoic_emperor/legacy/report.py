"""What a migration shows a person: progress while it lasts, and then a report of what was counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from capsa import transfer
from capsa.terminal import clean_line
from stoic_emperor.legacy.outcome import Outcome
from stoic_emperor.legacy.reconciling import OnErased

_LISTED = 10
_PHASES = {
    "read": "Reading what there is",
    "copy": "Carrying it over",
    "index": "Making it searchable",
    "verify": "Comparing every row",
    "catch up": "Following what was written meanwhile",
}


class Bars:
    """A bar for each phase, on a terminal; otherwise nothing. Until the first, questions can be asked there."""

    def __init__(self, console: Console, *, silent: bool = False) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            disable=silent or not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, phase: str, done: int, total: int) -> None:
        if not self._tasks:
            self._progress.start()
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(_PHASES.get(phase, phase), total=total)
        self._progress.update(self._tasks[phase], completed=done, total=total)


def print_outcome(outcome: Outcome, console: Console) -> None:
    """The report."""
    report = outcome.report
    console.print()
    console.print(_headline(outcome), style="bold", markup=False, highlight=False)
    for label, value in _facts(outcome):
        console.print(f"{label + ':':<19} {clean_line(value)}", markup=False, highlight=False, soft_wrap=True)
    console.print()
    console.print(_table(report))
    for title, count, lines in _lists(outcome):
        console.print(f"\n{title} ({count}):", markup=False, highlight=False, soft_wrap=True)
        for line in lines:
            console.print(f"  - {clean_line(line)}", markup=False, highlight=False, soft_wrap=True)


def _headline(outcome: Outcome) -> str:
    report = outcome.report
    if report.dry_run:
        if outcome.stops:
            return "Dry run: nothing was written; a migration, or the first use after it, would stop at the target"
        return "Dry run: nothing was written" + ("; not every row could be carried" if report.failed else "")
    if outcome.complete and report.verified:
        return "Migration complete: every row is there, equal"
    if outcome.complete:
        return "Migration complete, but not verified"
    return "Migration incomplete: some rows are not there as they were, see below"


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    report = outcome.report
    yield "Source", f"{report.source} ({report.layout})"
    if outcome.target is not None:
        yield "Target", str(outcome.target)
    yield "Rows", f"{report.source_rows:,}"
    if report.dry_run:
        yield "Can be carried", f"{report.source_rows - report.failed:,}"
        if outcome.look is not None:
            yield from _looked_at(outcome.look, outcome.stops, report)
    else:
        yield "Migrated", f"{report.migrated:,}"
        yield "Already there", f"{report.skipped:,}"
    yield "Not carried", f"{report.failed:,}"
    yield from (("Erased at source", f"{line}; {_fate(outcome)}") for line in outcome.doomed)
    yield from (("Vectors", f"{count:,} of {model}") for model, count in outcome.models.items())
    if report.zone is not None:
        yield "Times without zone", f"read in {report.zone} (another: --timezone)"
    if not report.dry_run:
        yield "Verified", _verified(report)
    if taken := [f"{phase} {seconds:.1f} s" for phase, seconds in report.seconds.items() if seconds >= 0.05]:
        yield "Time taken", ", ".join(taken)
    if report.resumed:
        yield "Note", "another run had begun this migration; the numbers are of all its runs"
    yield from (("Note", note) for note in report.notes)
    yield from (
        ("Remark", f"{count:,} {'row' if count == 1 else 'rows'}: {remark}")
        for remark, count in sorted(report.remarks.items())
    )
    yield "Unchanged", ", ".join(outcome.unchanged)
    yield from (("Next", line) for line in outcome.advice)


def _fate(outcome: Outcome) -> str:
    """What becomes of what the target holds of what was erased in the source."""
    if outcome.on_erased is OnErased.KEEP:
        return "kept at the target"
    if not outcome.report.dry_run:
        return "erased at the target too, with what was made of it"
    asked = "" if outcome.on_erased is OnErased.ERASE else ", if you say so when you are asked"
    return f"would be erased at the target too, with what was made of it{asked} (--on-erased)"


def _looked_at(look: transfer.Look, stops: Sequence[str], report: transfer.Report) -> Iterator[tuple[str, str]]:
    yield "Target", f"{look.target} ({_state(look)})"
    if look.unseen is not None:
        yield "Not looked at", look.unseen
    if look.comparable and not stops:
        yield "There, equal", f"{report.skipped:,}"
        yield "There, different", f"{sum(part.conflicts + part.replaced for part in report.parts):,}"
    yield from (("Stops at", stop) for stop in stops)


def _state(look: transfer.Look) -> str:
    if look.unseen is not None:
        return "whether a migration would succeed is not known"
    if look.comparable or look.errors:
        return look.software
    if look.schema is None:
        return f"{look.software}; no tables of ours were seen"
    return f"{look.software}; not compared, because a migration brings the tables up to date first"


def _verified(report: transfer.Report) -> str:
    if not report.verified:
        return "no (--no-validate)"
    return f"every row and vector compared, bit for bit (sha256 {(report.digest or '')[:16]})"


def _table(report: transfer.Report) -> Table:
    columns = {
        "rows": "source",
        "migrated": "migrated",
        "already there": "skipped",
        "replaced": "replaced",
        "different there": "conflicts",
        "quarantined": "quarantined",
        "vectors": "vectors",
    }
    if report.dry_run:
        columns = {name: columns[name] for name in ("rows", "quarantined", "vectors")}
    always = {"rows", "migrated", "quarantined"}
    shown = {
        title: name for title, name in columns.items() if title in always or any(getattr(p, name) for p in report.parts)
    }
    table = Table("", box=None, pad_edge=False)
    for title in shown:
        table.add_column(title, justify="right")
    for part in report.parts:
        table.add_row(clean_line(part.name), *(f"{getattr(part, name):,}" for name in shown.values()))
    return table


def _lists(outcome: Outcome) -> Iterator[tuple[str, int, list[str]]]:
    report = outcome.report
    conflicts = sum(part.conflicts for part in report.parts)
    listed = (
        ("In the target, but different (--on-conflict replace takes the source's)", conflicts, report.conflicts),
        ("Could not be carried, kept in quarantine with all they hold", report.quarantined_rows, report.quarantined),
        ("Not carried, on purpose", len(report.not_carried), report.not_carried),
    )
    for title, count, lines in listed:
        if count:
            more = [f"... and {count - _LISTED:,} more (--json shows a hundred)"] if count > _LISTED else []
            yield title, count, [*lines[:_LISTED], *more]


def print_verification(found: transfer.Verification, database: str, manifest: str, console: Console) -> None:
    """How a database stands to the manifest of a migration."""
    numbers: Mapping[str, int] = {
        "Rows then": found.rows,
        "Unchanged": found.unchanged,
        "Changed since": found.changed_count,
        "Deleted since": found.deleted_count,
        "Added since": found.added_count,
    }
    console.print(f"{database} beside {manifest}", style="bold", markup=False, highlight=False, soft_wrap=True)
    for label, value in numbers.items():
        console.print(f"{label + ':':<19} {value:,}", markup=False, highlight=False)
    listed = (("Changed", found.changed), ("Deleted", found.deleted), ("Added", found.added))
    for title, keys in listed:
        for key in keys[:_LISTED]:
            console.print(f"{title}: {clean_line(key)}", markup=False, highlight=False, soft_wrap=True)
