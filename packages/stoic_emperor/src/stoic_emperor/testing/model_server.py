"""A server on this machine that speaks the wire protocols of OpenAI and Anthropic, and fails on request."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Says:
    """A whole answer."""

    text: str
    #: How it ended, in the protocol's own word; None is the usual one.
    finish: str | None = None
    #: How it is cut into pieces when streamed; None is word by word.
    pieces: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Drips:
    """An answer that comes slowly."""

    text: str
    #: Seconds before each piece.
    delay: float


@dataclass(frozen=True, slots=True)
class Breaks:
    """An answer that breaks off after some pieces."""

    text: str
    after: int
    #: True: the connection is torn. False: it ends in good order, but too early.
    torn: bool = True


@dataclass(frozen=True, slots=True)
class Hangs:
    """Some pieces, then nothing more, until the client leaves or the server ends."""

    text: str = ""
    after: int = 0


@dataclass(frozen=True, slots=True)
class Refuses:
    """An error instead of an answer."""

    status: int
    code: str = ""
    message: str = "no"
    retry_after: str | None = None
    #: Where a redirect points.
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Writes:
    """Bytes as they are, for what belongs to no protocol."""

    body: str
    content_type: str = "text/event-stream"


Move = Says | Drips | Breaks | Hangs | Refuses | Writes


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)


class FakeServer:
    """Answers each request with the next move of its script, and with the last one from then on."""

    def __init__(self, script: Sequence[Move | Callable[[Seen], Move]]) -> None:
        if not script:
            raise ValueError("a script has at least one move")
        self._script = list(script)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        #: What arrived, in order.
        self.requests: list[Seen] = []
        #: Set once a request has arrived.
        self.asked = threading.Event()
        #: Set once a client has left before its answer was complete.
        self.left = threading.Event()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """The address itself, which is Anthropic's ``base_url``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def next_move(self, seen: Seen) -> Move:
        """What the script says to ``seen``, which is noted."""
        with self._lock:
            self.requests.append(seen)
            self.asked.set()
            move = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return move(seen) if callable(move) else move

    def wait(self, connection: socket.socket, seconds: float) -> None:
        """Let time pass; whoever waits for a client that has left is told.

        Raises:
            ConnectionError: the client has left, or the server ends.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._ended.is_set():
                raise ConnectionAbortedError
            readable, _, _ = select.select([connection], [], [], min(left, 0.02))
            if readable and not connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError


class _Http(ThreadingHTTPServer):
    # Joined at the end: a thread that outlives its test would disturb the next one.
    daemon_threads = False

    def __init__(self, fake: FakeServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        seen = Seen(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
        try:
            self._play(self.server.fake.next_move(seen), seen)
        except (ConnectionError, TimeoutError):
            self.server.fake.left.set()
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read no log."""

    def _play(self, move: Move, seen: Seen) -> None:
        protocol: _OpenAI | _Anthropic = _Anthropic() if seen.path.endswith("/messages") else _OpenAI()
        match move:
            case Refuses():
                named = {"Retry-After": move.retry_after, "Location": move.location}
                headers = {name: value for name, value in named.items() if value is not None}
                self._whole(json.dumps(protocol.error(move)), "application/json", move.status, headers)
            case Writes():
                self._whole(move.body, move.content_type, 200, {})
            case Hangs(after=0):
                self.server.fake.wait(self.connection, 3600)
            case Says() if not seen.body.get("stream"):
                whole = protocol.whole(move.text, move.finish)
                self._whole(json.dumps(whole), "application/json", 200, {})
            case Breaks() if not seen.body.get("stream"):
                self._begin(200, {"Content-Type": "application/json", "Content-Length": "1000"})
                self.wfile.write(json.dumps(protocol.whole(move.text, None)).encode()[:100])
                self.close_connection = True
            case Drips() | Hangs() if not seen.body.get("stream"):
                self.server.fake.wait(self.connection, move.delay if isinstance(move, Drips) else 3600)
                self._whole(json.dumps(protocol.whole(move.text, None)), "application/json", 200, {})
            case _:
                self._stream(move, protocol)

    def _stream(self, move: Says | Drips | Breaks | Hangs, protocol: _OpenAI | _Anthropic) -> None:
        self._begin(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        self._send(protocol.opening())
        pieces = (move.pieces if isinstance(move, Says) else None) or _words(move.text)
        for number, piece in enumerate(pieces):
            if isinstance(move, Hangs | Breaks) and number == move.after:
                break
            self.server.fake.wait(self.connection, move.delay if isinstance(move, Drips) else 0)
            self._send(protocol.piece(piece))
        if isinstance(move, Hangs):
            self.server.fake.wait(self.connection, 3600)
        if not isinstance(move, Breaks):
            self._send(protocol.ending(move.finish if isinstance(move, Says) else None))
        elif move.torn:
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, events: Iterator[str]) -> None:
        for event in events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    def _whole(self, text: str, content_type: str, status: int, headers: Mapping[str, str]) -> None:
        data = text.encode()
        self._begin(status, {"Content-Type": content_type, "Content-Length": str(len(data)), **headers})
        self.wfile.write(data)

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()


class _OpenAI:
    """https://platform.openai.com/docs/api-reference/chat."""

    def error(self, move: Refuses) -> dict[str, Any]:
        return {"error": {"message": move.message, "type": move.code or None, "code": move.code or None, "param": None}}

    def whole(self, text: str, finish: str | None) -> dict[str, Any]:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish or "stop"}
        return {"id": "1", "object": "chat.completion", "created": 0, "model": "fake", "choices": [choice]}

    def opening(self) -> Iterator[str]:
        yield self._chunk({"role": "assistant", "content": ""}, None)

    def piece(self, text: str) -> Iterator[str]:
        yield self._chunk({"content": text}, None)

    def ending(self, finish: str | None) -> Iterator[str]:
        yield self._chunk({}, finish or "stop")
        yield "data: [DONE]\n\n"

    def _chunk(self, delta: Mapping[str, Any], finish: str | None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [choice]}
        return f"data: {json.dumps(chunk)}\n\n"


class _Anthropic:
    """https://platform.claude.com/docs/en/api/messages-streaming."""

    def error(self, move: Refuses) -> dict[str, Any]:
        return {"type": "error", "error": {"type": move.code or "api_error", "message": move.message}}

    def whole(self, text: str, finish: str | None) -> dict[str, Any]:
        return {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "fake",
            "content": [{"type": "text", "text": text}],
            "stop_reason": finish or "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }

    def opening(self) -> Iterator[str]:
        message = {**self.whole("", None), "content": [], "stop_reason": None}
        yield self._event("message_start", {"message": message})
        yield self._event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        yield self._event("ping", {})

    def piece(self, text: str) -> Iterator[str]:
        yield self._event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": text}})

    def ending(self, finish: str | None) -> Iterator[str]:
        yield self._event("content_block_stop", {"index": 0})
        delta = {"stop_reason": finish or "end_turn", "stop_sequence": None}
        yield self._event("message_delta", {"delta": delta, "usage": {"output_tokens": 1}})
        yield self._event("message_stop", {})

    def _event(self, kind: str, values: Mapping[str, Any]) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **values})}\n\n"


def _words(text: str) -> tuple[str, ...]:
    return tuple(piece for piece in text.replace(" ", " \0").split("\0") if piece)
