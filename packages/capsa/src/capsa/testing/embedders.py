"""Embedders for tests: one that needs no model, one that fails, and a server that answers as told."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from capsa.errors import EmbedderUnavailable

_WORD = re.compile(r"[^\W_]+")


class HashingEmbedder:
    """A bag of words: each word has a direction of its own, taken from its hash; a text is their sum.

    The same on every machine. Texts that share words are near, texts that share none are almost at
    right angles (the cosine of two words has standard deviation 1/sqrt(dimensions)). Case,
    punctuation and the order of words have no influence.
    """

    def __init__(self, dimensions: int = 384, *, name: str | None = None) -> None:
        self._dimensions = dimensions
        self._name = name or f"hashing-{dimensions}"

    @property
    def name(self) -> str:
        """``hashing-DIMENSIONS``, or the name it was given."""
        return self._name

    @property
    def dimensions(self) -> int:
        """As many as were asked for."""
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), float32, length 1."""
        vectors = np.zeros((len(texts), self._dimensions))
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower()) or [""]:
                vectors[row] += self._direction(word)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        # In few dimensions the words of a text may cancel each other out.
        vectors /= np.where(lengths > 0, lengths, 1.0)
        return vectors.astype(np.float32)

    def _direction(self, word: str) -> NDArray[np.float64]:
        digest = hashlib.shake_256(word.encode("utf-8", "surrogatepass")).digest(-(-self._dimensions // 8))
        bits = np.unpackbits(np.frombuffer(digest, np.uint8))[: self._dimensions]
        return np.where(bits, 1.0, -1.0)


class FailingEmbedder:
    """Works like `HashingEmbedder` for ``after`` calls, then raises `EmbedderUnavailable` at every call."""

    def __init__(self, dimensions: int = 384, *, name: str | None = None, after: int = 0) -> None:
        self._inner = HashingEmbedder(dimensions, name=name)
        self._left = after

    @property
    def name(self) -> str:
        """As of `HashingEmbedder`."""
        return self._inner.name

    @property
    def dimensions(self) -> int:
        """As of `HashingEmbedder`."""
        return self._inner.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `HashingEmbedder.embed`.

        Raises:
            EmbedderUnavailable: from call number ``after + 1`` on.
        """
        if self._left <= 0:
            raise EmbedderUnavailable(f"the embedder {self.name} fails, as the test wants")
        self._left -= 1
        return self._inner.embed(texts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What an `EmbeddingServer` answers to one request instead of embeddings."""

    status: int = 200
    #: Bytes are sent as they are, anything else as JSON.
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Seconds before the answer.
    delay: float = 0.0
    #: Close the connection without a word.
    drop: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """A request that an `EmbeddingServer` got."""

    path: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class EmbeddingServer:
    """OpenAI's embeddings protocol on 127.0.0.1, with the vectors of `HashingEmbedder`.

    Embeddings are answered in reverse order, each with its ``index``, as the protocol allows.

        with EmbeddingServer() as server:
            embedder = OpenAICompatible("any", server.base_url)
            server.script(Answer(status=503))   # the next request only
    """

    def __init__(self, dimensions: int = 384) -> None:
        self._dimensions = dimensions
        self._script: deque[Answer] = deque()
        #: Every request, oldest first.
        self.received: list[Received] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def base_url(self) -> str:
        """What an `OpenAICompatible` needs to find it."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def script(self, *answers: Answer) -> None:
        """Answer the next requests with these, one each."""
        self._script.extend(answers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: Received) -> Answer:
        self.received.append(request)
        if self._script:
            return self._script.popleft()
        if request.path != "/v1/embeddings":
            return Answer(status=404, body={"error": {"message": f"no such path: {request.path}"}})
        vectors = HashingEmbedder(request.body.get("dimensions", self._dimensions)).embed(request.body["input"])
        data = [{"object": "embedding", "index": i, "embedding": v.tolist()} for i, v in enumerate(vectors)]
        return Answer(body={"object": "list", "model": request.body["model"], "data": data[::-1]})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = server._answer(Received(path=self.path, headers=headers, body=json.loads(content)))
                time.sleep(answer.delay)
                if answer.drop:
                    return
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    # The client no longer waits, which a test of its time limit wants.
                    self.close_connection = True

            def do_GET(self) -> None:
                # A redirect that is followed arrives as GET.
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.received.append(Received(path=self.path, headers=headers, body={}))
                self.send_error(405)

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent: the test looks at `received`."""

        return Handler
