"""What stands between a person and a working companion: each item of the guide's checklist, with its remedy."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import capsa
from capsa.terminal import Check, Verdict, check_sqlite
from stoic_emperor.application import Application
from stoic_emperor.errors import ConfigurationError, StoicError
from stoic_emperor.infrastructure.opening import CHROMA_FOLDER, REMEMBERED, data_folder, is_older, look, older_files
from stoic_emperor.legacy.earlier import brought, written_since
from stoic_emperor.library.starter import starter_library
from stoic_emperor.llm import Prompt, Turn
from stoic_emperor.web.auth import demands

if TYPE_CHECKING:
    from stoic_emperor.config import Configuration
    from stoic_emperor.infrastructure.database import Database

_MODEL_SECONDS = 20.0


def examine(home: Path | None = None) -> Iterator[Check]:
    """Look at everything, one check after the other. Raises nothing that a check can say."""
    try:
        application = Application.load(home)
        url = application.database_url
    except (ConfigurationError, capsa.InvalidUrl) as error:
        yield Check("configuration", "fail", str(error), "correct it and run stoic doctor again")
        return
    yield from _configuration(application.configuration)
    try:
        _ = application.database
    except (StoicError, capsa.CapsaError, OSError) as error:
        yield Check("database connection", "fail", str(error), _remedy(error, url))
        return
    try:
        yield Check("database connection", "ok", str(url))
        in_the_way = list(_in_the_way(url))
        yield from in_the_way
        for name, checks in (("migrations", _migrations), ("texts imported", _library)):
            try:
                yield from checks(application)
            except capsa.CapsaError as error:
                # What was found to be in the way is told once.
                if not any(check.verdict == "fail" for check in in_the_way):
                    yield Check(name, "fail", str(error), _remedy(error, url))
        yield _chat(application)
        yield from _web(application.configuration)
        yield from _files(application)
    finally:
        application.close()


def _configuration(configuration: Configuration) -> Iterator[Check]:
    file, env = configuration.settings_file, configuration.env_file
    yield Check("configuration", "ok", str(file) if file.is_file() else f"{file} (missing: defaults)")
    for key, reason in configuration.without_effect.items():
        yield Check("setting without effect", "note", f"{key}: {reason}", f"remove {key} from {file}")
    if not env.is_file():
        yield Check(".env", "note", f"{env} is missing: the embedded database is used", "cp .env.example .env")
        return
    if os.environ.get("DATABASE_URL"):
        yield Check(".env", "ok", "DATABASE_URL is in the environment, which comes first")
        return
    named = any(line.lstrip().startswith("DATABASE_URL=") for line in env.read_text("utf-8", "replace").splitlines())
    if not named:
        yield Check(".env", "note", f"{env} names no DATABASE_URL: the embedded database is used", f"add it to {env}")
    elif env.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Check(".env", "note", f"others may read the secrets in {env}", f"chmod 600 {env}")
    else:
        yield Check(".env", "ok", f"{env} names DATABASE_URL")


def _remedy(error: Exception, url: capsa.DatabaseUrl) -> str:
    if isinstance(error, capsa.MissingExtra):
        return 'pip install "stoic-emperor[postgresql]"'
    if isinstance(error, capsa.MissingExtension):
        return "as a superuser of that database: CREATE EXTENSION IF NOT EXISTS vector"
    if isinstance(error, capsa.AuthenticationFailed):
        return "check user and password in DATABASE_URL: postgresql://user:password@host:port/database"
    if isinstance(error, capsa.DatabaseDamaged):
        return "restore a backup"
    if url.path is not None:
        return f"see that {url.path} and its folder may be written, or name another file in DATABASE_URL"
    return "is the server running? check DATABASE_URL: postgresql://user:password@host:port/database"


def _in_the_way(url: capsa.DatabaseUrl) -> Iterator[Check]:
    """What the memory would meet only when it is written or searched: a right or a table that is missing."""
    for error in look(url)[1]:
        # Whoever only talks never meets what only a migration needs.
        verdict: Verdict = "note" if isinstance(error, capsa.TransferError) else "fail"
        yield Check("tables", verdict, str(error), _remedy(error, url))


def _migrations(application: Application) -> Iterator[Check]:
    database = application.database
    with database.engine.maintain() as tx:
        applied = tx.execute("SELECT package, max(version) FROM capsa_migrations GROUP BY package ORDER BY package")
        counts = {table: tx.execute(f"SELECT count(*) FROM {table}")[0][0] for table in REMEMBERED}
        unfinished = tx.execute("SELECT count(*) FROM capsa_transfers WHERE state <> 'done'")[0][0]
        aside = tx.execute("SELECT count(*) FROM capsa_quarantine")[0][0]
        if database.engine.dialect == "postgresql":
            version, extension = tx.execute(
                "SELECT current_setting('server_version'), extversion FROM pg_extension WHERE extname = 'vector'"
            )[0]
            yield Check("PostgreSQL", "ok", f"{version}, pgvector {extension}")
    yield Check("migrations", "ok", ", ".join(f"{package} {version}" for package, version in applied))
    if wall := getattr(database.engine, "wall", None):
        yield Check("row-level security", "ok", f"on every person's tables ({wall})")
    else:
        yield check_sqlite()
    told = ", ".join(f"{count:,} {table.replace('_', ' ')}" for table, count in counts.items() if count)
    yield Check("memory", "ok", told or "empty")
    if unfinished:
        yield Check("transfer", "fail", f"{unfinished} interrupted", "run the same stoic migrate again: it goes on")
    if aside:
        yield Check(
            "transfer", "note", f"{aside:,} rows could not be carried and are kept aside", "the report names them"
        )


def _library(application: Application) -> Iterator[Check]:
    library = application.library
    count = library.count()
    folder = starter_library()
    import_it = f"stoic import {folder}" if folder else "stoic import PATH"
    if not count:
        yield Check("texts imported", "note", "the library is empty", import_it)
        return
    yield Check("texts imported", "ok", f"{count:,} passages of {len(library.works())} works")
    try:
        found = library.search("what is in our power", 3, mode=capsa.Mode.SEMANTIC)
    except capsa.CapsaError as error:
        yield Check("vector search", "fail", str(error), "stoic reembed; until then search goes by words")
        return
    if found and found.mode is capsa.Mode.SEMANTIC:
        yield Check("vector search", "ok", f"finds {found[0].reference}")
    else:
        yield Check(
            "vector search", "note", "; ".join(found.notes) or "no text has a vector of this model", "stoic reembed"
        )


def _chat(application: Application) -> Check:
    try:
        model = application.model
    except ConfigurationError as error:
        return Check("chat", "fail", str(error), "correct it in .env")
    if model is None:
        return Check(
            "chat",
            "note",
            "no language model is configured: the library answers",
            "set LLM_MAIN_MODEL with LLM_BASE_URL, OPENAI_API_KEY or ANTHROPIC_API_KEY in .env",
        )
    try:
        asyncio.run(_ask(application))
    except (StoicError, TimeoutError) as error:
        found = str(error) or f"{model.name} has not answered within {_MODEL_SECONDS:.0f} s"
        return Check("chat", "fail", found, "check the model's name, its key and LLM_BASE_URL")
    return Check("chat", "ok", f"{model.name} answers")


async def _ask(application: Application) -> None:
    model = application.model
    if model is None:
        return
    try:
        async with asyncio.timeout(_MODEL_SECONDS):
            asked = Prompt(system="Answer with one word.", turns=(Turn("user", "Ready?"),), max_tokens=16)
            async with aclosing(model.stream(asked)) as reply:
                async for _ in reply:
                    break
    finally:
        await model.close()


def _web(configuration: Configuration) -> Iterator[Check]:
    missing = [name for name in ("fastapi", "uvicorn", "jinja2", "argon2", "jwt", "markdown_it") if not find_spec(name)]
    if missing:
        yield Check("web", "note", f"not installed: {', '.join(missing)}", 'pip install "stoic-emperor[web]"')
    else:
        yield Check("web", "ok", "installed; uvicorn src.web.api:app, or stoic serve")
    for fault in (faults := demands.faults(configuration)):
        found, _, remedy = fault.partition(": ")
        yield Check("authentication", "fail", found, remedy)
    if not faults:
        ways = {"single": "one person, at this machine only", "local": "accounts", "supabase": "Supabase"}
        yield Check("authentication", "ok", " and ".join(ways[way] for way in configuration.ways_in))


def _files(application: Application) -> Iterator[Check]:
    url = application.database_url
    folder = data_folder(url)
    older = [path for path in sorted(folder.glob("*.db")) if is_older(path)] if folder.is_dir() else []
    chroma = folder / CHROMA_FOLDER
    if not older and not chroma.is_dir():
        files = older_files(url)
        yield Check("older files", "ok", f"copies beside the database: {len(files)}" if files else "none")
        return
    for path in [*older, *([chroma] if chroma.is_dir() else [])]:
        backup = path.with_name(path.name + ".backup")
        if backup.exists():
            yield Check("backup", "ok", f"{backup} is there")
        else:
            yield Check("backup", "note", f"{path} has no copy beside it", f"cp -r {path} {backup}")
    for path in older:
        yield _brought_along(application.database, path)


def _brought_along(database: Database, older: Path) -> Check:
    before = brought(older, database.origins())
    if before is None:
        return Check("older memory", "note", f"{older} has not been brought along", f"stoic migrate --sqlite {older}")
    if before.left:
        return Check(
            "older memory",
            "note",
            f"{older} was brought along but for {before.left:,} rows: put aside, or others are in their place",
            f"stoic migrate --from {older} --to {_shown(database.url)} names them",
        )
    try:
        late = written_since(database, older)
    except (sqlite3.Error, capsa.CapsaError) as error:
        return Check("older memory", "note", f"{older} cannot be compared: {error}", f"look at {older} with sqlite3")
    if late:
        return Check(
            "older memory",
            "note",
            f"{late:,} rows of {older} are not here: written there since it was brought along",
            f"leave the earlier program; cp {older} {older}.late && stoic migrate --from {older}.late brings them",
        )
    return Check("older memory", "ok", f"{older} was brought along, whole; it stays as it was")


def _shown(url: capsa.DatabaseUrl) -> str:
    return str(url.path or url)
