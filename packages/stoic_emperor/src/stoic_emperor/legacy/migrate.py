"""Bringing a past along: from the predecessor's files and tables, or between two databases of ours.

What is named may be any of it; what it is, is looked up. Nothing that is missing is created, and no source is written.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from capsa import Database as Engine
from capsa import DatabaseUrl, Embedder, open_database, open_embedder, transfer
from stoic_emperor.config import DEFAULT_FILE, DEFAULT_URL, Configuration
from stoic_emperor.errors import AlreadyMigrated, NothingToMigrate, explain
from stoic_emperor.hosting import HOUSE
from stoic_emperor.infrastructure.database import Database, Origin
from stoic_emperor.infrastructure.opening import (
    CHROMA_FILE,
    CHROMA_FOLDER,
    data_folder,
    database_url,
    has_older_tables,
    is_older,
    is_own,
    look,
    named_url,
    own_path,
)
from stoic_emperor.legacy.advice import about_vectors, how_to_go_back, how_to_go_on
from stoic_emperor.legacy.earlier import carried_over
from stoic_emperor.legacy.outcome import Outcome
from stoic_emperor.legacy.people import meet
from stoic_emperor.legacy.reconciling import OnErased, erase_meanwhile, reconcile
from stoic_emperor.legacy.tables import TABLES
from stoic_emperor.legacy.together import Together
from stoic_emperor.legacy.vectors import MINILM


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to migrate, and how. Names are URLs or paths; None: what the configuration and its folder say."""

    source: str | None = None
    target: str | None = None
    #: The folder of a Chroma database; None: the one beside the predecessor's SQLite file, if there is one.
    chroma: Path | None = None
    #: Whether to look for one.
    find_chroma: bool = True
    #: Whether to go on without vectors that damaged files have lost.
    allow_missing_vectors: bool = False
    #: The zone of times that name none; None: this machine's.
    timezone: str | None = None
    on_conflict: transfer.OnConflict = transfer.OnConflict.KEEP
    validate: bool = True
    dry_run: bool = False
    #: Whether what was erased at the target comes back.
    bring_back_erased: bool = False
    #: What becomes of what was erased in the source, and still is at the target.
    on_erased: OnErased = OnErased.ASK
    #: Where to write what `verify` checks again.
    manifest: Path | None = None


@dataclass(slots=True)
class _Opened:
    """The sources of a migration."""

    sources: list[transfer.Source] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    #: Those that the predecessor wrote.
    older: list[str] = field(default_factory=list)

    def close(self) -> None:
        with contextlib.ExitStack() as stack:
            for source in self.sources:
                stack.callback(source.close)


