"""Moving memories between databases without losing a bit.

    with closing(open_source("sqlite:////old.db")) as source, open_database(url) as target:
        report = transfer(source, target)
    report.complete                                     # every row is there, equal

source -> plan -> copy -> index -> verify -> report. A source is a read-only snapshot; the plan and what
is done of it are kept in the target (`capsa.transfer.ledger`), so a run may be killed and begun again.
An application's own tables are described by `Table`, a foreign layout by `SqlitePart` or
`PostgresPart` with a function that makes rows of its rows.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from capsa.text import bytes_to_stored, from_stored, to_stored
from capsa.transfer.examining import examine
from capsa.transfer.leaving_out import leaving_out
from capsa.transfer.loading import load
from capsa.transfer.looking import Look, look
from capsa.transfer.options import OnConflict, Options
from capsa.transfer.owners import one_owner
from capsa.transfer.quarantine import describe as describe_row
from capsa.transfer.quarantine import json_value
from capsa.transfer.report import PartReport, Report
from capsa.transfer.run import transfer
from capsa.transfer.snapshot import Snapshot, is_locked
from capsa.transfer.snapshot import unreadable as sqlite_error
from capsa.transfer.sources import KeyRange, Part, Source, SourceDescription, in_pieces
from capsa.transfer.sqlite_source import SqliteFile, SqlitePart, describe_file, table_names
from capsa.transfer.tables import (
    RECORDS,
    Column,
    Field,
    Item,
    Kind,
    Reference,
    Refused,
    Row,
    SqliteValue,
    Table,
    Vector,
    make_row,
    make_rows,
    pack,
    pack_all,
    unpack,
    vector_from_wire,
    vector_to_wire,
)
from capsa.transfer.times import UNREADABLE, Clock, Reading
from capsa.transfer.times import canonical as canonical_time
from capsa.transfer.verifying import Verification, verify
from capsa.url import DatabaseUrl

if TYPE_CHECKING:
    from capsa.transfer.postgres_source import PostgresPart as PostgresPart
    from capsa.transfer.postgres_source import PostgresTables as PostgresTables
    from capsa.transfer.postgres_source import connect as connect_source
    from capsa.transfer.postgres_source import describe_server as describe_server
    from capsa.transfer.postgres_source import postgres_table_names as postgres_table_names

__all__ = [
    "RECORDS",
    "UNREADABLE",
    "Clock",
    "Column",
    "Field",
    "Item",
    "KeyRange",
    "Kind",
    "Look",
    "OnConflict",
    "Options",
    "Part",
    "PartReport",
    "PostgresPart",
    "PostgresTables",
    "Reading",
    "Reference",
    "Refused",
    "Report",
    "Row",
    "Snapshot",
    "Source",
    "SourceDescription",
    "SqliteFile",
    "SqlitePart",
    "SqliteValue",
    "Table",
    "Vector",
    "Verification",
    "bytes_to_stored",
    "canonical_time",
    "connect_source",
    "describe_file",
    "describe_row",
    "describe_server",
    "examine",
    "from_stored",
    "in_pieces",
    "is_locked",
    "json_value",
    "leaving_out",
    "load",
    "look",
    "make_row",
    "make_rows",
    "one_owner",
    "open_source",
    "pack",
    "pack_all",
    "postgres_table_names",
    "sqlite_error",
    "table_names",
    "to_stored",
    "transfer",
    "unpack",
    "vector_from_wire",
    "vector_to_wire",
    "verify",
]

# The driver is an extra: who stays on SQLite does not have it.
_POSTGRES = {
    "PostgresPart": "PostgresPart",
    "PostgresTables": "PostgresTables",
    "connect_source": "connect",
    "describe_server": "describe_server",
    "postgres_table_names": "postgres_table_names",
}


def __getattr__(name: str) -> Any:
    if name not in _POSTGRES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("capsa.transfer.postgres_source"), _POSTGRES[name])


def open_source(url: str | DatabaseUrl, tables: Sequence[Table] = ()) -> Source:
    """A snapshot of one of our own databases, to be closed by the caller.

    Args:
        tables: the application's own tables, to be carried with the engine's.

    Raises:
        SourceMissing: there is no such file, or no tables of ours.
        SourceUnreadable: it is not ours, or damaged.
        DatabaseUnavailable: or one of its kinds: the server cannot be reached.
    """
    if isinstance(url, str):
        url = DatabaseUrl.parse(url)
    if url.path is not None:
        from capsa.transfer.sqlite_source import SqliteSource

        return SqliteSource.open(url.path, tables)
    from capsa.transfer.postgres_source import PostgresSource

    return PostgresSource.open(url, tables)
