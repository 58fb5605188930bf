"""One vector of one text, though several searches and the store ask for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from capsa import Embedder

_KEPT = 64


class CachingEmbedder:
    """An embedder that remembers the last single texts. Thread-safe."""

    def __init__(self, embedder: Embedder) -> None:
        """Nothing is loaded or asked yet."""
        self._embedder = embedder
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if len(texts) != 1:
            return self._embedder.embed(texts)
        (text,) = texts
        with self._guard:
            if (known := self._known.get(text)) is not None:
                self._known.move_to_end(text)
                return known
        made = self._embedder.embed(texts)
        with self._guard:
            self._known[text] = made
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return made
