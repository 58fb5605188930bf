"""What stands between a user and a working memory: each thing looked at, with its remedy."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from afterimage.errors import AfterImageError, ConfigError
from capsa.terminal import Check, Verdict, check_sqlite

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig
    from afterimage.storage import PostgreSQLBackend, SQLiteBackend
    from capsa import CapsaError

_RESTORE = (
    "restore a backup: afterimage restore FILE --force moves what is damaged aside; or correct storage.sqlite.path"
)
_START = "sudo systemctl status postgresql; sudo systemctl start postgresql"
#: How the hosts begin that are this machine: a socket's folder, and names and addresses of the loopback.
_HERE = ("/", "localhost", "127.", "::1")
_LOW_SPACE = 500_000_000
_NO_SPACE = 50_000_000


def examine(environ: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Look at everything, one check after the other. Raises nothing that a check can say."""
    from afterimage.config import load_config
    from afterimage.storage import get_storage_backend

    try:
        config = load_config(environ=environ)
        backend = get_storage_backend(config)
    except ConfigError as error:
        yield Check(
            "configuration", "fail", str(error), "correct it, or make a new one: afterimage config --init --force"
        )
        return
    yield from _configuration(config)
    with backend:
        yield from _memory(config, backend)
    yield from _model(config)
    yield _code()
    from afterimage.hook_doctor import examine_hooks

    yield from examine_hooks(config, os.environ if environ is None else environ)


def _memory(config: AfterImageConfig, backend: SQLiteBackend | PostgreSQLBackend) -> Iterator[Check]:
    from afterimage.legacy_churn import examine as examine_churn
    from afterimage.storage import SQLiteBackend
    from capsa import CapsaError

    yield from _place(config, backend)
    if isinstance(backend, SQLiteBackend):
        # Before the memory is opened, which would carry the older one over.
        yield from _before_opening(backend)
        if not backend.exists():
            yield Check("memory", "ok", "none yet: the first entry stored makes it")
            return
    try:
        backend.initialize()
    except (CapsaError, AfterImageError, OSError) as error:
        yield _unreachable(backend, error)
    else:
        yield from _database(backend)
        if check := examine_churn(config, backend):
            yield check


def _configuration(config: AfterImageConfig) -> Iterator[Check]:
    exists = config.file.exists()
    yield Check("configuration", "ok", str(config.file) if exists else f"{config.file} (missing: defaults)")
    for key, reason in config.without_effect.items():
        yield Check("setting without effect", "note", f"{key}: {reason}", f"remove {key} from where it is set")
    secret = any(
        config.sources[f"storage.postgresql.{key}"] == str(config.file) for key in ("password", "connection_string")
    )
    if exists and secret and config.file.stat().st_mode & 0o077:
        yield Check("configuration's mode", "fail", "others may read the password in it", f"chmod 600 {config.file}")


def _place(config: AfterImageConfig, backend: SQLiteBackend | PostgreSQLBackend) -> Iterator[Check]:
    from afterimage.config import password_source

    yield Check("backend", "ok", f"{backend.backend_type} ({config.sources['storage.backend']})")
    if backend.backend_type == "postgresql":
        yield Check("server", "ok", str(backend.url))
        yield _password(config.home, password_source(config))
    else:
        yield Check("file", "ok", str(backend.url.path))


def _password(home: Path, source: str) -> Check:
    file = Path(os.environ.get("PGPASSFILE") or home / ".pgpass")
    asked = source.startswith("libpq") and "PGPASSWORD" not in os.environ
    if asked and file.is_file() and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
        found = f"{file} is not looked at by libpq, as others may read it ({mode:o})"
        return Check("password", "note", found, f"chmod 600 {file}")
    return Check("password", "ok", f"from {source}")


