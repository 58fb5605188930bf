"""Creating and migrating the schema of a package, once, whoever comes first.

A package keeps ``sql/schema.sql`` (the present state) and ``sql/migrations/NNNN_what.sql`` (the way
there; version 1 is the first schema.sql and needs none). Everything runs inside the caller's one
transaction, under its lock, together with the record of it: a half-applied schema cannot exist.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

from capsa._queries import statements
from capsa.errors import SchemaTooNew

if TYPE_CHECKING:
    from capsa.database import Transaction

#: The table that says which version of which package is there.
BOOKKEEPING = "capsa_migrations"

_BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS capsa_migrations (
    package    text   NOT NULL,
    version    bigint NOT NULL,
    applied_at text   NOT NULL,
    PRIMARY KEY (package, version)
)
"""


@dataclass(frozen=True, slots=True)
class SchemaPackage:
    """The tables of one package in one dialect."""

    #: The name under which versions are recorded, e.g. ``capsa``.
    name: str
    #: The Python package that has the ``sql`` folder.
    resource: str
    #: Table -> the column that says whose a row is, where it is not called ``owner``. Tables with neither
    #: hold nothing of any owner.
    owners: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def version(self) -> int:
        return max(self.steps(), default=1)

    def script(self) -> str:
        return resources.files(self.resource).joinpath("sql", "schema.sql").read_text("utf-8")

    def steps(self) -> dict[int, str]:
        """The migrations, by the version they lead to."""
        return _steps(self.resource)

    def tables(self) -> list[str]:
        """What the schema is made of; every package has the walls of its own tables built, and of no others."""
        found = (re.match(r"CREATE TABLE (\w+)", s) for s in statements(self.script()))
        return [m[1] for m in found if m]

    def relations(self) -> set[str]:
        """Its tables and sequences."""
        found = (re.match(r"CREATE (?:TABLE|SEQUENCE) (\w+)", s) for s in statements(self.script()))
        return {m[1] for m in found if m}

    def gone(self, there: Collection[str], applied: int | None) -> list[str]:
        """What was removed of them, and of the record of migrations, in order; empty if they never were there.

        Args:
            there: which names are taken where they should be.
            applied: the version that is recorded there.
        """
        if applied not in {None, self.version}:
            # Another version has other tables.
            return []
        ours = self.relations() | {BOOKKEEPING}
        missing = sorted(ours.difference(there))
        # Without the record, a few of so many may be another program's.
        return [] if applied is None and 2 * len(missing) >= len(ours) else missing

    def secondary_indexes(self, table: str) -> dict[str, str]:
        """The indexes of a table that a bulk load may leave until later: name -> CREATE statement."""
        found = (re.match(r"CREATE (?:UNIQUE )?INDEX (\w+) ON (\w+)", s) for s in statements(self.script()))
        return {match[1]: match.string for match in found if match and match[2] == table}


@functools.cache
def _steps(resource: str) -> dict[int, str]:
    folder = resources.files(resource).joinpath("sql", "migrations")
    if not folder.is_dir():
        return {}
    names = ((re.match(r"(\d{4})_\w+\.sql$", entry.name), entry) for entry in folder.iterdir())
    return {int(match[1]): entry.read_text("utf-8") for match, entry in sorted(names, key=str) if match}


def check(package: SchemaPackage, applied: int | None, where: str) -> bool:
    """Whether the schema is the present one.

    Raises:
        SchemaTooNew: a newer version of the software has been here.
    """
    if applied is not None and applied > package.version:
        raise SchemaTooNew(
            f"{where} was written by a newer version ({package.name} schema {applied}, known here: {package.version}): "
            f"upgrade this installation; nothing was changed"
        )
    return applied == package.version


def apply(tx: Transaction, package: SchemaPackage, where: str) -> list[str]:
    """Bring the schema to the present version; the caller holds the lock and commits.

    Returns:
        The scripts that were run, empty if there was nothing to do.
    """
    tx.script(_BOOKKEEPING)
    applied = applied_version(tx, package)
    if check(package, applied, where):
        return []
    if applied is None:
        scripts = [package.script()]
    else:
        scripts = [script for version, script in sorted(package.steps().items()) if version > applied]
    for script in scripts:
        tx.script(script)
    tx.execute(
        "INSERT INTO capsa_migrations (package, version, applied_at) VALUES (:package, :version, :at)",
        {"package": package.name, "version": package.version, "at": dt.datetime.now(dt.UTC).isoformat()},
    )
    return scripts


def said_gone(names: Sequence[str], where: str) -> str:
    """That tables or sequences are missing where others of theirs are."""
    what = f"the table {names[0]} is" if len(names) == 1 else f"the tables {', '.join(names)} are"
    return f"{what} gone from {where}, so somebody removed {'it' if len(names) == 1 else 'them'}"


def applied_version(tx: Transaction, package: SchemaPackage) -> int | None:
    rows = tx.execute("SELECT max(version) FROM capsa_migrations WHERE package = :package", {"package": package.name})
    return None if rows[0][0] is None else int(rows[0][0])
