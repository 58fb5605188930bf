"""Commands that find: search, recent, show, stats."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from afterimage.cli.terminal import counted, find_entry, memory, moment, note, redactor, seen_from_here, size
from afterimage.entries import AUTHOR
from capsa.terminal import clean, json_option, one_line, table, width, write_json

if TYPE_CHECKING:
    from afterimage.hybrid_search import SearchResult

_WEIGHTS = {"hybrid": (0.4, 0.6), "lexical": (1.0, 0.0), "semantic": (0.0, 1.0)}
#: The fields of an entry that may hold a secret.
_TEXTS = frozenset({"new_code", "old_code", "context"})
#: Lines of code shown of each result.
_SHOWN_LINES = 12
_PATH = "Only paths that contain this, or match it if it has * or ?; ./ and ../ are seen from here."


def _is_number(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("it is not a number.")
    return value


@click.command()
@click.argument("query", nargs=-1, required=True)
@click.option("-l", "--limit", type=click.IntRange(1), help="Results at most [default: search.max_results, 5].")
@click.option(
    "-t",
    "--threshold",
    type=click.FloatRange(0, 1),
    callback=_is_number,
    help="Least relevance, 0 to 1: 1 is a literal match, else the share of the words found (long ones count "
    "more), or the likeness of meaning if that is greater [default: search.relevance_threshold, 0.3].",
)
@click.option("-p", "--path", callback=seen_from_here, help=_PATH)
@click.option("--session", help="Only entries of this session.")
@click.option("--mode", type=click.Choice(list(_WEIGHTS)), default="hybrid", show_default=True, help="What to go by.")
@json_option
def search(  # noqa: PLR0917  # click gives them by name
    query: tuple[str, ...],
    limit: int | None,
    threshold: float | None,
    path: str | None,
    session: str | None,
    mode: str,
    as_json: bool,
) -> int:
    """Find code by words and by meaning, best first.

    \b
    Example:
      afterimage search "retry with backoff" --path src/ --limit 10
      afterimage search -t 0.6 parse_config
    """
    from afterimage.hybrid_search import HybridSearch

    with memory() as (config, backend):
        redact = redactor(config)
        least = config.search.relevance_threshold if threshold is None else threshold
        words, meaning = _WEIGHTS[mode]
        searcher = HybridSearch(backend, fts_weight=words, semantic_weight=meaning)
        found = searcher.search(
            " ".join(query), limit or config.search.max_results, least, path_filter=path, session_id=session
        )
        for line in searcher.notes:
            # The engine does not know by which command.
            note(line.replace("re-embed to", "`afterimage reembed` to"))
        if as_json:
            write_json([_without_secrets(result.to_dict(), redact) for result in found])
        elif found:
            for number, result in enumerate(found, 1):
                _show_result(number, result, redact)
            click.echo(f"Found {counted(len(found), 'result', 'results')}")
        else:
            click.echo("No results found.")
        if left := searcher.left_out:
            lower = math.floor(left.best * 20) / 20
            note(
                f"{counted(left.count, 'result was', 'results were')} left out, below the relevance of {least:g}; the "
                f"best has {left.best:.2f}: --threshold {lower:g} shows {'it' if left.count == 1 else 'more'}"
            )
    return 0 if found else 1


def _without_secrets(shown: dict[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    """What is recalled, as hooks and server recall it; `export` has it as it is stored."""
    return {key: redact(text) if key in _TEXTS and isinstance(text, str) else text for key, text in shown.items()}


def _show_result(number: int, result: SearchResult, redact: Callable[[str], str]) -> None:
    unit = f" · {clean(result.unit)}" if result.unit else ""
    click.secho(f"{number}. {clean(result.file_path)}{unit}", bold=True)
    # Not the relevance: what a threshold goes by is another order than the one of this list.
    author = f"by {one_line(result.author, 60)} · " if result.author else ""
    click.secho(f"   {clean(result.reason)} · {moment(result.timestamp)} · {author}{result.id}", dim=True)
    first, last = result.lines or (1, None)
    lines = clean(redact("\n".join(result.new_code.split("\n")[first - 1 : last]))).strip("\n").split("\n")
    for line in lines[:_SHOWN_LINES]:
        click.echo(f"   | {line[:200]}")
    if len(lines) > _SHOWN_LINES:
        more = counted(len(lines) - _SHOWN_LINES, "more line", "more lines")
        click.secho(f"   | … {more}: afterimage show {result.id[:8]}", dim=True)
    click.echo()


@click.command()
@click.option("-l", "--limit", type=click.IntRange(1), default=10, show_default=True, help="Entries at most.")
@click.option("-p", "--path", callback=seen_from_here, help=_PATH)
@json_option
def recent(limit: int, path: str | None, as_json: bool) -> int:
    """List the latest entries, newest first.

    \b
    Example:
      afterimage recent --limit 20
    """
    with memory() as (config, backend):
        found = backend.search_by_path(path, limit) if path else backend.get_recent(limit)
        redact = redactor(config)
    if as_json:
        write_json([_without_secrets(entry.to_dict(), redact) for entry in found])
    elif found:
        authors = [one_line(str(entry.metadata.get(AUTHOR, "")), 16) for entry in found]
        path_width = min(48, width() // 3)
        code_width = max(10, width() - path_width - 32 - max(map(len, authors)))
        rows = [
            (
                e.id[:8],
                moment(e.timestamp),
                author,
                _tail(e.file_path, path_width),
                one_line(redact(e.new_code), code_width),
            )
            for e, author in zip(found, authors, strict=True)
        ]
        table(("id", "time (UTC)", "author", "file", "code"), rows)
    else:
        click.echo("The memory is empty." if not path else "No path matches.")
    return 0 if found else 1


def _tail(path: str, room: int) -> str:
    return path if len(path) <= room else "…" + path[-room + 1 :]


@click.command()
@click.argument("entry_id", metavar="ID")
@click.option("--old", is_flag=True, help="Show the code that was replaced instead.")
@json_option
def show(entry_id: str, old: bool, as_json: bool) -> int:
    """Show one entry whole, without secrets; `export` has them. The beginning of its id is enough.

    \b
    Example:
      afterimage show 3f2a9c1e
    """
    with memory() as (config, backend):
        entry = find_entry(backend, entry_id)
        redact = redactor(config)
    if as_json:
        write_json(_without_secrets(entry.to_dict(), redact))
        return 0
    for name, value in (
        ("file", entry.file_path),
        ("time", entry.timestamp),
        ("session", entry.session_id),
        ("author", entry.metadata.get(AUTHOR)),
        ("id", entry.id),
        ("context", redact(entry.context) if entry.context else None),
    ):
        if value:
            click.secho(f"# {name}: {one_line(value, 200)}", dim=True)
    code = entry.old_code if old else entry.new_code
    if code is None:
        note("this entry replaced nothing")
        return 1
    code = redact(code)
    click.echo(clean(code), nl=not code.endswith("\n"))
    return 0


@click.command()
@json_option
def stats(as_json: bool) -> int:
    """Show how much the memory holds, and where.

    \b
    Example:
      afterimage stats --json
    """
    from collections import Counter

    from afterimage.churn import ChurnTier, ChurnTracker

    with memory() as (_, backend):
        found = backend.stats()
        where = str(backend.url.path or backend.url)
        # For a person only: a program asks often, and this reads what is noted of every entry.
        counts = Counter(file.tier for file in (() if as_json else ChurnTracker(backend).files()))
    if as_json:
        write_json(found.to_dict())
        return 0
    tiers = ", ".join(f"{counts[tier]:,} {tier}" for tier in reversed(ChurnTier) if counts[tier])
    rows = [
        ("Backend", found.backend_type),
        ("Where", where),
        ("Entries", f"{found.total_entries:,}"),
        ("... with vectors", f"{found.entries_with_embeddings:,}"),
        ("Files", f"{found.unique_files:,}"),
        ("... by how often they change", tiers or "-"),
        ("Sessions", f"{found.unique_sessions:,}"),
        ("Oldest", found.oldest_entry or "-"),
        ("Newest", found.newest_entry or "-"),
        ("Size", size(found.db_size_bytes)),
    ]
    table(("what", "value"), rows)
    return 0


COMMANDS = (search, recent, show, stats)
