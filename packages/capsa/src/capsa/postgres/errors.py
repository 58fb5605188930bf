"""What psycopg's errors mean to a user, and what to do about them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import psycopg

from capsa._schema import SchemaPackage, said_gone
from capsa.errors import (
    AuthenticationFailed,
    CapsaError,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseFull,
    DatabaseUnavailable,
    InvalidUrl,
    MissingExtension,
    MissingRight,
    ServerAway,
)
from capsa.url import DatabaseUrl

# In this order: a message -> the error and what to say. {url} has no password; {0} is the first group.
_BY_MESSAGE: tuple[tuple[str, type[CapsaError], str], ...] = (
    (
        r"no password supplied",
        AuthenticationFailed,
        "{url} asks for a password and none was given: set it in the environment, or in ~/.pgpass of mode 600",
    ),
    (
        r"authentication failed|pg_hba\.conf",
        AuthenticationFailed,
        "{url} refused the user or the password: check both, and that pg_hba.conf allows password authentication",
    ),
    (
        r'database "([^"]*)" does not exist',
        DatabaseUnavailable,
        "there is no database {0!r} on the server of {url}: create it first",
    ),
    (
        r'role "([^"]*)" does not exist',
        AuthenticationFailed,
        "there is no user {0!r} on the server of {url}: create it first",
    ),
    (
        r"Connection refused|No such file or directory|could not connect",
        ServerAway,
        (
            "connection to {url} refused: check that PostgreSQL is running (sudo systemctl status postgresql; "
            "sudo systemctl start postgresql)"
        ),
    ),
    (
        r"resolve host|Name or service not known",
        ServerAway,
        "the host of {url} is not known: check its name",
    ),
    (
        r"permission denied for database",
        MissingRight,
        "the user of {url} may not connect to that database: GRANT CONNECT ON DATABASE to it",
    ),
    (r"invalid port number", InvalidUrl, "the port of {url} is not a number from 1 to 65535: correct it"),
    (
        r"invalid (\w+) value: ",
        InvalidUrl,
        "the connection option {0!r} has a value that it cannot have: correct {url} after its '?'",
    ),
    (r"timeout", ServerAway, "no answer from {url} in time: check host, port and firewall"),
)

# What psycopg and libpq say of the parameters themselves, before any server is asked; {0} is one's name.
_OF_PARAMETERS: tuple[tuple[str, str], ...] = (
    (r'invalid (?:connection|URI query) (?:option|parameter)[^"]*"([^"]*)"', "there is no connection option {0!r}"),
    (r"bad value for (\w+)", "the connection option {0!r} has a value that it cannot have"),
)

_BY_CLASS: tuple[tuple[type[psycopg.Error], type[CapsaError], str], ...] = (
    (
        psycopg.errors.QueryCanceled,
        DatabaseBusy,
        "{url} took longer than the statement timeout: try again, or raise the timeout",
    ),
    (
        psycopg.errors.DiskFull,
        DatabaseFull,
        "no space left on the server of {url}: free some and try again; what was stored before is intact",
    ),
    (
        psycopg.errors.InsufficientPrivilege,
        MissingRight,
        "the user of {url} lacks a right ({0}): grant it, or own the database",
    ),
    (
        psycopg.errors.ReadOnlySqlTransaction,
        DatabaseUnavailable,
        (
            "{url} may only be read (a standby, or default_transaction_read_only is on): name the server that may be "
            "written"
        ),
    ),
    (
        psycopg.errors.InvalidSchemaName,
        MissingRight,
        (
            "the user of {url} may use no schema there ({0}): GRANT USAGE, CREATE ON SCHEMA public to it, or own the "
            "database"
        ),
    ),
    (
        psycopg.errors.LockNotAvailable,
        DatabaseBusy,
        "others have been using the tables of {url} for too long: try again",
    ),
    (psycopg.errors.DeadlockDetected, DatabaseBusy, "{url} had to give way to another writer: try again"),
    (psycopg.errors.SerializationFailure, DatabaseBusy, "{url} had to give way to another writer: try again"),
)


_OTHER_TABLES = (
    psycopg.errors.DuplicateTable,
    psycopg.errors.DuplicateObject,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.WrongObjectType,
)


def missing_extension(url: DatabaseUrl) -> MissingExtension:
    """The database has no pgvector, and we may not create it: the superuser's command that does."""
    return MissingExtension(
        f"pgvector is not enabled in {url}, and this user may not enable it: as a superuser run "
        f'sudo -u postgres psql -d {url.database} -c "CREATE EXTENSION IF NOT EXISTS vector"'
    )


def translate(error: psycopg.Error, url: DatabaseUrl) -> CapsaError | None:
    """Our error for ``error``, or None if it is a defect of the caller and should stay what it is."""
    text = str(error)
    first_line = text.strip().split("\n", 1)[0][:200]
    for kind, ours, message in _BY_CLASS:
        if isinstance(error, kind):
            return ours(message.format(first_line, url=url))
    if not isinstance(error, psycopg.OperationalError):
        return _of_parameters(error, url)
    for pattern, ours, message in _BY_MESSAGE:
        if match := re.search(pattern, text):
            return ours(message.format(*match.groups(), url=url))
    return ServerAway(f"the connection to {url} failed: {first_line}")


def gone(names: Sequence[str], url: DatabaseUrl) -> DatabaseDamaged:
    """Tables of ours, or a sequence, are missing where others of ours are."""
    return DatabaseDamaged(f"{said_gone(names, str(url))}: name another database and restore a backup there")


def of_tables(error: psycopg.Error, url: DatabaseUrl) -> CapsaError | None:
    """Our error if tables by our names stand in the way of ours."""
    if not isinstance(error, _OTHER_TABLES):
        return None
    said = str(error).strip().split("\n", 1)[0][:200]
    return DatabaseDamaged(
        f"the tables in {url} are not as they were made ({said}): another program has tables of these names there, or "
        f"some were removed; name another database, or restore a backup; nothing was changed"
    )


def missing_table(error: psycopg.Error, url: DatabaseUrl, packages: Sequence[SchemaPackage]) -> DatabaseDamaged | None:
    """Our error if what a statement does not find is a table of ``packages``; another is a defect of the caller."""
    if not isinstance(error, psycopg.errors.UndefinedTable):
        return None
    ours = {name for package in packages for name in package.relations()}
    # In whatever language the server says it, it names what it misses.
    said = re.findall(r"\w+", error.diag.message_primary or "")
    table = next((name for name in said if name in ours), None)
    return None if table is None else gone([table], url)


def _of_parameters(error: psycopg.Error, url: DatabaseUrl) -> InvalidUrl | None:
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        for pattern, message in _OF_PARAMETERS:
            if match := re.search(pattern, str(error)):
                return InvalidUrl(f"{message.format(*match.groups())}: correct {url} after its '?'")
    return None
