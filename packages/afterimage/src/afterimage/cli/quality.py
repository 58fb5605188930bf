"""The command quality: how well recall works on one's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from afterimage.cli.terminal import Progress, counted, memory, note
from capsa.terminal import json_option, table, write_json

if TYPE_CHECKING:
    from afterimage.quality import Measure

#: Of fewer entries a share says little.
_FEW = 20


@click.command()
@click.option(
    "--sample", type=click.IntRange(1, 5_000), default=50, show_default=True, help="Entries that are asked for."
)
@json_option
def quality(sample: int, as_json: bool) -> int:
    """Measure how well recall works on what is stored here, and say what to do where it is weak.

    Some entries, always the same, are asked for by their names, by a line and by what their first comment says. What is
    made of an entry finds it more easily than what a person asks: these are upper bounds.

    \b
    Example:
      afterimage quality --sample 200
    """
    from afterimage.quality import measure

    with memory() as (config, backend):
        progress = None if as_json else Progress("Entries asked for")
        found = measure(
            backend, config.directory, sample, threshold=config.search.relevance_threshold, progress=progress
        )
    if as_json:
        write_json(found.to_dict())
        return 0
    if not found.entries:
        click.echo("The memory is empty: there is nothing to measure yet.")
        return 1
    if not found.sample:
        click.echo(
            f"Of {counted(found.entries)} none has a path and enough code to be asked for: how well recall works "
            f"cannot be measured yet."
        )
        return 1
    rows = [("!" if one.advice else "", one.name, _value(one), f"{one.of:,}", one.detail) for one in found.measures]
    table(("", "what", "value", "of", ""), rows)
    for one in found.measures:
        if one.advice:
            click.echo(f"\n{one.name}: {_value(one)}\n  -> {one.advice}")
    for line in found.left_out:
        note(f"left out: {line}")
    note(f"{found.sample} of {counted(found.entries)} asked for, by {found.model or 'words alone'}")
    if found.sample < _FEW:
        note(f"that is too few to tell much: one entry more or less changes a figure by {1 / found.sample:.0%}")
    return 0


def _value(one: Measure) -> str:
    if one.value is None:
        return "-"
    return f"{one.value:.0%}" if one.unit == "share" else f"{one.value:,.0f} {one.unit}"


COMMANDS = (quality,)
