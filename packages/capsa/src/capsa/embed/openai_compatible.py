"""A model behind an HTTP server that speaks OpenAI's embeddings protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from capsa.embed._text import without_surrogates
from capsa.errors import EmbedderUnavailable, ModelMismatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OPENAI_URL = "https://api.openai.com/v1"

#: A request's texts together, in characters; the hosted service takes 300,000 tokens.
_BATCH_CHARACTERS = 200_000


class OpenAICompatible:
    """Embeds through ``POST {base_url}/embeddings``: OpenAI, Ollama, llama.cpp, vLLM and others.

    Protocol: https://platform.openai.com/docs/api-reference/embeddings/create

    Args:
        model: the model's name, as the server knows it; the embedder's is ``openai:MODEL``.
        base_url: usually ends in ``/v1``. Proxies are taken from the environment, except for a
            server on this machine. Redirects are not followed, so that the key stays here.
        api_key: sent as a bearer token. Appears in no message.
        dimensions: ask the server for vectors of this length, which not every model can make.
            None leaves it to the model, and the first answer tells.
        timeout: seconds to wait for a sign of life, per request.
        attempts: how often a request is sent if the server is overloaded or drops it.
        batch: texts per request at most.
        max_characters: what is beyond in a text is not sent. The default fits the 8,192 tokens of
            OpenAI's models; a server with a smaller window may need less.
        sleep: waits between attempts; for tests.

    Raises:
        EmbedderUnavailable: the URL or the key cannot be used.
    """

    def __init__(
        self,
        model: str,
        base_url: str = OPENAI_URL,
        *,
        api_key: str | None = None,
        dimensions: int | None = None,
        timeout: float = 30.0,
        attempts: int = 4,
        batch: int = 64,
        max_characters: int = 8000,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        from capsa.embed._http import Endpoint

        self._model = model
        self._asked = dimensions
        self._dimensions = dimensions
        self._batch = batch
        self._max_characters = max_characters
        key = (api_key or "").strip() or None
        self._endpoint = Endpoint(
            url=_embeddings_url(base_url), api_key=key, timeout=timeout, attempts=attempts, sleep=sleep
        )

    @property
    def name(self) -> str:
        """``openai:MODEL``, whichever server has it."""
        return f"openai:{self._model}"

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has; asks the server with one word if no answer has told yet.

        Raises:
            EmbedderUnavailable: the server does not answer.
        """
        if self._dimensions is None:
            return int(self._answers(["dimensions"]).shape[1])
        return self._dimensions

    def __repr__(self) -> str:
        return f"OpenAICompatible({self._model!r})"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of ``texts``: shape (len(texts), dimensions), float32, scaled to length 1.

        Raises:
            EmbedderUnavailable: the server cannot be reached, refuses, or answers with something else.
            ModelMismatch: its vectors do not have the dimensions asked for or seen before.
        """
        import numpy as np

        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        ready = [self._prepared(text) for text in texts]
        return np.concatenate([self._answers(batch) for batch in self._batches(ready)])

    def _prepared(self, text: str) -> str:
        # OpenAI refuses the empty string, and servers written in C may end at a NUL.
        return without_surrogates(text[: self._max_characters]).replace("\0", "\ufffd") or " "

    def _batches(self, texts: list[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        characters = 0
        for text in texts:
            if batch and (len(batch) == self._batch or characters + len(text) > _BATCH_CHARACTERS):
                yield batch
                batch, characters = [], 0
            batch.append(text)
            characters += len(text)
        if batch:
            yield batch

    def _answers(self, texts: list[str]) -> NDArray[np.float32]:
        """One request: the unit vectors of ``texts``."""
        body: dict[str, Any] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._asked is not None:
            body["dimensions"] = self._asked
        vectors = self._unit(self._in_order(self._endpoint.post(body), len(texts)))
        found = vectors.shape[1]
        if self._dimensions is None:
            self._dimensions = found
        elif found != self._dimensions:
            raise ModelMismatch(
                f"the model {self.name} answered with vectors of {found} numbers, not {self._dimensions}: "
                "use the model and dimensions the memory was made with"
            )
        return vectors

    def _in_order(self, answer: object, count: int) -> list[list[float]]:
        """The vectors in the order of the texts, which is the order of ``index``, not that of the answer."""
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, list) or len(data) != count or not all(isinstance(item, dict) for item in data):
            raise self._unusable(f"no list of {count} embeddings")
        places = [item.get("index", place) for place, item in enumerate(data)]
        if any(type(place) is not int for place in places) or sorted(places) != list(range(count)):
            raise self._unusable("embeddings that cannot be assigned to their texts")
        vectors: list[list[float]] = [[]] * count
        for place, item in zip(places, data, strict=True):
            vectors[place] = item.get("embedding")
        return vectors

    def _unit(self, rows: list[list[float]]) -> NDArray[np.float32]:
        import numpy as np

        try:
            vectors = np.array(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise self._unusable("embeddings that are not lists of numbers of one length") from error
        if vectors.ndim != 2 or not vectors.shape[1]:
            raise self._unusable("embeddings that are not lists of numbers of one length")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise self._unusable("an embedding that has no direction (all zero, or not finite)")
        unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
        return unit

    def _unusable(self, what: str) -> EmbedderUnavailable:
        return EmbedderUnavailable(f"the model {self.name} answered with {what}: check that it is an embedding model")


def _embeddings_url(base_url: str) -> str:
    parts = urlsplit(base_url.strip())
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/embeddings", fragment=""))