def migrate(
    request: Request,
    configuration: Configuration,
    progress: Callable[[str, int, int], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
    ask: Callable[[str], bool] | None = None,
) -> Outcome:
    """Carry everything over, and compare every row. A run that was interrupted goes on when it is run again.

    Args:
        progress: called with a phase, how much is done, and how much there is to do.
        say: gets a line about what was chosen.
        ask: puts a question that is answered by yes or no; None: there is nobody to be asked.

    Raises:
        ErasedElsewhere: the target holds what was erased in the source, and nobody said what is to become of it.
        AlreadyMigrated: all of it was carried over before.
        NothingToMigrate: source or target is missing or unclear; nothing was changed.
        StoicError, capsa.CapsaError: or one of their kinds; the source is never changed.
    """
    source = source_of(request, configuration)
    target = target_of(request, configuration)
    if source is None and request.chroma is None:
        request = replace(request, chroma=_chroma_alone(configuration))
        say(f"there is no earlier SQLite file: migrating what {request.chroma} holds, without the conversations")
    if source is not None and _is_one(source, target):
        raise NothingToMigrate(f"source and target are the same, {target}: name another with --to")
    with contextlib.ExitStack() as stack:
        opened = _open(request, source, target, _embedder(configuration), say)
        stack.callback(opened.close)
        options = transfer.Options(
            on_conflict=request.on_conflict,
            validate=request.validate,
            manifest=request.manifest,
            owner=HOUSE,
            progress=progress or (lambda _phase, _done, _total: None),
        )
        if request.dry_run:
            return _examined(request, opened, target, options)
        database = stack.enter_context(Database(target))
        agreed = reconcile(opened.sources, database, request.on_erased, ask=ask, bring_back=request.bring_back_erased)
        together = Together(agreed.sources)
        from_there = _meet(request, opened, together, database.engine)
        report = transfer.transfer(from_there, database.engine, options)
        if count := erase_meanwhile(database, agreed.known, together):
            say(f"{count:,} rows that were erased in {database.url} meanwhile had come along, and are erased again")
        left_out = sum(part.conflicts + part.quarantined for part in report.parts)
        database.add_origin(Origin(together.description.location, together.description.zone, left_out))
        advice = [
            *how_to_go_on(target, _configured(configuration), configuration.env_file),
            *how_to_go_back(target, source, opened.older, request.target),
            *(["people are asked anew whether what they write may be analysed"] if opened.older else []),
            *about_vectors(together.models()),
        ]
        return Outcome(
            report=report,
            models=together.models(),
            unchanged=tuple(opened.names),
            target=target,
            advice=tuple(advice),
            on_erased=request.on_erased,
            doomed=agreed.doomed,
        )


def _is_one(source: DatabaseUrl, target: DatabaseUrl) -> bool:
    paths = [url.path and url.path.resolve() for url in (source, target)]  # A link leads to the same file.
    return str(source) == str(target) or (paths[0] is not None and paths[0] == paths[1])


def _meet(request: Request, opened: _Opened, together: Together, target: Engine) -> transfer.Source:
    """With people who are known at the target already, unless somebody said whose row is to stand."""
    if not opened.older and request.on_conflict is not transfer.OnConflict.KEEP:
        return together
    return meet(together, target, older=bool(opened.older), dry_run=request.dry_run)


def _examined(request: Request, opened: _Opened, target: DatabaseUrl, options: transfer.Options) -> Outcome:
    """Read all of the source, look at the target if it can be reached, and write nothing."""
    seen, errors = look(target)
    doomed: tuple[str, ...] = ()
    with contextlib.ExitStack() as stack:
        together, engine = Together(opened.sources), None
        if seen.comparable and not errors:
            database = stack.enter_context(Database(target))
            agreed = reconcile(opened.sources, database, None, bring_back=request.bring_back_erased)
            doomed = agreed.doomed
            together, engine = Together(agreed.sources), database.engine
        there = together if engine is None else _meet(request, opened, together, engine)
        report = replace(transfer.examine(there, options, engine), target=seen.target)
    return Outcome(
        report=report,
        models=together.models(),
        unchanged=tuple(opened.names),
        target=None,
        look=seen,
        stops=tuple(explain(error) or str(error) for error in errors),
        on_erased=request.on_erased,
        doomed=doomed,
    )


def verify(
    manifest: Path, name: str | None, configuration: Configuration, say: Callable[[str], None] = lambda _: None
) -> tuple[transfer.Verification, DatabaseUrl]:
    """Compare a database with the manifest of a migration; how it stands, and which database it was.

    Args:
        name: the database; default the configured one.
        say: gets a line if the manifest is of another database than that one.

    Raises:
        NothingToMigrate: there is no such database; nothing was created.
        capsa.CapsaError: or one of its kinds.
    """
    url = _named(name) if name else _configured(configuration)
    meant = _target_in(manifest)
    if name is None and meant is not None and meant != str(url):
        say(f"{manifest} tells of {meant}; this looks at {url}, the configured database (another: --database)")
    if url.path is not None and not url.path.is_file():
        raise NothingToMigrate(f"there is no database {url.path}: check the path; nothing was created")
    with contextlib.closing(transfer.open_source(url)):
        # Ours, or an error: nothing is created by looking.
        pass
    with open_database(url) as engine:
        return transfer.verify(manifest, engine, TABLES), url


def _target_in(manifest: Path) -> str | None:
    """The database that a manifest tells of; what is the matter with one that says none, reading it will say."""
    try:
        with manifest.open(encoding="utf-8") as file:
            header = json.loads(file.readline())
    except (OSError, ValueError):
        return None
    target = header.get("target") if isinstance(header, dict) else None
    return target if isinstance(target, str) else None


# What is meant


def source_of(request: Request, configuration: Configuration) -> DatabaseUrl | None:
    """Where from; None: from a Chroma directory alone.

    Raises:
        NothingToMigrate: nothing is named, and nothing is found.
    """
    if request.source:
        return named_url(request.source, Path.cwd())
    configured = _configured(configuration)
    urls = [named_url(n, configuration.home) for n in (configuration.settings.database.url, DEFAULT_URL)]
    older = next((url for url in urls if url.path is not None and is_older(url.path)), None)
    if request.chroma is not None:
        return older
    if request.target and str(_named(request.target)) != str(configured) and _exists(configured):
        # The way back, or on to another database: what is in use now.
        if older is not None and older.path and configured.path and not carried_over(configured.path, older.path):
            raise NothingToMigrate(
                f"{configured.path} is in use, and {older.path} has not been brought into it: "
                f"run `stoic migrate` first, or name one of them with --from"
            )
        return configured
    if older is not None:
        return older
    if request.find_chroma and _chroma_alone(configuration) is not None:
        return None
    raise NothingToMigrate(
        f"there is no database of an earlier Stoic Emperor in {configuration.home}: name what to migrate with --from, "
        f"or a Chroma folder alone with --chroma"
    )


def _chroma_alone(configuration: Configuration) -> Path | None:
    """The Chroma folder where an earlier program's file would lie."""
    return chroma_beside(data_folder(_configured(configuration)) / DEFAULT_FILE.name)


def _exists(url: DatabaseUrl) -> bool:
    return url.path is None or url.path.is_file()


def target_of(request: Request, configuration: Configuration) -> DatabaseUrl:
    """Where to.

    Raises:
        capsa.InvalidUrl: the URL cannot be understood.
    """
    return _named(request.target) if request.target else _configured(configuration)


def _configured(configuration: Configuration) -> DatabaseUrl:
    return database_url(configuration.settings.database.url, configuration.home)


def _named(name: str) -> DatabaseUrl:
    """The database of ours that somebody means who is here: beside an older file, never in it."""
    return database_url(name, Path.cwd())


# Opening


def _embedder(configuration: Configuration) -> Embedder | None:
    """The model that ChromaDB used, if it is the one in use: it can say whether it made what is found there."""
    return open_embedder(MINILM) if configuration.settings.memory.embedding_model == MINILM else None


def _open(
    request: Request,
    source: DatabaseUrl | None,
    target: DatabaseUrl,
    embedder: Embedder | None,
    say: Callable[[str], None],
) -> _Opened:
    """Open everything that is to be read; what fails closes what was opened."""
    opened = _Opened()
    with contextlib.ExitStack() as stack:
        for one, older in _sources(request, source, target, embedder, say):
            stack.callback(one.close)
            opened.sources.append(one)
            opened.names.append(one.description.location)
            if older:
                opened.older.append(one.description.location)
        stack.pop_all()
    return opened


def _sources(
    request: Request,
    source: DatabaseUrl | None,
    target: DatabaseUrl,
    embedder: Embedder | None,
    say: Callable[[str], None],
) -> Iterator[tuple[transfer.Source, bool]]:
    chroma = request.chroma
    if source is not None and source.path is not None:
        _tell_of_waiting(source.path, say)
        if is_older(source.path):
            if chroma is None and request.find_chroma:
                chroma = chroma_beside(source.path)
            source, chroma = _newest(request, source.path, chroma, target, say)
    if source is not None:
        yield _open_database(source, request.timezone)
    if chroma is not None:
        from stoic_emperor.legacy.chroma.source import ChromaSource

        _tell_of_waiting(chroma.expanduser() / CHROMA_FILE, say)
        yield (
            ChromaSource.open(chroma, embedder=embedder, allow_missing_vectors=request.allow_missing_vectors),
            True,
        )


def _newest(
    request: Request, older: Path, chroma: Path | None, target: DatabaseUrl, say: Callable[[str], None]
) -> tuple[DatabaseUrl | None, Path | None]:
    """What holds an older file's past now, and its Chroma's: our file beside it, once all of it was carried there.

    Raises:
        AlreadyMigrated: that is where everything should go, and where it is.
        NothingToMigrate: what was asked for would change nothing.
    """
    own = own_path(older)
    newer = DatabaseUrl.for_path(own)
    before = carried_over(own, older)
    if before is None or before.left:
        if own.is_file() and str(newer) != str(target):
            say(f"{own} holds what was written since; it is not part of this (stoic migrate --from {own})")
        return DatabaseUrl.for_path(older), chroma
    if request.timezone is not None and request.timezone != before.zone:
        raise NothingToMigrate(
            f"{older} was carried over into {own} before, its times read in {before.zone}, so --timezone "
            f"{request.timezone} would change nothing: leave it out, or move {own} away to read the older file anew; "
            f"nothing was changed"
        )
    of_chroma = None if chroma is None else carried_over(own, chroma.expanduser())
    if of_chroma is not None and not of_chroma.left:
        say(f"{chroma} was carried over into {own} before")
        chroma = None
    if str(newer) != str(target):
        say(f"{older} was carried over into {own} before: migrating that, the newer one")
        return newer, chroma
    if chroma is None:
        raise AlreadyMigrated(
            f"{older} was carried over into {own} before, every row of it: there is nothing to do; "
            f"`stoic doctor` says whether something was written there since"
        )
    say(f"{older} was carried over into {own} before: migrating {chroma} alone")
    return None, chroma


def _tell_of_waiting(file: Path, say: Callable[[str], None]) -> None:
    """A person should not sit before nothing; a program reads how it ended."""
    if sys.stderr.isatty() and transfer.is_locked(file):
        say(f"{file} is in use by another program: waiting for it (Ctrl-C gives up)")


def _open_database(source: DatabaseUrl, timezone: str | None) -> tuple[transfer.Source, bool]:
    if source.path is None:
        if has_older_tables(source):
            from stoic_emperor.legacy.postgres import open_tables

            return open_tables(source, timezone), True
        return transfer.open_source(source, TABLES), False
    if is_older(source.path) or not is_own(source.path):
        from stoic_emperor.legacy.sqlite import open_file

        return open_file(source.path, timezone), True
    return transfer.open_source(source, TABLES), False


def chroma_beside(older: Path) -> Path | None:
    """The folder of the Chroma database that belongs to the predecessor's file, if there is one."""
    folder = older.parent / CHROMA_FOLDER
    return folder if (folder / CHROMA_FILE).is_file() else None
