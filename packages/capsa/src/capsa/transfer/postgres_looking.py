"""The same of a PostgreSQL database: see `capsa.transfer.looking`."""

from __future__ import annotations

from typing import Any

import psycopg

from capsa import _queries
from capsa.postgres.database import SCHEMA
from capsa.postgres.errors import missing_extension, translate
from capsa.transfer.looking import Look, of_schema
from capsa.transfer.postgres_source import connect
from capsa.url import DatabaseUrl


def look(url: DatabaseUrl, owner: str) -> Look:
    """See `capsa.transfer.looking.look`.

    Raises:
        DatabaseUnavailable: or one of its kinds: it cannot be reached.
    """
    with connect(url) as connection:
        try:
            with connection.transaction():
                connection.execute("SET TRANSACTION READ ONLY")
                return _look(connection, url, owner)
        except psycopg.Error as error:
            raise translate(error, url) or error from error


def _look(connection: psycopg.Connection, url: DatabaseUrl, owner: str) -> Look:
    def ask(name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        statement = _queries.to_psycopg(_queries.named_statements("capsa.transfer", "looking.sql")[name])
        return connection.execute(statement.encode(), parameters).fetchall()

    ((version, extension, may_enable, read_only),) = ask("server")
    ((schema, may_create),) = ask("schema")
    problems = [f"{url} may only be read: name the server that may be written"] if read_only else []
    if extension is None and not may_enable:
        problems.append(str(missing_extension(url)))
    if schema is None:
        problems.append("the user may use no schema there: GRANT USAGE, CREATE ON SCHEMA public to it")
    tables = dict(ask("tables", tables=[*SCHEMA.tables(), "capsa_migrations"]))
    applied = count = None
    if "capsa_migrations" in tables:
        lacking = sorted(name for name, may_use in tables.items() if not may_use)
        if lacking:
            problems.append(f"the user lacks rights on {', '.join(lacking)}: grant them, or own the tables")
        problems += [f"the table {name} is gone: restore a backup" for name in SCHEMA.tables() if name not in tables]
        if not problems:
            ((applied,),) = ask("applied", package=SCHEMA.name)
            ask("bind", owner=owner)
            ((count,),) = ask("records", owner=owner)
            problems += of_schema(applied, SCHEMA.version, str(url))
    elif schema is not None:
        if not may_create:
            problems.append(f"the user may create no tables there: GRANT CREATE ON SCHEMA {schema} to it")
        if tables:
            problems.append(f"another program has tables of our names there ({', '.join(sorted(tables))})")
    return Look(
        target=str(url),
        software=f"PostgreSQL {version}, " + (f"pgvector {extension}" if extension else "pgvector not enabled yet"),
        schema=applied,
        records=count,
        problems=tuple(problems),
        comparable=applied == SCHEMA.version and not problems,
    )
