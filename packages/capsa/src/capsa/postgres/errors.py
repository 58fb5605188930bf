"""What psycopg's errors mean to a user, and what to do about them."""

from __future__ import annotations

import re

import psycopg

from capsa.errors import AuthenticationFailed, CapsaError, DatabaseBusy, DatabaseUnavailable, MissingExtension
from capsa.url import DatabaseUrl

_EXTENSION = "CREATE EXTENSION IF NOT EXISTS vector"


def missing_extension(url: DatabaseUrl) -> MissingExtension:
    return MissingExtension(
        f"pgvector is not enabled in {url}, and this user may not enable it: as a superuser run "
        f'sudo -u postgres psql -d {url.database} -c "{_EXTENSION}"'
    )


def translate(error: psycopg.Error, url: DatabaseUrl) -> CapsaError | None:
    """Our error for ``error``, or None if it is a defect of the caller and should stay what it is."""
    text = str(error)
    if isinstance(error, psycopg.errors.QueryCanceled):
        return DatabaseBusy(f"{url} took longer than the statement timeout: try again, or raise the timeout")
    if isinstance(error, psycopg.errors.DiskFull):
        return DatabaseUnavailable(f"no space left on the server of {url}: free some and try again; nothing was lost")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return DatabaseUnavailable(f"the user of {url} lacks a right ({_first_line(text)}): grant it, or own the database")
    if not isinstance(error, psycopg.OperationalError):
        return None
    if re.search(r"password authentication failed|no password supplied|pg_hba\.conf|authentication failed", text):
        return AuthenticationFailed(
            f"{url} refused the user or the password: check the password (echo $AFTERIMAGE_PG_PASSWORD, "
            f"or ~/.pgpass) and that pg_hba.conf allows password authentication"
            if "no password supplied" not in text
            else f"{url} asks for a password and none was given: set it in the environment or in ~/.pgpass"
        )
    if match := re.search(r'database "([^"]*)" does not exist', text):
        return DatabaseUnavailable(f"there is no database {match[1]!r} on the server of {url}: create it first")
    if match := re.search(r'role "([^"]*)" does not exist', text):
        return AuthenticationFailed(f"there is no user {match[1]!r} on the server of {url}: create it first")
    if re.search(r"Connection refused|No such file or directory|could not connect", text):
        return DatabaseUnavailable(
            f"connection to {url} refused: check that PostgreSQL is running (sudo systemctl status postgresql; "
            f"sudo systemctl start postgresql)"
        )
    if "timeout" in text:
        return DatabaseUnavailable(f"no answer from {url} in time: check host, port and firewall")
    if isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
        return DatabaseBusy(f"{url} had to give way to another writer: try again")
    return DatabaseUnavailable(f"the connection to {url} failed: {_first_line(text)}")


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:200]
