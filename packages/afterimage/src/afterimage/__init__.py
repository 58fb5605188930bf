"""Memory for coding agents of the code they wrote.

``get_storage_backend()`` opens it as configured; `HybridSearch` finds code in it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afterimage.config import AfterImageConfig as AfterImageConfig
    from afterimage.config import load_config as load_config
    from afterimage.errors import AfterImageError as AfterImageError
    from afterimage.hybrid_search import HybridSearch as HybridSearch
    from afterimage.hybrid_search import SearchResult as SearchResult
    from afterimage.hybrid_search import quick_search as quick_search
    from afterimage.knowledge_base import KnowledgeBase as KnowledgeBase
    from afterimage.storage import PostgreSQLBackend as PostgreSQLBackend
    from afterimage.storage import SQLiteBackend as SQLiteBackend
    from afterimage.storage import StorageBackend as StorageBackend
    from afterimage.storage import StorageEntry as StorageEntry
    from afterimage.storage import StorageStats as StorageStats
    from afterimage.storage import get_storage_backend as get_storage_backend

    __version__: str

_HOME = {
    "AfterImageConfig": "config",
    "AfterImageError": "errors",
    "HybridSearch": "hybrid_search",
    "KnowledgeBase": "knowledge_base",
    "PostgreSQLBackend": "storage",
    "SQLiteBackend": "storage",
    "SearchResult": "hybrid_search",
    "StorageBackend": "storage",
    "StorageEntry": "storage",
    "StorageStats": "storage",
    "get_storage_backend": "storage",
    "load_config": "config",
    "quick_search": "hybrid_search",
}

__all__ = [*_HOME, "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    # A hook or `--help` must not pay for what it does not use.
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("ai-afterimage")
    elif name in _HOME:
        value = getattr(importlib.import_module(f"afterimage.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'afterimage' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
