"""Capsa keeps texts and their vectors in one database, finds them again, and moves them without losing a bit.

The names below are the whole public surface, with `capsa.testing` for tests; everything else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capsa import terminal as terminal
    from capsa import transfer as transfer
    from capsa._queries import named_statements
    from capsa._schema import SchemaPackage
    from capsa.database import Database, Transaction, open_database
    from capsa.embed import Embedder, open_embedder
    from capsa.errors import (
        AuthenticationFailed,
        CapsaError,
        DatabaseBusy,
        DatabaseDamaged,
        DatabaseFull,
        DatabaseUnavailable,
        EmbedderUnavailable,
        InvalidRecord,
        InvalidUrl,
        LocalPostgresError,
        MissingExtension,
        MissingExtra,
        MissingRight,
        ModelMismatch,
        SchemaTooNew,
        ServerAway,
        SourceMissing,
        SourceUnreadable,
        TransferError,
    )
    from capsa.local_postgres import LocalPostgres
    from capsa.private import PrivateFolder
    from capsa.records import (
        DEFAULT_OWNER,
        MAX_KEY_BYTES,
        PUBLIC_OWNER,
        Filter,
        Hit,
        Mode,
        Record,
        SearchResult,
        Statistics,
    )
    from capsa.search.tokens import query_terms
    from capsa.store import Collection, Store
    from capsa.text import from_stored, to_stored
    from capsa.url import DatabaseUrl

__version__ = "1.0.0"

__all__ = [
    "DEFAULT_OWNER",
    "MAX_KEY_BYTES",
    "PUBLIC_OWNER",
    "AuthenticationFailed",
    "CapsaError",
    "Collection",
    "Database",
    "DatabaseBusy",
    "DatabaseDamaged",
    "DatabaseFull",
    "DatabaseUnavailable",
    "DatabaseUrl",
    "Embedder",
    "EmbedderUnavailable",
    "Filter",
    "Hit",
    "InvalidRecord",
    "InvalidUrl",
    "LocalPostgres",
    "LocalPostgresError",
    "MissingExtension",
    "MissingExtra",
    "MissingRight",
    "Mode",
    "ModelMismatch",
    "PrivateFolder",
    "Record",
    "SchemaPackage",
    "SchemaTooNew",
    "SearchResult",
    "ServerAway",
    "SourceMissing",
    "SourceUnreadable",
    "Statistics",
    "Store",
    "Transaction",
    "TransferError",
    "__version__",
    "from_stored",
    "named_statements",
    "open_database",
    "open_embedder",
    "query_terms",
    "terminal",
    "to_stored",
    "transfer",
]

_MODULES = {"terminal", "transfer"}
_HOMES = {
    "capsa._queries": ("named_statements",),
    "capsa._schema": ("SchemaPackage",),
    "capsa.database": ("Database", "Transaction", "open_database"),
    "capsa.embed": ("Embedder", "open_embedder"),
    "capsa.local_postgres": ("LocalPostgres",),
    "capsa.private": ("PrivateFolder",),
    "capsa.records": (
        *("DEFAULT_OWNER", "MAX_KEY_BYTES", "PUBLIC_OWNER"),
        *("Filter", "Hit", "Mode", "Record", "SearchResult", "Statistics"),
    ),
    "capsa.search.tokens": ("query_terms",),
    "capsa.store": ("Collection", "Store"),
    "capsa.text": ("from_stored", "to_stored"),
    "capsa.url": ("DatabaseUrl",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    # Loaded on first use: a hook, or a command's --help, must not pay for what it does not need.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"capsa.{name}")
    # What is not listed is an error.
    found = globals()[name] = getattr(import_module(_HOME_OF.get(name, "capsa.errors")), name)
    return found
