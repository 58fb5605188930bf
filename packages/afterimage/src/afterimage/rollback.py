"""After going back from PostgreSQL to SQLite: what only PostgreSQL has, and how to bring it back."""

from __future__ import annotations

import datetime as dt
import shlex
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from afterimage.entries import COLLECTION

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig
    from afterimage.storage import SQLiteBackend
    from capsa import Collection, DatabaseUrl

#: How long a command may be held up, in seconds: to reach the server, and to count on it.
CONNECT_SECONDS = 3.0
COUNT_SECONDS = 5.0


def left_behind(config: AfterImageConfig, backend: SQLiteBackend) -> str | None:
    """What to tell, once, to someone who left PostgreSQL; None if there is nothing to tell.

    Changes no entry of either database, and neither fails nor waits for a server that is gone: that is tried again on
    another day.
    """
    from afterimage.state import read_state, rollback_was_told, rollback_was_tried
    from capsa import CapsaError, DatabaseUrl, InvalidUrl

    noted = read_state(config.directory)
    if config.storage.backend != "sqlite" or noted.postgresql is None or noted.rollback_told:
        return None
    try:
        server = DatabaseUrl.parse(noted.postgresql)
    except InvalidUrl:
        return None
    today = dt.datetime.now(dt.UTC).date().isoformat()
    if noted.rollback_tried == today:
        return None
    back = f"`{way_back(config, backend, server)}`"
    try:
        missing, counted_all = _counted(config, backend, server)
    except CapsaError as error:
        rollback_was_tried(config.directory, today)
        return (
            f"{server} holds entries that may be missing here, but cannot be read: {error}. Bring them back with {back}"
        )
    rollback_was_told(config.directory)
    if not missing and counted_all:
        return None
    if not missing:
        return f"there may be entries that exist only in {server}: bring them back with {back}"
    number = f"{missing:,}" if counted_all else f"at least {missing:,}"
    exist = "entry exists" if missing == 1 and counted_all else "entries exist"
    return f"{number} {exist} only in {server}: bring them back with {back}"


def _counted(config: AfterImageConfig, backend: SQLiteBackend, server: DatabaseUrl) -> tuple[int, bool]:
    """See `_missing`. Raises `capsa.CapsaError`."""
    from capsa import Store, open_database

    with open_database(_with_password(config, server), connect_timeout=CONNECT_SECONDS) as database:
        there = Store(database, embedder=None).collection(COLLECTION, owner=config.storage.postgresql.owner)
        return _missing(there, backend)


def _missing(there: Collection, here: SQLiteBackend) -> tuple[int, bool]:
    """How many entries of ``there`` are not ``here``, and whether there was time to count them all."""
    from afterimage.carrying import words_of

    # An older memory is carried over here first, however long that takes.
    known = set(here.collection.ids()) if here.exists() else set()
    if here.exists():
        # What was forgotten here does not come back.
        words = words_of(here.database, here.owner)
        known |= {id_ for id_, word in words.items() if word.is_forgotten}
    deadline = time.monotonic() + COUNT_SECONDS
    missing = 0
    for id_ in there.ids():
        missing += id_ not in known
        if time.monotonic() > deadline:
            return missing, False
    return missing, True


def way_back(config: AfterImageConfig, backend: SQLiteBackend, server: DatabaseUrl) -> str:
    """The command that brings the entries of ``server`` into the SQLite file."""
    words = ["afterimage", "migrate", "--to-sqlite", str(backend.db_path)]
    if not _is_configured(config, server):
        given = {"host": server.host, "port": server.port, "database": server.database, "user": server.user}
        for name, value in given.items():
            if value is not None:
                words += [f"--pg-{name}", str(value)]
    return shlex.join(words)


def _is_configured(config: AfterImageConfig, server: DatabaseUrl) -> bool:
    from afterimage.config import postgresql_url
    from afterimage.errors import ConfigError

    try:
        return str(postgresql_url(config)) == str(server)
    except ConfigError:
        return False


def _with_password(config: AfterImageConfig, server: DatabaseUrl) -> DatabaseUrl:
    from afterimage.config import postgresql_url

    # A password is for the server it was given for.
    return replace(server, password=postgresql_url(config).password) if _is_configured(config, server) else server
