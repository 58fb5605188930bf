"""From text to vectors: the model on this machine, one behind an HTTP server, or none.

Importing this imports neither numpy nor a model's runtime; the first vector does.
"""

from __future__ import annotations

from capsa.embed._protocol import Embedder
from capsa.embed.minilm import MiniLM
from capsa.embed.openai_compatible import OPENAI_URL, OpenAICompatible
from capsa.errors import EmbedderUnavailable

__all__ = ["OPENAI_URL", "Embedder", "MiniLM", "OpenAICompatible", "open_embedder"]


def open_embedder(
    spec: str, *, base_url: str | None = None, api_key: str | None = None, dimensions: int | None = None
) -> Embedder | None:
    """The embedder a setting names; nothing is loaded or asked yet.

    Args:
        spec: ``"all-MiniLM-L6-v2"``, ``"openai:MODEL"``, or ``"none"`` for search by words alone.
        base_url: of the server of ``openai:MODEL``; None means OpenAI's own.
        api_key: for that server.
        dimensions: the length of vector to ask that server for; None leaves it to the model.

    Returns:
        The embedder, or None for ``"none"``.

    Raises:
        EmbedderUnavailable: the spec is not known, or the URL or key cannot be used.
    """
    kind, _, model = spec.partition(":")
    if spec == "none":
        return None
    if spec == "all-MiniLM-L6-v2":
        return MiniLM()
    if kind == "openai" and model:
        return OpenAICompatible(model, base_url or OPENAI_URL, api_key=api_key, dimensions=dimensions)
    raise EmbedderUnavailable(f"the embedder {spec!r} is not known: use all-MiniLM-L6-v2, openai:MODEL or none")
