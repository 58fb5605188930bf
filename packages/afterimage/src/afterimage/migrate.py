"""Moving the memory to PostgreSQL and back: ``python -m afterimage.migrate``, ``afterimage migrate`` and ``verify``.

Exit status: 0 if every entry is there, equal; 1 if not, and the report or one line on stderr says
why; 2 if the command was not understood.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from afterimage.carrying import Memory, carry, examined, words_on
from afterimage.config import AfterImageConfig, database_url, load_config, own_path, postgresql_url
from afterimage.entries import COLLECTIONS, OWNER
from afterimage.errors import AfterImageError, NotAMemory, explain
from afterimage.legacy import is_legacy, open_memory
from afterimage.legacy_churn import NAME, carry_over_once
from afterimage.migration_report import (
    ProgressLine,
    holds_patterns,
    print_dry_run,
    print_report,
    print_verification,
    told_apart,
)
from afterimage.migrator import MigrationStats, Migrator, migrate_sqlite_to_postgres, print_migration_report
from afterimage.own_files import is_blank, is_own
from afterimage.state import remember_postgresql
from capsa import CapsaError, DatabaseUrl, Store, TransferError, open_database, transfer

__all__ = [
    "MigrationStats",
    "Migrator",
    "main",
    "migrate_sqlite_to_postgres",
    "print_migration_report",
    "verify_main",
]


#: Entries of one transaction, whatever was asked for.
_MOST_AT_ONCE = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a migration as the command line says; its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.to_sqlite and (options.sqlite or options.from_postgres_tables):
        parser.error("--to-sqlite takes what PostgreSQL has: --sqlite and --from-postgres-tables name another source")
    return _explaining(lambda: _migrate(options, load_config()))


def verify_main(arguments: Sequence[str] | None = None) -> int:
    """Check a memory against the report of a migration; the exit status."""
    options = _verify_parser().parse_args(arguments)
    return _explaining(lambda: _verify(options, load_config()))


def _explaining(work: Callable[[], int]) -> int:
    """Every mistake of a user, and every failure we know, is one line on stderr."""
    try:
        return work()
    except KeyboardInterrupt:
        print("\nafterimage: stopped; run the same command again and it goes on from there", file=sys.stderr)
        return 130
    except (AfterImageError, CapsaError, OSError) as error:
        line = explain(error)
        if line is None:
            raise
        print(f"afterimage: {line}", file=sys.stderr)
        return 1


def _migrate(options: argparse.Namespace, config: AfterImageConfig) -> int:
    server = _server(options, config)
    progress = ProgressLine(sys.stdout, silent=options.json)
    progress.say("Starting migration...")
    target = _sqlite_target(options.to_sqlite) if options.to_sqlite else server
    owner = OWNER if options.to_sqlite else config.storage.postgresql.owner
    memory = _source(options, config, server)
    with closing(memory.rows):
        progress.patterns = holds_patterns(memory.rows)
        settings = transfer.Options(
            on_conflict=transfer.OnConflict(options.on_conflict),
            validate=options.validate,
            range_rows=options.batch_size or transfer.Options().range_rows,
            manifest=options.report,
            progress=progress,
            owner=owner,
        )
        if options.dry_run:
            return _dry_run(options, memory, target, settings)
        with open_database(target) as database:
            report = carry(memory, database, owner, settings, bring_back=options.bring_back_forgotten)
            store = Store(database)
            held = {name: store.collection(name, owner=owner).count() for name in COLLECTIONS}
            if not options.to_sqlite and not options.from_postgres_tables:
                # What earlier versions knew of edits never was in their memory, but in a file beside it.
                carry_over_once(_named(options, config).with_name(NAME), database, _say, owner)
    progress.end()
    if target.dialect == "postgresql":
        # So that a later return to SQLite can tell what only the server has.
        remember_postgresql(config.directory, target)
    print(report.to_json()) if options.json else print_report(told_apart(report, held))
    return 0 if report.complete else 1


def _dry_run(options: argparse.Namespace, memory: Memory, target: DatabaseUrl, settings: transfer.Options) -> int:
    """Read the source, look at the target if it can be reached, and say what a migration would meet."""
    look = transfer.look(target, settings.owner)
    with ExitStack() as opened:
        database = opened.enter_context(open_database(target)) if look.comparable else None
        found = examined(memory, database, settings, bring_back=options.bring_back_forgotten)
    found = replace(found, target=look.target)
    different = found.failed - found.quarantined_rows
    if different and settings.on_conflict is transfer.OnConflict.FAIL:
        stop = TransferError(f"{different} rows are there, but different: choose --on-conflict keep or replace")
        look = replace(look, errors=(*look.errors, stop))
    if options.json:
        print(json.dumps({**found.as_json(), "target_looked_at": look.as_json()}, indent=2, ensure_ascii=False))
    else:
        print_dry_run(found, look)
    return 1 if found.failed or look.errors or look.unseen else 0


def _source(options: argparse.Namespace, config: AfterImageConfig, server: DatabaseUrl) -> Memory:
    shared = config.storage.postgresql.owner
    if options.to_sqlite:
        words = words_on(server, shared)
        # A server may hold the memories of others, too.
        return Memory(transfer.one_owner(transfer.open_source(server), shared, OWNER), words)
    if options.from_postgres_tables:
        from afterimage.legacy_postgres import open_tables

        return Memory(transfer.one_owner(open_tables(server), OWNER, shared), {})
    memory = open_memory(_named(options, config), options.timezone, say=lambda line: _say(f"afterimage: {line}"))
    return replace(memory, rows=transfer.one_owner(memory.rows, OWNER, shared))


def _named(options: argparse.Namespace, config: AfterImageConfig) -> Path:
    """The memory that is to be migrated, as it was named."""
    return options.sqlite.expanduser().absolute() if options.sqlite else config.storage.sqlite.path


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _server(options: argparse.Namespace, config: AfterImageConfig) -> DatabaseUrl:
    """The PostgreSQL database of the configuration, as far as the command line says nothing else."""
    given = {
        "host": options.pg_host,
        "port": options.pg_port,
        "database": options.pg_database,
        "user": options.pg_user,
        "password": options.pg_password,
    }
    return replace(postgresql_url(config), **{name: value for name, value in given.items() if value is not None})


def _sqlite_target(path: Path) -> DatabaseUrl:
    path = path.expanduser().absolute()
    if path.exists() and not is_own(path) and not is_blank(path):
        what = "an older memory, which is never written to" if is_legacy(path) else "not a memory of AfterImage"
        raise NotAMemory(f"{path} is {what}: name a new file; nothing was changed")
    if not path.parent.is_dir():
        raise NotAMemory(f"there is no folder {path.parent}: make it first, or correct the path; nothing was created")
    return DatabaseUrl.for_path(path)


def _verify(options: argparse.Namespace, config: AfterImageConfig) -> int:
    if options.sqlite:
        url = DatabaseUrl.for_path(own_path(options.sqlite.expanduser().absolute()))
    elif any(getattr(options, f"pg_{name}") is not None for name in ("host", "port", "database", "user", "password")):
        url = _server(options, config)
    else:
        url = database_url(config)
    if url.path is not None and not url.path.exists():
        raise NotAMemory(
            f"there is no memory at {url.path}: name the one that was migrated to with --sqlite, or its server with "
            f"the --pg options (the report says which, as `target`); nothing was created"
        )
    if url.path is not None and not is_own(url.path):
        raise NotAMemory(f"{url.path} is not a memory of AfterImage: check the path; nothing was created")
    with open_database(url) as database:
        found = transfer.verify(options.manifest, database)
    if options.json:
        print(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        print_verification(found, str(url), str(options.manifest))
    return 0 if found.intact else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="afterimage migrate",
        description="Move the memory to PostgreSQL, or back, and compare every entry. "
        "The server comes from ~/.afterimage/config.yaml and the environment. "
        "A run that was interrupted goes on where it stopped when it is run again.",
        epilog="Example: AFTERIMAGE_PG_PASSWORD=yourpassword python -m afterimage.migrate "
        "--sqlite ~/.afterimage/memory.db --validate",
    )
    _add_places(parser)
    parser.add_argument("--to-sqlite", type=_file, metavar="PATH", help="the way back: from PostgreSQL into this file")
    parser.add_argument(
        "--from-postgres-tables",
        action="store_true",
        help="bring in the tables that AfterImage 0.2 to 0.8 kept in the same PostgreSQL database",
    )
    parser.add_argument(
        "--validate",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="compare every entry at the end, bit for bit (default: yes)",
    )
    parser.add_argument("--batch-size", type=_positive, metavar="N", help="entries of one transaction")
    parser.add_argument("--dry-run", action="store_true", help="read everything, look at the target, write nothing")
    parser.add_argument(
        "--report", type=_file, metavar="FILE", help="write a report that `afterimage verify` checks again"
    )
    parser.add_argument(
        "--on-conflict",
        choices=[str(choice) for choice in transfer.OnConflict],
        default="keep",
        help="an entry that is there, but different: keep it (and report), replace it, or fail (default: keep)",
    )
    parser.add_argument(
        "--bring-back-forgotten", action="store_true", help="bring back what was forgotten at the target since, too"
    )
    parser.add_argument(
        "--timezone",
        metavar="ZONE",
        help="the zone of times that name none, e.g. Europe/Berlin (default: this machine's)",
    )
    return parser


def _verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="afterimage verify",
        description="Compare the memory with the report of a migration: what was changed, deleted or added since?",
        epilog="Example: afterimage verify migration.json",
    )
    parser.add_argument("manifest", type=_file, metavar="FILE", help="written by afterimage migrate --report FILE")
    _add_places(parser)
    return parser


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sqlite", type=_file, metavar="PATH", help="the SQLite memory (default: from config.yaml)")
    for name, what in (("host", "server"), ("database", "database"), ("user", "user"), ("password", "password")):
        parser.add_argument(f"--pg-{name}", help=f"PostgreSQL {what} (default: from config.yaml and the environment)")
    parser.add_argument("--pg-port", type=int, help="PostgreSQL port (default: from config.yaml and the environment)")
    parser.add_argument("--json", action="store_true", help="write JSON, for a program")


def _file(text: str) -> Path:
    # An empty one, as of a variable that is not set, would be the folder that the command runs in.
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: name a file")
    return Path(text)


def _positive(text: str) -> int:
    value = min(int(text), _MOST_AT_ONCE)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of entries")
    return value


if __name__ == "__main__":
    sys.exit(main())
