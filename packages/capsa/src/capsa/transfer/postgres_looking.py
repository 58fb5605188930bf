"""The same of a PostgreSQL database: see `capsa.transfer.looking`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg

from capsa import _queries
from capsa._schema import BOOKKEEPING, SchemaPackage
from capsa.errors import CapsaError, DatabaseDamaged, DatabaseUnavailable, MissingRight, TransferError
from capsa.postgres.database import SCHEMA
from capsa.postgres.errors import gone, missing_extension, of_tables, translate
from capsa.transfer.looking import Look, of_schema
from capsa.transfer.postgres_source import connect
from capsa.url import DatabaseUrl


def look(url: DatabaseUrl, owner: str, packages: Sequence[SchemaPackage] = ()) -> Look:
    """See `capsa.transfer.looking.look`.

    Raises:
        CapsaError: why it cannot be reached.
    """
    with connect(url) as connection:
        try:
            with connection.transaction():
                connection.execute("SET TRANSACTION READ ONLY")
                return _look(connection, url, owner, (SCHEMA, *packages))
        except psycopg.Error as error:
            raise of_tables(error, url) or translate(error, url) or error from error


def _look(connection: psycopg.Connection, url: DatabaseUrl, owner: str, packages: Sequence[SchemaPackage]) -> Look:
    def ask(name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        statement = _queries.to_psycopg(_queries.named_statements("capsa.transfer", "looking.sql")[name])
        return connection.execute(statement.encode(), parameters).fetchall()

    ((version, extension, may_enable, read_only),) = ask("server")
    ((schema, may_create),) = ask("schema")
    found: list[CapsaError] = []
    if read_only:
        found.append(DatabaseUnavailable(f"{url} may only be read: name the server that may be written"))
    if extension is None and not may_enable:
        found.append(missing_extension(url))
    if schema is None:
        found.append(
            MissingRight(f"the user of {url} may use no schema there: GRANT USAGE, CREATE ON SCHEMA public to it")
        )
    relations = ask("relations", names=sorted({BOOKKEEPING}.union(*(p.relations() for p in packages))))
    lacking = {name: rights for name, rights, _ in relations}
    found += _of_rights(lacking, url)
    if owned := sorted(name for name, _, forced in relations if forced):
        found.append(
            TransferError(
                f"only the owner of {', '.join(owned)} in {url} can lift the policies to migrate: connect as that user"
            )
        )
    applied: dict[str, int] = {}
    count = None
    # Without the right to read which version is there, nothing else is known of the tables.
    if not lacking.get(BOOKKEEPING):
        if BOOKKEEPING in lacking:
            applied = dict(ask("applied"))
        found += [each for p in packages for each in _of_tables(lacking, applied.get(p.name), url, p)]
        if not applied.keys() >= {p.name for p in packages} and schema is not None and not may_create:
            found.append(
                MissingRight(f"the user of {url} may create no tables there: GRANT CREATE ON SCHEMA {schema} to it")
            )
    if SCHEMA.name in applied and not lacking.get("capsa_records", ("gone",)):
        ask("bind", owner=owner)
        ((count,),) = ask("records", owner=owner)
    return Look(
        target=str(url),
        software=f"PostgreSQL {version}, " + (f"pgvector {extension}" if extension else "pgvector not enabled yet"),
        schema=applied.get(SCHEMA.name),
        records=count,
        errors=tuple(found),
        comparable=all(applied.get(p.name) == p.version for p in packages) and not found,
    )


def _of_rights(lacking: Mapping[str, Sequence[str]], url: DatabaseUrl) -> list[CapsaError]:
    listed = ", ".join(f"{name} ({', '.join(rights)})" for name, rights in sorted(lacking.items()) if rights)
    if not listed:
        return []
    return [MissingRight(f"the user of {url} lacks rights on {listed}: grant them, or own the tables")]


def _of_tables(
    there: Collection[str], applied: int | None, url: DatabaseUrl, package: SchemaPackage
) -> list[CapsaError]:
    """What is wrong with the tables that are ``there`` by our names."""
    if removed := package.gone(there, applied):
        return [gone(removed, url)]
    others = sorted(package.relations().intersection(there))
    if applied is None and others:
        listed = ", ".join(others)
        return [DatabaseDamaged(f"another program has tables of our names in {url} ({listed}): name another database")]
    return of_schema(applied, package, str(url))
