"""Migrating from a program of one's own, with the names that AfterImage 0.2 to 0.8 had for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from afterimage.entries import COLLECTIONS, OWNER
from afterimage.migration_report import MESSAGES, of_entries, print_report_of, told_apart

if TYPE_CHECKING:
    from afterimage.storage import StorageBackend
    from capsa import DatabaseUrl, transfer

#: Called with a message, how much is done, and how much there is to do.
ProgressCallback = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrationStats:
    """What became of a migration's entries."""

    source_entries: int
    migrated_entries: int
    #: Not in the target as they are in the source: in conflict, in quarantine or missing.
    failed_entries: int
    #: In the target already, equal.
    skipped_entries: int
    elapsed_seconds: float
    #: A line for each entry that failed, the first hundred of a kind.
    errors: tuple[str, ...]
    #: Per cent of the source's entries that are in the target.
    success_rate: float

    @classmethod
    def of(cls, report: transfer.Report) -> Self:
        """The numbers of the engine's report that are about entries."""
        entries = of_entries(report)
        return cls(
            source_entries=entries.source_rows,
            migrated_entries=entries.migrated,
            failed_entries=entries.failed,
            skipped_entries=entries.skipped,
            elapsed_seconds=report.elapsed,
            errors=(*report.conflicts, *report.quarantined),
            success_rate=entries.success_rate,
        )


class Migrator:
    """Brings everything that one memory holds into another, whichever databases they are in."""

    def __init__(
        self,
        source: StorageBackend,
        target: StorageBackend,
        batch_size: int | None = None,
        progress_callback: ProgressCallback | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            batch_size: entries of one transaction; default as is best for the engine.
        """
        self._source = source
        self._target = target
        self._batch_size = batch_size
        self._progress = progress_callback

    def migrate(self, *, validate: bool = True) -> MigrationStats:
        """Carry every entry over and, if ``validate``, compare every one, bit for bit.

        Raises:
            capsa.CapsaError: a database cannot be reached, or the transfer cannot go on.
        """
        from afterimage.carrying import Memory, carry, words_of
        from capsa import transfer

        # Opened first: an older memory is carried over at its first use.
        self._source.initialize()
        words = words_of(self._source.database, self._source.owner)
        everything = transfer.open_source(self._source.database.url)
        with closing(transfer.one_owner(everything, self._source.owner, self._target.owner)) as source:
            options = _options(self._batch_size, self._progress, self._target.owner, validate=validate)
            report = carry(Memory(source, words), self._target.database, self._target.owner, options)
        held = {name: collection.count() for name, collection in self._target.collections().items()}
        return MigrationStats.of(told_apart(report, held))


def migrate_sqlite_to_postgres(
    sqlite_path: Path | str,
    pg_config: Mapping[str, Any] | None = None,
    batch_size: int | None = None,
    progress_callback: ProgressCallback | None = None,
    *,
    validate: bool = True,
) -> MigrationStats:
    """Carry a SQLite memory, older or ours, into PostgreSQL.

    Args:
        pg_config: host, port, database, user and password, or connection_string; what is missing comes
            from the configuration.

    Raises:
        capsa.SourceMissing: there is no such file; nothing was created.
        capsa.CapsaError: or one of its kinds.
        ConfigError: the configuration cannot be used.
    """
    from afterimage.carrying import carry
    from afterimage.config import load_config
    from afterimage.legacy import open_memory
    from capsa import Store, open_database, transfer

    owner = load_config().storage.postgresql.owner
    options = _options(batch_size, progress_callback, owner, validate=validate)
    memory = open_memory(sqlite_path)
    with closing(memory.rows), open_database(_server(pg_config or {})) as target:
        mine = replace(memory, rows=transfer.one_owner(memory.rows, OWNER, owner))
        report = carry(mine, target, owner, options)
        held = {name: Store(target).collection(name, owner=owner).count() for name in COLLECTIONS}
    return MigrationStats.of(told_apart(report, held))


def print_migration_report(stats: MigrationStats) -> None:
    """The report as the guide shows it."""
    print_report_of(
        source=stats.source_entries,
        migrated=stats.migrated_entries,
        skipped=stats.skipped_entries,
        failed=stats.failed_entries,
        success_rate=stats.success_rate,
        elapsed=stats.elapsed_seconds,
        errors=stats.errors,
    )


def _server(given: Mapping[str, Any]) -> DatabaseUrl:
    from afterimage.config import load_config, postgresql_url
    from capsa import DatabaseUrl

    if text := given.get("connection_string"):
        return DatabaseUrl.parse(str(text))
    names = ("host", "port", "database", "user", "password")
    return replace(postgresql_url(load_config()), **{name: given[name] for name in names if given.get(name)})


def _options(
    batch_size: int | None, callback: ProgressCallback | None, owner: str, *, validate: bool
) -> transfer.Options:
    from capsa import transfer

    def progress(phase: str, done: int, total: int) -> None:
        if callback is not None and phase in MESSAGES:
            callback(MESSAGES[phase], done, total)

    default = transfer.Options()
    return transfer.Options(
        validate=validate, range_rows=batch_size or default.range_rows, progress=progress, owner=owner
    )
