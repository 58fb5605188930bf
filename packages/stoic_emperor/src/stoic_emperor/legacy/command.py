"""``stoic migrate``, ``stoic verify``, and the command that the guide types."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from capsa import DatabaseUrl
from stoic_emperor.config import Configuration, load_configuration
from stoic_emperor.errors import AlreadyMigrated, NothingToMigrate

_PATH = click.Path(path_type=Path)


def _options(function: Any) -> Any:
    """What both commands can be told."""
    for option in reversed(
        (
            click.option(
                "--chroma", type=_PATH, metavar="DIR", help="Chroma's folder (default: vector_db beside --sqlite)."
            ),
            click.option("--no-chroma", is_flag=True, help="Leave a Chroma folder out."),
            click.option(
                "--allow-missing-vectors", is_flag=True, help="Go on without vectors that a damaged Chroma has lost."
            ),
            click.option(
                "--timezone", metavar="ZONE", help="Zone of times that name none, e.g. Europe/London (default: here)."
            ),
            click.option(
                "--on-conflict",
                type=click.Choice(["keep", "replace", "fail"]),
                default="keep",
                show_default=True,
                help="A row that is there, but different: keep it and report, replace it, or fail.",
            ),
            click.option(
                "--bring-back-erased", is_flag=True, help="Bring back what was erased at the target since, too."
            ),
            click.option(
                "--on-erased",
                type=click.Choice(["ask", "erase", "keep"]),
                default="ask",
                show_default=True,
                help="What was erased in the source, and still is at the target: ask, erase it there too, or keep it.",
            ),
            click.option("--dry-run", is_flag=True, help="Read everything, report, write nothing."),
            click.option("--validate/--no-validate", default=True, help="Compare every row at the end (default: yes)."),
            click.option("--report", type=_PATH, metavar="FILE", help="Write what `stoic verify` checks again."),
            click.option("--json", "as_json", is_flag=True, help="Write the report as JSON."),
        )
    ):
        function = option(function)
    return function


@click.command(
    "migrate",
    epilog="\b\nExamples:\n"
    "  stoic migrate --from ./data/stoic_emperor.db\n"
    "  stoic migrate --to postgresql://stoic:changeme@localhost:5432/stoic_emperor\n"
    "  stoic migrate --to ./data/back.db           (from PostgreSQL, with everything written since)",
)
@click.option("--from", "source", metavar="URL|PATH", help="Where from (default: the older file, if there is one).")
@click.option("--to", "target", metavar="URL|PATH", help="Where to (default: the configured database).")
@click.option("--sqlite", metavar="PATH", help="The same as --from, for a SQLite file.")
@click.option("--postgres", metavar="URL", help="The same as --to; empty: the URL in .env.")
@_options
def migrate_command(
    source: str | None, target: str | None, sqlite: str | None, postgres: str | None, **options: Any
) -> int:
    """Bring your past along: from an earlier Stoic Emperor, or from one database to another.

    Everything is compared, bit for bit; what is read is never changed. A run that was interrupted goes on when it is
    run again.
    """
    if source and sqlite:
        raise click.UsageError("--from and --sqlite are the same: give one of them")
    if target and postgres is not None:
        raise click.UsageError("--to and --postgres are the same: give one of them")
    configuration = load_configuration()
    named = target or (postgres_url(postgres, configuration) if postgres is not None else None)
    return _migrate(source or sqlite, named, configuration, options)


@click.command("migrate_sqlite_to_postgres.py")
@click.option(
    "--sqlite", required=True, metavar="PATH", help="The SQLite file of an earlier Stoic Emperor, or of ours."
)
@click.option("--postgres", required=True, metavar="URL", help="The PostgreSQL database; empty: the URL in .env.")
@click.option("--execute", is_flag=True, hidden=True)
@_options
def guide_command(sqlite: str, postgres: str, *, execute: bool, **options: Any) -> int:  # noqa: ARG001 - earlier scripts
    """Bring SQLite, and ChromaDB beside it, into PostgreSQL.

    Users, sessions, messages, insights, summaries, profiles and vectors: everything is compared, bit for bit. The old
    files are never changed. A run that was interrupted goes on when it is run again.
    """
    configuration = load_configuration()
    return _migrate(sqlite, postgres_url(postgres, configuration), configuration, options)


@click.command("verify", epilog="\b\nExample:\n  stoic verify migration.json")
@click.argument("manifest", type=_PATH, metavar="FILE")
@click.option("--database", metavar="URL|PATH", help="Which database (default: the configured one).")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def verify_command(manifest: Path, database: str | None, *, as_json: bool) -> int:
    """Compare a database with the report of a migration: what was changed, deleted or added since?"""
    from rich.console import Console

    from stoic_emperor.legacy.migrate import verify
    from stoic_emperor.legacy.report import print_verification

    configuration = load_configuration()
    found, url = verify(manifest, database, configuration, _say)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        print_verification(found, str(url), str(manifest), Console(soft_wrap=True))
    return 0 if found.intact else 1


COMMANDS: tuple[click.Command, ...] = (migrate_command, verify_command)


def postgres_url(given: str, configuration: Configuration) -> str:
    """What ``--postgres`` means: an empty one is a variable of the shell that is not set, so the URL in ``.env``.

    Raises:
        NothingToMigrate: neither names a PostgreSQL database.
    """
    url = given.strip() or configuration.settings.database.url
    if DatabaseUrl.parse(url).dialect == "postgresql":
        return url
    if given.strip():
        raise NothingToMigrate(
            f"--postgres must be a URL such as postgresql://user:password@host:port/name, not {given}"
        )
    raise NothingToMigrate(
        f"--postgres is empty, and {configuration.env_file} names no PostgreSQL database either: write "
        f"DATABASE_URL=postgresql://user:password@host:port/name into it"
    )


def _migrate(source: str | None, target: str | None, configuration: Configuration, options: dict[str, Any]) -> int:
    from rich.console import Console

    from capsa import transfer
    from stoic_emperor.legacy.migrate import Request, migrate
    from stoic_emperor.legacy.reconciling import OnErased
    from stoic_emperor.legacy.report import Bars, print_outcome

    as_json = options["as_json"]
    request = Request(
        source=source,
        target=target,
        chroma=options["chroma"],
        find_chroma=not options["no_chroma"],
        allow_missing_vectors=options["allow_missing_vectors"],
        timezone=options["timezone"],
        on_conflict=transfer.OnConflict(options["on_conflict"]),
        validate=options["validate"],
        dry_run=options["dry_run"],
        bring_back_erased=options["bring_back_erased"],
        on_erased=OnErased(options["on_erased"]),
        manifest=options["report"],
    )
    try:
        with Bars(Console(stderr=True), silent=as_json) as bars:
            outcome = migrate(request, configuration, bars, _say, None if as_json else _asker())
    except AlreadyMigrated as done:
        # Whatever runs this at each start finds that all is well.
        click.echo(json.dumps({"complete": True, "migrated": 0, "advice": [str(done)]}) if as_json else str(done))
        return 0
    if as_json:
        click.echo(json.dumps(outcome.as_json(), indent=2, ensure_ascii=False))
    else:
        print_outcome(outcome, Console(soft_wrap=True))
    return 0 if outcome.complete else 1


def _say(line: str) -> None:
    click.echo(f"stoic: {line}", err=True)


def _asker() -> Callable[[str], bool] | None:
    """Puts a question to whoever sits at the terminal, if somebody does."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: click.confirm(f"stoic: {question}", default=False, err=True)


def main() -> int:
    """The guide's command; its exit status."""
    from stoic_emperor.cli import run

    return run(guide_command, sys.argv[1:], "migrate_sqlite_to_postgres.py")
