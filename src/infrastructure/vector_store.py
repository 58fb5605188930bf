"""``from src.infrastructure.vector_store import VectorStore``, as the guide has it."""

from stoic_emperor.infrastructure.vector_store import VectorStore

__all__ = ["VectorStore"]
