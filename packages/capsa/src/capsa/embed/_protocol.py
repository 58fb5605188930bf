"""What an embedder is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # Importing numpy takes longer than a hook may; who asks for a vector pays for it.
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """Turns texts into vectors whose cosine says how near two texts are in meaning.

    Making one costs nothing and opens nothing; the first vector may take a moment. All of it may
    be used from several threads.
    """

    @property
    def name(self) -> str:
        """The model's name. Vectors are kept under it; those of different names are never compared."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has.

        Raises:
            EmbedderUnavailable: only the model itself can say, and it does not answer.
        """
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of ``texts``, in their order.

        Any string has a vector: the empty one, one with NUL or lone surrogates, one longer than
        the model reads (what it does not read has no influence).

        Returns:
            Array of shape (len(texts), dimensions), float32, every row of Euclidean length 1.

        Raises:
            EmbedderUnavailable: no vector can be made; the message says why and what to do.
            ModelMismatch: the model answered with another number of dimensions than it had.
        """
        ...
