"""Commands that put AfterImage into coding agents and take it out again: setup, uninstall."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from afterimage.cli.terminal import note

if TYPE_CHECKING:
    from afterimage.agents import Change, Client
    from afterimage.config import AfterImageConfig

F = TypeVar("F", bound=Callable[..., Any])

_NAMES = ("claude-code", "codex", "gemini", "cursor")


def _clients(function: F) -> F:
    return click.argument("clients", nargs=-1, type=click.Choice(_NAMES))(function)


def _dry_run(function: F) -> F:
    return click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")(function)


@click.command()
@_clients
@click.option(
    "--deny-once/--no-deny-once",
    default=None,
    help="Refuse a write once if nearly the same code was written before; the second try goes through. "
    "Default: as it was, at first not.",
)
@click.option("--plugin", is_flag=True, help="Into Claude Code as a plugin instead of in its settings.")
@_dry_run
def setup(clients: Sequence[str], deny_once: bool | None, plugin: bool, dry_run: bool) -> int:
    """Make AfterImage part of coding agents: of CLIENTS, or of all that are found.

    Done twice it changes nothing more; `afterimage uninstall` takes it all back.

    \b
    Example:
      afterimage setup --dry-run
      afterimage setup claude-code
    """
    from importlib.util import find_spec

    from afterimage import agents
    from afterimage.config import load_config
    from afterimage.telling import told

    config = load_config()
    chosen = _chosen(clients, config)
    denying = bool(told(config.directory).get("deny_once")) if deny_once is None else deny_once
    server = find_spec("mcp") is not None
    changes = agents.plan_setup(
        chosen,
        config.home,
        os.environ,
        config.directory,
        deny_once=denying,
        plugin=plugin,
        named=config.directory != config.home / ".afterimage",
        server=server,
    )
    _show(changes)
    if dry_run:
        return 0
    _tell_the_hooks(config, deny_once=denying)
    agents.apply(changes, config.directory, remember=True)
    for client in chosen:
        if why := agents.switched_off(client, config.home, os.environ, config.directory):
            click.echo(f"{client.title}: set up, but it runs no hooks as long as this stands: {why}")
        else:
            click.echo(f"{client.title}: {'ready' if changes else 'was ready'}; it takes effect in its next session.")
    if not server:
        note('without the MCP server: pip install "ai-afterimage[mcp]" and run this again to have it')
    return 0


@click.command()
@_clients
@_dry_run
def uninstall(clients: Sequence[str], dry_run: bool) -> int:
    """Take AfterImage out of coding agents again: of CLIENTS, or of all. The memory stays.

    \b
    Example:
      afterimage uninstall --dry-run
    """
    from afterimage import agents
    from afterimage.config import load_config

    config = load_config()
    chosen = [agents.CLIENTS[name] for name in clients or _NAMES]
    changes = agents.plan_uninstall(chosen, config.home, os.environ, config.directory)
    _show(changes)
    if not dry_run:
        agents.apply(changes, config.directory, remember=False)
        click.echo("Taken out; the memory is still there." if changes else "It was in none of them.")
    return 0


def _chosen(names: Sequence[str], config: AfterImageConfig) -> list[Client]:
    from afterimage.agents import CLIENTS
    from afterimage.errors import NoAgent

    if names:
        return [CLIENTS[name] for name in dict.fromkeys(names)]
    found = [client for client in CLIENTS.values() if client.folder(config.home, os.environ).is_dir()]
    if not found:
        raise NoAgent(f"no coding agent was found in {config.home}: name one of {', '.join(_NAMES)}")
    return found


def _show(changes: Sequence[Change]) -> None:
    for change in changes:
        for line in change.notes:
            note(line)
        click.echo(change.diff(), nl=False)


def _tell_the_hooks(config: AfterImageConfig, *, deny_once: bool) -> None:
    """What a hook cannot find out by itself, and what would cost it time: settings, compiled modules and rules."""
    import compileall

    from afterimage import hook
    from afterimage.agents.clients import sync_program
    from afterimage.config import database_url
    from afterimage.hook.redaction import compile_rules
    from afterimage.telling import tell, tell_filter

    memory = str(database_url(config))
    tell(config.directory, {"deny_once": deny_once, "memory": memory, "sync": sync_program()})
    tell_filter(config)
    compileall.compile_dir(str(Path(hook.__file__).parent), quiet=2)
    compile_rules(str(config.directory / "hook-state"))


COMMANDS = (setup, uninstall)
