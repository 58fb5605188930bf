"""Commands that keep and bring back: export, import, backup, restore, clear."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import IO

import click

from afterimage.cli.terminal import Progress, counted, memory, note, size
from capsa.terminal import json_option, write_json


@click.command()
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file [default: stdout].")
@click.option("--vectors", is_flag=True, help="Also the vectors, exactly.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def export(output: Path | None, vectors: bool, force: bool) -> int:
    """Write every entry as JSON, for `import` or another program.

    \b
    Example:
      afterimage export -o memory.json
    """
    from afterimage.backup import refuse_to_overwrite
    from afterimage.exchange import write_export

    with memory() as (_, backend):
        if output is None:
            write_export(backend, sys.stdout, vectors=vectors)
            return 0
        refuse_to_overwrite(backend, output.absolute(), force=force)
        unfinished = output.with_name(output.name + ".unfinished")
        try:
            with os.fdopen(_create(unfinished), "w", encoding="utf-8") as stream:
                count = write_export(backend, stream, vectors=vectors)
            unfinished.replace(output)
        except BaseException as error:
            unfinished.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:
                # What writing meets, such as a full disk, names no file.
                raise OSError(error.errno, error.strerror, str(output)) from error
            raise
    note(f"{counted(count)} exported to {output} ({size(output.stat().st_size)})")
    return 0


def _create(path: Path) -> int:
    # What an agent wrote may hold secrets: for the owner's eyes only.
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--replace", is_flag=True, help="Entries that are here with other content get the export's.")
@json_option
def import_(file: Path, replace: bool, as_json: bool) -> int:
    """Take in an export. Safe to run again: what is here already is skipped; `-` reads stdin.

    \b
    Example:
      afterimage import memory.json
    """
    from afterimage.exchange import import_entries

    with _open_export(file) as stream, memory(writing=True) as (_, backend):
        report = import_entries(backend, stream, replace=replace, progress=Progress("Importing"))
    if as_json:
        write_json(
            {
                "imported": report.added,
                "replaced": report.replaced,
                "already_here": report.present,
                "different": report.different,
                "refused": report.refused,
                "remarks": dict(report.remarks),
            }
        )
    else:
        click.echo(f"Imported: {report.added:,}")
        click.echo(f"Replaced: {report.replaced:,}")
        click.echo(f"Already here: {report.present:,}")
        for remark, count in sorted(report.remarks.items()):
            click.echo(f"Remark: {count:,}: {remark}")
        for lines, what in ((report.different, "Different, not replaced"), (report.refused, "Refused")):
            if lines:
                click.echo(f"{what}: {len(lines):,}")
                for line in lines[:10]:
                    click.echo(f"  - {line}")
        if report.different:
            note("entries with the same id and other content were left as they are: --replace takes the export's")
    return 1 if report.different or report.refused else 0


def _open_export(file: Path) -> IO[str]:
    from afterimage.errors import NotAMemory

    if str(file) == "-":
        return io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8")
    with file.open("rb") as stream:
        if stream.read(16) == b"SQLite format 3\0":
            raise NotAMemory(
                f"{file} is a SQLite file, not an export: `afterimage restore {file}` if it is a backup, "
                f"or name it as storage.sqlite.path if it is an older memory"
            )
    return file.open(encoding="utf-8")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE.")
def backup(file: Path, force: bool) -> int:
    """Write a complete copy of the memory to FILE, even while it is in use.

    \b
    Example:
      afterimage backup ~/backups/memory-2026-01-06.db
    """
    from afterimage.backup import write_backup

    with memory() as (_, backend):
        count = write_backup(backend, file.absolute(), force=force)
    click.echo(f"{counted(count)} backed up to {file} ({size(file.stat().st_size)})")
    return 0


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace what the memory holds, or a file that is damaged; it is kept.")
def restore(file: Path, force: bool) -> int:
    """Make the memory what FILE, written by `afterimage backup`, holds.

    \b
    Example:
      afterimage restore ~/backups/memory-2026-01-06.db
    """
    from afterimage.backup import restore_backup
    from afterimage.recalling import RecallIndex

    with memory(writing=True) as (config, backend):
        restored = restore_backup(
            backend, file.absolute(), config.directory, force=force, progress=Progress("Restoring"), say=note
        )
        # What was there before is not to be recalled for another minute.
        RecallIndex(config.directory).discard()
    if restored.kept:
        click.echo(f"What was there before is kept in {restored.kept}")
    click.echo(f"{counted(restored.entries)} restored from {file}")
    return 0


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def clear(yes: bool) -> int:
    """Forget everything. `afterimage backup FILE` first keeps a way back.

    \b
    Example:
      afterimage clear --yes
    """
    from afterimage.recalling import RecallIndex

    with memory() as (config, backend):
        count = backend.collection.count()
        if not yes and not _agreed(f"Forget {counted(count)} for good?"):
            click.echo("Nothing was cleared.")
            return 1
        count = backend.clear()
        RecallIndex(config.directory).discard()
    click.echo(f"Cleared {counted(count)}.")
    return 0


def _agreed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort as stopped:
        if not isinstance(stopped.__context__, EOFError):
            raise
        click.echo(err=True)
        raise click.ClickException("nobody is there to answer, so nothing was cleared: use --yes") from None


COMMANDS = (export, import_, backup, restore, clear)
