"""Commands that move: migrate, verify, reembed."""

from __future__ import annotations

import click

from afterimage.cli.terminal import Progress, counted, memory
from capsa.terminal import json_option, write_json

# What follows belongs to the migration, which reads its own options and has its own help.
_HANDED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}


@click.command(context_settings=_HANDED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def migrate(arguments: tuple[str, ...]) -> int:
    """Move the memory to PostgreSQL, or back, and prove it equal.

    \b
    Example:
      afterimage migrate --sqlite ~/.afterimage/memory.db --validate
    """
    from afterimage import migrate as migration

    return int(migration.main(list(arguments)))


@click.command(context_settings=_HANDED_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def verify(arguments: tuple[str, ...]) -> int:
    """Compare the memory with a migration's report, even weeks later.

    \b
    Example:
      afterimage verify migration.json
    """
    from afterimage import migrate as migration

    return int(migration.verify_main(list(arguments)))


@click.command()
@json_option
def reembed(as_json: bool) -> int:
    """Give every entry a vector of the configured model.

    Vectors of other models go when it is done. Interrupted, it goes on where it stopped when it is run
    again. Search works meanwhile.

    \b
    Example:
      afterimage reembed
    """
    from capsa import EmbedderUnavailable

    with memory() as (config, backend):
        embedder = backend.embedder
        if embedder is None:
            configured = f"embeddings.model is {config.embeddings.model!r}: name a model to embed with"
            raise EmbedderUnavailable(backend.embedder_problem or configured)
        count = backend.collection.reembed(progress=Progress(f"Embedding with {embedder.name}"))
    if as_json:
        write_json({"embedded": count, "model": embedder.name, "dimensions": embedder.dimensions})
    else:
        click.echo(f"{counted(count)} embedded with {embedder.name}.")
    return 0


COMMANDS = (migrate, verify, reembed)
