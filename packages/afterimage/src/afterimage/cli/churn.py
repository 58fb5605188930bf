"""Commands on how often code is edited: churn, hotspots, files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from afterimage.cli.pictures import bar, sparkline
from afterimage.cli.terminal import counted, memory, note
from capsa.terminal import clean, json_option, table, width, write_json

if TYPE_CHECKING:
    import datetime as dt

    from afterimage.churn import ChurnTracker, FileChurn, FunctionChurn, HistoryItem
    from afterimage.churn.exclusions import Exclusions
    from afterimage.config import AfterImageConfig

_TIERS = ("gold", "silver", "bronze", "red")
_EVERYWHERE = "Files of all projects, not only of the one that is worked in."
#: Columns from which there is room for a picture of the month.
_WIDE = 108
#: Functions of a file that are listed for a person; --json has all.
_FUNCTIONS = 30


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-f", "--functions", is_flag=True, help="Also its functions, the one changed most often first.")
@click.option("-H", "--history", is_flag=True, help="Also its edits, newest first.")
@click.option(
    "--history-limit", type=click.IntRange(1), default=20, show_default=True, help="Edits of the history at most."
)
@json_option
def churn(file: Path, functions: bool, history: bool, history_limit: int, as_json: bool) -> int:
    """Show how often FILE was edited, and how stable that makes it.

    One call of a tool is one edit; that a function came with a new file is none.

    \b
    Example:
      afterimage churn src/config.py --functions
      afterimage churn src/config.py --history --history-limit 50
    """
    with _tracker() as (_, tracker):
        found = next((stats for path in _spellings(file) if (stats := tracker.get_file_stats(path))), None)
        if found is None:
            note(f"no edit of {file.absolute()} is known")
            return 1
        changed = tracker.get_function_stats(found.file_path) if functions else []
        items = tracker.get_history(found.file_path, history_limit) if history else []
        earlier = tracker.get_earlier_stats(found.file_path)
    if as_json:
        shown: dict[str, Any] = found.to_dict()
        if functions:
            shown["functions"] = [one.to_dict() for one in changed]
        if history:
            shown["history"] = [item.to_dict() for item in items]
        if earlier:
            shown["counted_earlier"] = earlier
        write_json(shown)
        return 0
    _show(found, earlier)
    if functions:
        _show_functions(changed)
    if history:
        _show_history(items, found.total_edits)
    return 0


@click.command()
@click.option("-l", "--limit", type=click.IntRange(1), default=20, show_default=True, help="Files at most.")
@click.option("--all-projects", is_flag=True, help=_EVERYWHERE)
@json_option
def hotspots(limit: int, all_projects: bool, as_json: bool) -> int:
    """List the files that change most, the hottest first: by the edits of 30 days, more if the last day was busy.

    Files that hook.warning_noise_exclusions names (tests and the like) are left out.

    \b
    Example:
      afterimage hotspots --limit 10
    """
    from afterimage.churn.exclusions import Exclusions

    with _tracker() as (config, tracker):
        known = [file for file, _ in tracker.get_hotspots(None)]
        here = _here(known, config.directory, all_projects=all_projects)
        found = list(_without(here, Exclusions(config.hook.warning_noise_exclusions, str(Path.cwd())), limit))
    if as_json:
        write_json([file.to_dict() for file in found])
    elif found:
        most = found[0].score
        _table(found, ("score", ""), [(f"{file.score:.1f}", bar(file.score, most)) for file in found])
    elif here:
        click.echo("Only files that hook.warning_noise_exclusions leaves out were edited in the last 30 days.")
    else:
        click.echo("No file was edited in the last 30 days.")
    _mention(known, here, all_projects=all_projects)
    return 0 if found else 1


@click.command()
@click.option("--tier", type=click.Choice(_TIERS, case_sensitive=False), required=True, help="Which files.")
@click.option("-l", "--limit", type=click.IntRange(1), default=50, show_default=True, help="Files at most.")
@click.option("--all-projects", is_flag=True, help=_EVERYWHERE)
@json_option
def files(tier: str, limit: int, all_projects: bool, as_json: bool) -> int:
    """List the files of a tier, those edited most first.

    By the edits of the last 30 days: gold 0 to 2, silver 3 to 10, bronze 11 to 20, red more, or 5 and more within
    24 hours.

    \b
    Example:
      afterimage files --tier red
    """
    with _tracker() as (config, tracker):
        known = tracker.get_files_by_tier(tier)
        here = list(_here(known, config.directory, all_projects=all_projects))
    found = here[:limit]
    if as_json:
        write_json([file.to_dict() for file in found])
    elif found:
        _table(found, ("in all", "last (UTC)"), [(f"{f.total_edits:,}", _moment(f.last_edit)) for f in found])
        if len(here) > limit:
            note(f"{counted(len(here) - limit, 'more file is', 'more files are')} {tier}: --limit")
    else:
        click.echo(f"No file is {tier}.")
    _mention(known, here, all_projects=all_projects)
    return 0 if found else 1


@contextmanager
def _tracker() -> Iterator[tuple[AfterImageConfig, ChurnTracker]]:
    """The churn of the configured memory, with what an earlier version knew of it."""
    from afterimage.churn import ChurnTracker
    from afterimage.config import load_config
    from afterimage.legacy_churn import carry_over_once, find

    earlier = find(load_config())
    # Where there is a history, there is something to look at.
    with memory(writing=earlier is not None) as (config, backend):
        if earlier is not None:
            carry_over_once(
                earlier, backend.database, lambda line: note(line.removeprefix("afterimage: ")), backend.owner
            )
        yield config, ChurnTracker(backend)


def _spellings(file: Path) -> Iterator[str]:
    """How a path may be spelled in the memory: seen from here, with links followed, or just as it was typed."""
    yield from dict.fromkeys((os.path.abspath(file), os.path.realpath(file), str(file)))  # noqa: PTH100


def _here(known: Sequence[FileChurn], directory: Path, *, all_projects: bool) -> Sequence[FileChurn]:
    if all_projects:
        return known
    from afterimage.retrieval.where import Where

    where = Where.at([str(Path.cwd())], directory)
    return [file for file in known if where.has(file.project, file.file_path)]


def _without(known: Sequence[FileChurn], exclusions: Exclusions, limit: int) -> Iterator[FileChurn]:
    for file in known:
        if file.file_path not in exclusions:
            yield file
            limit -= 1
            if not limit:
                return


def _mention(known: Sequence[FileChurn], here: Sequence[FileChurn], *, all_projects: bool) -> None:
    if not all_projects and len(here) < len(known):
        note(f"{counted(len(known) - len(here), 'file', 'files')} of other projects: --all-projects")


def _show(file: FileChurn, earlier: dict[str, Any] | None) -> None:
    click.secho(clean(file.file_path), bold=True)
    lately = (
        f"{file.edits_last_24h:,} in 24 hours, {file.edits_last_7d:,} in 7 days, {file.edits_last_30d:,} in 30 days"
    )
    rows = [
        ("tier", f"{file.tier.upper()}: {file.tier.meaning}"),
        ("edits", f"{lately}, {file.total_edits:,} in all"),
        ("30 days", f"|{sparkline(file.days)}|"),
        ("first", f"{_moment(file.first_edit)} UTC"),
        ("last", f"{_moment(file.last_edit)} UTC"),
    ]
    if earlier and isinstance(total := earlier.get("total_edits"), int):
        rows.append(("earlier", f"AfterImage 0.3 to 0.8 had counted {total:,}"))
    for name, value in rows:
        click.echo(f"  {name:<8} {value}")


def _show_functions(functions: Sequence[FunctionChurn]) -> None:
    click.echo()
    if not functions:
        click.echo("No function of it is known.")
        return
    most = max(one.edit_count for one in functions)
    table(
        ("function", "24 h", "30 d", "in all", "last (UTC)", ""),
        [
            (
                one.name,
                f"{one.edits_last_24h:,}",
                f"{one.edits_last_30d:,}",
                f"{one.edit_count:,}",
                _moment(one.last_edit),
                bar(one.edit_count, most),
            )
            for one in functions[:_FUNCTIONS]
        ],
    )
    if len(functions) > _FUNCTIONS:
        click.echo(f"… and {counted(len(functions) - _FUNCTIONS, 'more', 'more')} (--json lists all)")


def _show_history(items: Sequence[HistoryItem], total: int) -> None:
    signs = {"added": "+", "modified": "", "deleted": "-"}
    click.echo()
    table(
        ("time (UTC)", "session", "entry", "functions (+ came, - went)"),
        [
            (
                _moment(item.at),
                item.session[:8],
                item.entries[0][:8] if item.entries else "(earlier)",
                ", ".join(f"{signs[what]}{name}" for name, what in item.functions.items()),
            )
            for item in items
        ],
    )
    if len(items) < total:
        click.echo(f"… and {total - len(items):,} before that (--history-limit)")


def _table(found: Sequence[FileChurn], columns: tuple[str, str], cells: Sequence[tuple[str, str]]) -> None:
    wide = width() >= _WIDE
    room = max(24, width() - (_WIDE - 24 if wide else _WIDE - 58))
    table(
        ("file", "tier", "24 h", "7 d", "30 d", *(["30 days"] if wide else []), *columns),
        [
            (
                _short(file.file_path, room),
                str(file.tier),
                f"{file.edits_last_24h:,}",
                f"{file.edits_last_7d:,}",
                f"{file.edits_last_30d:,}",
                *([f"|{sparkline(file.days)}|"] if wide else []),
                *more,
            )
            for file, more in zip(found, cells, strict=True)
        ],
    )


def _short(path: str, room: int) -> str:
    """A path as it is seen from here, its end if it is too long."""
    here = f"{Path.cwd()}/"
    path = path.removeprefix(here)
    return path if len(path) <= room else "…" + path[-room + 1 :]


def _moment(moment: dt.datetime) -> str:
    import datetime as dt

    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}"


COMMANDS = (churn, hotspots, files)
