"""Commands of the agents' hooks: sync, hook."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

from afterimage.cli.terminal import Progress, counted, note
from capsa.terminal import json_option, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from afterimage.config import AfterImageConfig
    from afterimage.holding import Holder
    from afterimage.storage import StorageBackend
    from afterimage.sync import Synced

#: Seconds that a run in the background may take, and how much it stands back.
_BACKGROUND_SECONDS = 25.0
_NICE = 10
#: Seconds that a person waits for a run in the background: more than it may take.
_PATIENCE = 30.0
_KEPT = "What hooks noted stays in the spool until it can be stored"


@click.command()
@click.option("--background", is_flag=True, hidden=True, help="As a hook starts it: quiet, bounded, standing back.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so many; the next run goes on.")
@click.option("--rebuild", is_flag=True, help="Make the recall index anew.")
@json_option
def sync(background: bool, seconds: float | None, rebuild: bool, as_json: bool) -> int:
    """Take in what the agents' hooks noted, and bring the hooks' recall index up to date.

    A hook starts this by itself, at most twice a minute. A run that is at it is waited for, for half a minute at most;
    exit status 1 if it is still at it then.

    \b
    Example:
      afterimage sync
    """
    from afterimage.config import load_config
    from afterimage.holding import told_who_holds
    from afterimage.storage import get_storage_backend
    from afterimage.sync import configured_memory, synchronise
    from afterimage.telling import tell_filter
    from capsa import DatabaseUnavailable

    config = load_config()
    limit = seconds if seconds is not None else _BACKGROUND_SECONDS if background else float("inf")
    progress = None if background or as_json else Progress("Recall index")
    try:
        with get_storage_backend(config) as backend:
            if background:
                if hasattr(os, "nice"):
                    os.nice(_NICE)
                told = configured_memory(config.directory)
                if told is not None and told != str(backend.url):
                    # This environment is not the one of setup: what was noted would go into another memory.
                    _log(config, "this memory is not the one of `afterimage setup`; nothing was taken in")
                    return 1
            tell_filter(config)
            with contextlib.nullcontext() if background else told_who_holds(_waited_for(backend, config), _tell):
                done = synchronise(
                    backend,
                    config.directory,
                    seconds=limit,
                    rebuild=rebuild,
                    patience=0.0 if background else _PATIENCE,
                    progress=progress,
                )
    except Exception as error:
        if background:
            # Nobody reads what it prints. A message may name what was noted: the log gets the error's name only.
            with contextlib.suppress(OSError):
                _log(config, f"{type(error).__name__}; nothing that was noted is lost; to see why: afterimage sync")
        elif isinstance(error, DatabaseUnavailable):
            note(_KEPT)
        raise
    if not background:
        _report(done, as_json=as_json)
    return 1 if done.busy and not background else 0


def _report(done: Synced, *, as_json: bool) -> None:
    if as_json:
        write_json(done.to_dict())
    elif done.busy:
        note(f"another run was at it for {_PATIENCE:.0f} s and still is: nothing was done here; run this again later")
    else:
        click.echo(
            f"{counted(done.stored)} stored from {counted(done.events, 'event', 'events')}, "
            f"{done.embedded:,} embedded, {done.indexed:,} indexed."
        )
        if done.put_aside:
            click.echo(f"{counted(done.put_aside, 'event', 'events')} could not be read or stored and were put aside.")
        if done.newer:
            click.echo(f"{counted(done.newer, 'event', 'events')} wait for the newer AfterImage that noted them.")
        if done.strange:
            click.echo(
                f"{counted(done.strange, 'file', 'files')} in the spool are no events: `afterimage doctor` says which."
            )


def _waited_for(backend: StorageBackend, config: AfterImageConfig) -> list[Path]:
    """The files that a run may have to wait for: the lock of other runs, and the memory's own."""
    memory = backend.url.path
    beside = [memory.with_name(memory.name + ending) for ending in ("", "-shm", "-lock")] if memory else []
    return [config.directory / "hook-state" / "sync.lock", *beside]


def _tell(holder: Holder | None) -> None:
    if holder is None:
        note(f"still at work, or waiting for a program that this system does not name. {_KEPT}")
    else:
        note(f"waiting for {holder}, which holds {holder.path}. {_KEPT}")


def _log(config: AfterImageConfig, line: str) -> None:
    path = config.directory / "hook.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(f"sync: {line}\n")


@click.command()
@click.argument("client", type=click.Choice(["claude-code", "codex", "gemini", "cursor"]))
def hook(client: str) -> None:
    """Answer one event of CLIENT on standard input, as its hook does: to try it by hand.

    \b
    Example:
      echo '{"hook_event_name": "SessionStart", "cwd": "/tmp"}' | afterimage hook claude-code
    """
    from afterimage.hook import run

    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-I", "-S", run.__file__, client])  # noqa: S606  # its own program


COMMANDS = (sync, hook)