def _before_opening(backend: SQLiteBackend) -> Iterator[Check]:
    own, older = backend.db_path, backend.configured_path
    if own.exists():
        for path, wanted in ((own, 0o600), (own.parent, 0o700)):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                kind = "folder's mode" if path.is_dir() else "file's mode"
                yield Check(kind, "note", f"{path} may be read by others ({mode:o})", f"chmod {wanted:o} {path}")
    if older != own and older.exists():
        yield _older_memory(older, own)
    folder = next(parent for parent in own.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    needed = _LOW_SPACE + 2 * (own.stat().st_size if own.exists() else 0)
    verdict: Verdict = "fail" if free < _NO_SPACE else "note" if free < needed else "ok"
    yield Check(
        "disk space", verdict, f"{free / 1e9:.1f} GB free in {folder}", None if verdict == "ok" else "free some"
    )


def _older_memory(older: Path, own: Path) -> Check:
    from afterimage.legacy import is_legacy

    if not is_legacy(older):
        return Check("older memory", "note", f"{older} is no memory of AfterImage", "correct storage.sqlite.path")
    if not own.exists():
        return Check("older memory", "ok", f"{older} is carried over into {own} at first use; it stays as it is")
    try:
        late = _not_carried_over(older, own)
    except sqlite3.Error as error:
        return Check("older memory", "note", f"{older} cannot be compared: {error}", f"look at {older} with sqlite3")
    if late:
        return Check(
            "older memory",
            "note",
            f"{late:,} entries of {older} are not in {own}: deleted here, or written there since",
            "uninstall what still writes to the older file; `afterimage export` there and `afterimage import` here",
        )
    return Check("older memory", "ok", f"{older} was carried over into {own}, whole; it stays as it was")


def _not_carried_over(older: Path, own: Path) -> int:
    """How many entries of ``older`` that can be carried are not in ``own``."""
    from afterimage.legacy_sqlite import stored
    from capsa import MAX_KEY_BYTES

    with closing(_reading(own)) as connection:
        known = {row[0] for row in connection.execute("SELECT id FROM capsa_records")}
    with closing(_reading(older)) as connection:
        ids = (stored(id_) for (id_,) in connection.execute("SELECT id FROM code_memory WHERE typeof(id) <> 'blob'"))
        return sum(id_ is not None and len(id_) <= MAX_KEY_BYTES and id_ not in known for id_ in ids)


def _reading(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
    # What is in them may be no UTF-8.
    connection.text_factory = bytes
    return connection


def _unreachable(backend: SQLiteBackend | PostgreSQLBackend, error: CapsaError | AfterImageError | OSError) -> Check:
    from afterimage.errors import MissingDriver
    from capsa import MissingExtension

    if isinstance(error, MissingDriver):
        return Check("driver", "fail", str(error), 'pip install "ai-afterimage[postgresql]"')
    name = "pgvector" if isinstance(error, MissingExtension) else "reachable"
    return Check(name, "fail", str(error), _remedy(backend, error))


def _remedy(backend: SQLiteBackend | PostgreSQLBackend, error: CapsaError | AfterImageError | OSError) -> str | None:
    """What to do about an error of the database; None where its own words are all there is to say."""
    import capsa

    if backend.backend_type == "sqlite":
        remedies: tuple[tuple[type[Exception], str], ...] = (
            (capsa.DatabaseDamaged, _RESTORE),
            (Exception, "correct the file, or storage.sqlite.path"),
        )
    else:
        as_superuser = f"sudo -u postgres psql -d {backend.url.database} -c"
        user = f'\\"{backend.url.user or "USER"}\\"'
        remedies = (
            (
                capsa.DatabaseDamaged,
                (
                    "name an empty database in storage.postgresql.database, then restore a backup there: afterimage "
                    "restore FILE"
                ),
            ),
            (
                capsa.AuthenticationFailed,
                (
                    "echo $AFTERIMAGE_PG_PASSWORD; in pg_hba.conf: host afterimage afterimage 127.0.0.1/32 md5 "
                    "(or scram-sha-256), then sudo systemctl reload postgresql"
                ),
            ),
            # Of a server elsewhere its own words are all there is to say.
            *([(capsa.ServerAway, _START)] if (backend.url.host or "/").startswith(_HERE) else []),
            (capsa.MissingExtension, f'{as_superuser} "CREATE EXTENSION IF NOT EXISTS vector"'),
            (
                capsa.MissingRight,
                (
                    f'{as_superuser} "GRANT ALL ON SCHEMA public TO {user}; GRANT ALL ON ALL TABLES IN SCHEMA public '
                    f'TO {user}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {user}"'
                ),
            ),
            (capsa.InvalidUrl, "correct AFTERIMAGE_DATABASE_URL, or storage.postgresql.connection_string"),
        )
    of_both = (
        (capsa.SchemaTooNew, "pip install --upgrade ai-afterimage"),
        (capsa.DatabaseBusy, "try again; the other program may hold it for a while"),
    )
    return next((remedy for kind, remedy in (*of_both, *remedies) if isinstance(error, kind)), None)


def _database(backend: SQLiteBackend | PostgreSQLBackend) -> Iterator[Check]:
    from capsa import CapsaError, DatabaseDamaged, MissingRight

    yield Check("reachable", "ok", "yes")
    in_the_way = _in_the_way(backend)
    yield from in_the_way
    looks: tuple[tuple[str, Callable[[SQLiteBackend | PostgreSQLBackend], Check | None]], ...] = (
        ("software", _software),
        ("schema", _schema),
        ("older tables", _older_tables),
        ("row-level security", _wall),
        ("migrations", _transfers),
        ("entries", _entries),
    )
    for name, look in looks:
        try:
            check = look(backend)
        except (DatabaseDamaged, MissingRight) as error:
            # Damage in one table says nothing of the others; what the look found is told once.
            told = any(found.verdict == "fail" for found in in_the_way)
            check = None if told else Check(name, "fail", str(error), _remedy(backend, error))
        except CapsaError as error:
            check = Check(name, "fail", str(error), _remedy(backend, error))
        if check:
            yield check


def _in_the_way(backend: SQLiteBackend | PostgreSQLBackend) -> list[Check]:
    """What the memory would meet only when it is written or searched: a right or a table that is missing."""
    from capsa import TransferError, transfer

    found = []
    for error in transfer.look(backend.url, backend.owner).errors:
        # Whoever only writes and searches never meets what only a migration needs.
        verdict: Verdict = "note" if isinstance(error, TransferError) else "fail"
        found.append(Check("tables", verdict, str(error), _remedy(backend, error)))
    return found


def _software(backend: SQLiteBackend | PostgreSQLBackend) -> Check:
    if backend.backend_type == "sqlite":
        return check_sqlite()
    with backend.database.read(backend.owner) as tx:
        version, extension = tx.execute(
            "SELECT current_setting('server_version'), extversion FROM pg_extension WHERE extname = 'vector'"
        )[0]
    return Check("PostgreSQL", "ok", f"{version}, pgvector {extension}")


def _schema(backend: SQLiteBackend | PostgreSQLBackend) -> Check:
    with backend.database.read(backend.owner) as tx:
        schema = tx.execute("SELECT package, max(version) FROM capsa_migrations GROUP BY package ORDER BY package")
    return Check("schema", "ok", ", ".join(f"{package} {version}" for package, version in schema))


def _older_tables(backend: SQLiteBackend | PostgreSQLBackend) -> Check | None:
    if backend.backend_type == "sqlite":
        return None
    from afterimage.legacy_postgres import has_tables

    if not has_tables(backend.url):
        return None
    return Check(
        "older tables",
        "note",
        "AfterImage 0.2 to 0.8 kept a memory in this database too; its tables are only read",
        "bring in what is not here yet: afterimage migrate --from-postgres-tables",
    )


def _wall(backend: SQLiteBackend | PostgreSQLBackend) -> Check | None:
    wall = getattr(backend.database, "wall", None)
    if not wall:
        return None
    meaning = {
        "role": "every transaction runs as a role that the policies bind",
        "forced": "the policies are forced on the tables' owner; a migration lifts them while it runs",
    }
    return Check("row-level security", "ok", f"{wall}: {meaning.get(str(wall), 'policies stand')}")


def _entries(backend: SQLiteBackend | PostgreSQLBackend) -> Check:
    found = backend.stats()
    entries = backend.collection
    # What says nothing, such as a deletion, needs no vector.
    without = entries.waiting() if backend.embedder else found.total_entries - found.entries_with_embeddings
    without = min(without, found.total_entries - entries.blank())
    return Check(
        "entries",
        "note" if without else "ok",
        f"{found.total_entries:,}, {without:,} of them without all vectors (found by words, or by their beginning)",
        "afterimage reembed" if without else None,
    )


def _code() -> Check:
    from afterimage.chunking.languages import missing

    lacking = missing()
    if not lacking:
        return Check("code", "ok", "long entries are cut at their functions and classes")
    return Check(
        "code",
        "note",
        f"long entries are cut at blank lines where they are {', '.join(lacking)}: the grammars are not installed",
        'pip install "ai-afterimage[code]"',
    )


def _transfers(backend: SQLiteBackend | PostgreSQLBackend) -> Check:
    with backend.database.read(backend.owner) as tx:
        unfinished = tx.execute(
            "SELECT count(*) FROM capsa_transfers WHERE owner = :owner AND state <> 'done'", {"owner": backend.owner}
        )[0][0]
        quarantined = tx.execute(
            "SELECT count(*) FROM capsa_quarantine WHERE owner = :owner", {"owner": backend.owner}
        )[0][0]
    if unfinished:
        return Check(
            "migrations", "fail", f"{unfinished} interrupted", "run the same command again: it goes on where it stopped"
        )
    if quarantined:
        return Check(
            "migrations",
            "note",
            f"{quarantined:,} rows could not be carried and are kept aside with their reasons",
            "the migration's report names them",
        )
    return Check("migrations", "ok", "none interrupted")


def _model(config: AfterImageConfig) -> Iterator[Check]:
    from afterimage.storage import embedder_of
    from capsa import CapsaError

    try:
        embedder = embedder_of(config)
        if embedder is None:
            yield Check("model", "note", "none: searches go by words only", "set embeddings.model: all-MiniLM-L6-v2")
            return
        embedder.embed(["def f(): pass"])
    except CapsaError as error:
        yield Check("model", "fail", str(error), "until then searches go by words only")
    else:
        yield Check("model", "ok", f"{embedder.name}, {embedder.dimensions} dimensions, answers")
