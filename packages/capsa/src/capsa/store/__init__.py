"""Records, their vectors and their search: what applications work with."""

from capsa.store._collection import Collection
from capsa.store._store import Store

__all__ = ["Collection", "Store"]
