"""Capsa keeps texts and their vectors in one database, finds them again, and moves them without losing a bit.

The names below are the whole public surface, with `capsa.testing` for tests; everything else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capsa.errors import (
    AuthenticationFailed,
    CapsaError,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseUnavailable,
    EmbedderUnavailable,
    InvalidRecord,
    InvalidUrl,
    LocalPostgresError,
    MissingExtension,
    MissingExtra,
    ModelMismatch,
    SchemaTooNew,
    SourceMissing,
    SourceUnreadable,
    TransferError,
)
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
from capsa.url import DatabaseUrl

if TYPE_CHECKING:
    from capsa import transfer as transfer
    from capsa._queries import named_statements
    from capsa._schema import SchemaPackage
    from capsa.database import Database, Transaction, open_database
    from capsa.embed import Embedder, open_embedder
    from capsa.local_postgres import LocalPostgres
    from capsa.search.tokens import query_terms
    from capsa.store import Collection, Store
    from capsa.text import from_stored, to_stored

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
    "Mode",
    "ModelMismatch",
    "Record",
    "SchemaPackage",
    "SchemaTooNew",
    "SearchResult",
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
    "to_stored",
    "transfer",
]

# Loaded on first use: a hook that only looks at a setting must not pay for numpy.
_LAZY = {
    "Collection": "capsa.store",
    "Database": "capsa.database",
    "Embedder": "capsa.embed",
    "LocalPostgres": "capsa.local_postgres",
    "SchemaPackage": "capsa._schema",
    "Store": "capsa.store",
    "Transaction": "capsa.database",
    "from_stored": "capsa.text",
    "named_statements": "capsa._queries",
    "open_database": "capsa.database",
    "open_embedder": "capsa.embed",
    "query_terms": "capsa.search.tokens",
    "to_stored": "capsa.text",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY and name != "transfer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name == "transfer":
        return import_module("capsa.transfer")
    return getattr(import_module(_LAZY[name]), name)
