"""Named SQL statements, read from the ``.sql`` files beside the code that runs them.

A statement begins at a line ``-- name: its_name``; the comment lines after it say what it is for.
Parameters are written ``:name`` in every dialect.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import resources

_NAME = re.compile(r"^-- name: (?P<name>\w+)\s*$", re.MULTILINE)
# A parameter, but neither a cast (::type) nor the inside of a quoted string.
_PARAMETER = re.compile(r"'(?:[^']|'')*'|(?<![:\w]):(?P<name>[a-z_]\w*)")


@functools.cache
def named_statements(package: str, filename: str = "queries.sql") -> Mapping[str, str]:
    """The statements of one file, by name."""
    text = resources.files(package).joinpath("sql", filename).read_text("utf-8")
    parts = _NAME.split(text)
    return {name: body.strip().rstrip(";") for name, body in zip(parts[1::2], parts[2::2], strict=True)}


@functools.cache
def of_dialect(package: str) -> Mapping[str, str]:
    """The engine's statements in one dialect: those of all dialects, and its own."""
    return {**named_statements("capsa"), **named_statements(package)}


def to_psycopg(sql: str) -> str:
    """Rewrite ``:name`` as psycopg's ``%(name)s``."""
    escaped = sql.replace("%", "%%")
    return _PARAMETER.sub(lambda m: f"%({m['name']})s" if m["name"] else m[0], escaped)


def statements(script: str) -> list[str]:
    """Split a script without triggers into its statements (``sqlite3.executescript`` would commit)."""
    without_comments = re.sub(r"--[^\n]*", "", script)
    return [part.strip() for part in without_comments.split(";") if part.strip()]
