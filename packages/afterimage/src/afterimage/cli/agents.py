"""Commands that put AfterImage into coding agents and take it out again: setup, uninstall."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from afterimage.cli.terminal import note

if TYPE_CHECKING:
    from afterimage.agents import Client, Plan
    from afterimage.config import AfterImageConfig

F = TypeVar("F", bound=Callable[..., Any])

_DENYING = "Nearly the same code will be refused once, and go through when it is sent again (deny-once was off)."
_NOT_DENYING = "Nothing will be refused any more, in any agent (deny-once was on)."
#: What is to be done in a client before its hooks run.
_FIRST = {"codex": ", once you have let it trust these hooks: type /hooks there"}
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
    before = bool(told(config.directory).get("deny_once"))
    denying = before if deny_once is None else deny_once
    server = find_spec("mcp") is not None
    plans = agents.plan_setup(
        _chosen(clients, config),
        config.home,
        os.environ,
        config.directory,
        deny_once=denying,
        plugin=plugin,
        named=config.directory != config.home / ".afterimage",
        server=server,
    )
    refused = [plan.client for plan in plans if plan.refused]
    switched = denying != before and len(refused) < len(plans)
    _show(plans, nothing="Nothing would change." if dry_run and not switched else "", dry_run=dry_run)
    if switched:
        click.echo(_DENYING if denying else _NOT_DENYING)
    if len(refused) < len(plans) and not dry_run:
        _tell_the_hooks(config, deny_once=denying)
    failed = refused if dry_run else _apply(plans, config, remember=True)
    for plan in plans:
        if plan.client not in failed:
            for line in _outcome(plan, config, plugin=plugin, server=server, planned=dry_run):
                click.echo(f"{plan.client.title}: {line}")
    if not server:
        note('without the MCP server: pip install "ai-afterimage[mcp]" and run this again to have it')
    return 1 if failed else 0


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
    plans = agents.plan_uninstall(chosen, config.home, os.environ, config.directory)
    nothing = not any(plan.changes or plan.refused for plan in plans)
    _show(plans, nothing="It is in none of them." if nothing else "", dry_run=dry_run)
    if dry_run:
        return 1 if any(plan.refused for plan in plans) else 0
    failed = _apply(plans, config, remember=False)
    if out := [plan.client.title for plan in plans if plan.changes and plan.client not in failed]:
        click.echo(f"Taken out of {', '.join(out)}; the memory stays until `afterimage clear`.")
    return 1 if failed else 0


def _chosen(names: Sequence[str], config: AfterImageConfig) -> list[Client]:
    from afterimage.agents import CLIENTS
    from afterimage.errors import NoAgent

    if names:
        return [CLIENTS[name] for name in dict.fromkeys(names)]
    found = [client for client in CLIENTS.values() if client.folder(config.home, os.environ).is_dir()]
    if not found:
        raise NoAgent(f"no coding agent was found in {config.home}: name one of {', '.join(_NAMES)}")
    return found


def _show(plans: Sequence[Plan], *, nothing: str, dry_run: bool) -> None:
    """What is to change, and what cannot; ``nothing`` is said where that is nothing."""
    from afterimage.hook.redaction import Redactor

    # Settings hold keys of other servers beside our lines, and what is shown here is pasted into reports.
    shown = Redactor()
    for plan in plans:
        for line in plan.notes:
            note(line)
        for change in plan.changes:
            click.echo(shown(change.diff()), nl=False)
        if plan.refused:
            note(f"{plan.client.title} is left as it is: {plan.refused}; correct it and run this again")
    if any(plan.changes for plan in plans):
        if dry_run:
            note("nothing was changed: this is what would be without --dry-run")
    elif nothing:
        click.echo(nothing)


def _apply(plans: Sequence[Plan], config: AfterImageConfig, *, remember: bool) -> list[Client]:
    """Write what is planned, each client by itself; those that it could not be written for."""
    from afterimage.agents import apply
    from afterimage.errors import explain

    failed = [plan.client for plan in plans if plan.refused]
    for plan in plans:
        try:
            if not plan.refused:
                apply(plan, config.directory, remember=remember)
        except OSError as error:
            note(f"{plan.client.title} is left as it was: {explain(error) or error}")
            failed.append(plan.client)
    return failed


def _outcome(plan: Plan, config: AfterImageConfig, *, plugin: bool, server: bool, planned: bool) -> Iterator[str]:
    """How a client stands after setup, and what keeps it from more."""
    from afterimage.agents import servers, switched_off, switched_off_here

    where = (plan.client, config.home, os.environ, config.directory)
    if why := switched_off(*where):
        yield f"it runs no hooks as long as this stands: {why}"
    elif not planned:
        yield (
            f"ready; it takes effect in its next session{_FIRST.get(plan.client.name, '')}."
            if plan.changes
            else "was ready."
        )
    if why := switched_off_here(*where):
        yield f"it runs no hooks in this project as long as this stands: {why}"
    path = plan.client.files(config.home, os.environ)[1]
    known = None if plugin and plan.client.name == "claude-code" else servers.named_in(path)
    if server and known is not None and not servers.starts_afterimage(known):
        yield (
            f"without AfterImage's MCP server: {path} has another by the name {servers.SERVER!r} "
            f"({servers.described(known)}), which stays; rename it there and run this again"
        )


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
