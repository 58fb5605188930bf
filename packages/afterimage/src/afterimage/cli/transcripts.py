"""Commands on what clients and earlier programs wrote down: ingest, audit."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import click

from afterimage.cli.terminal import Progress, counted, memory, note
from capsa.terminal import clean as printable
from capsa.terminal import json_option, write_json

#: Secrets that are listed for a person; --json has all.
_SHOWN = 50


@click.command()
@click.option(
    "-f",
    "--file",
    "named_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="This transcript; several with several -f.",
)
@click.option(
    "-d",
    "--directory",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="All transcripts in this folder and below.",
)
@click.option("--again", is_flag=True, help="Read all of every transcript, not only what came since.")
@click.option(
    "--archive",
    "archived",
    type=click.Path(file_okay=False, path_type=Path),
    help="Copy the transcripts here first, for you only: the client deletes its own after some weeks.",
)
@json_option
def ingest(
    named_files: tuple[Path, ...], folders: tuple[Path, ...], again: bool, archived: Path | None, as_json: bool
) -> int:
    """Take in the transcripts that Claude Code and Codex keep of their sessions, each change once.

    Without -f and -d, those in the places where the clients keep them.

    \b
    Example:
      afterimage ingest
      afterimage ingest -f session.jsonl
      afterimage ingest --archive ~/transcripts
    """
    from afterimage import ingest as transcripts
    from afterimage.ingest.places import Place
    from afterimage.sync import synchronise
    from afterimage.telling import tell_filter

    with memory(writing=True) as (config, backend):
        tell_filter(config)
        places = [Place(path.absolute(), path.name) for path in folders]
        places += [Place(path.absolute(), "files") for path in named_files]
        places = places or transcripts.default_places(config.home, os.environ)
        copied = transcripts.archive(places, archived.absolute()) if archived else None
        progress = None if as_json else Progress("Transcripts")
        done = transcripts.take_in(backend, config.directory, places, again=again, progress=progress)
        if done.stored:
            synchronise(backend, config.directory, progress=None if as_json else Progress("Recall index"))
    if as_json:
        write_json({**done.to_dict(), "archived": copied})
        return 0
    if copied is not None:
        click.echo(f"{counted(copied, 'transcript', 'transcripts')} copied to {archived}.")
    click.echo(
        f"{counted(done.stored)} stored and {done.known:,} known already, "
        f"from {done.read:,} of {counted(done.files, 'transcript', 'transcripts')}; "
        f"{done.failed:,} failed calls left out."
    )
    for number, what in (
        (done.waiting, "calls have no answer yet and wait for the next run"),
        (done.ignored, "calls concern files that are not remembered"),
        (done.unreadable, "lines or calls could not be read"),
        (done.foreign, "files are no transcripts, or may not be read"),
    ):
        if number:
            note(f"{number:,} {what}")
    return 0


@click.command()
@click.option("--clean", is_flag=True, help="Take them out, of vectors and indexes too. There is no way back.")
@json_option
def audit(clean: bool, as_json: bool) -> int:
    """Find secrets in what is stored: their kind and place, never the secret. Exit status 1 if some are left.

    \b
    Example:
      afterimage audit
      afterimage audit --clean
    """
    from afterimage.audit import clean_secrets, find_secrets

    with memory() as (config, backend):
        found = list(find_secrets(backend, None if as_json else Progress("Entries")))
        cleaned = clean_secrets(backend, config.directory, found) if clean and found else None
    if as_json:
        write_json({"secrets": [finding.to_dict() for finding in found], "cleaned": cleaned.entries if cleaned else 0})
    else:
        for finding in found[:_SHOWN]:
            place = f"{finding.path or '(no file)'}, {finding.field} line {finding.line}"
            click.echo(printable(f"{finding.id}  {finding.kind}  {place}"))
        if len(found) > _SHOWN:
            click.echo(f"… and {len(found) - _SHOWN:,} more (--json lists all)")
        kinds = Counter(finding.kind for finding in found)
        listed = f": {', '.join(f'{kind} {number:,}' for kind, number in kinds.most_common())}" if found else ""
        click.echo(f"{counted(len(found), 'secret', 'secrets')} in {counted(len({f.id for f in found}))}{listed}")
    if cleaned is None:
        if found:
            note("`afterimage audit --clean` takes them out; replace each secret that is in use")
        return 1 if found else 0
    for line in cleaned.notes:
        note(line)
    if not cleaned.recall:
        note("the hooks' recall index was in use: run `afterimage sync --rebuild`")
    note(f"{counted(cleaned.entries)} cleaned; backups, exports and the file of an earlier version hold what they held")
    return 0 if cleaned.recall else 1


COMMANDS = (ingest, audit)
