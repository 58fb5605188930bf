"""Serving: over standard input and output until the client goes, or over HTTP on this machine until it is stopped."""

from __future__ import annotations

import hmac
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import Response

from afterimage.errors import ConfigError
from afterimage.hook import files
from afterimage.mcp.keeper import Keeper
from afterimage.mcp.server import make_server

if TYPE_CHECKING:
    from mcp.server import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

    from afterimage.config import AfterImageConfig
    from afterimage.storage import StorageBackend

_HOST = "127.0.0.1"
_TOKEN = "mcp-token"  # noqa: S105  # the file's name
_LEAST = 16


def serve_stdio(config: AfterImageConfig, backend: StorageBackend) -> None:
    """Answer on standard output what comes on standard input, until that ends."""
    keeper = Keeper(backend, config.directory)
    server = _server(config, backend, keeper)
    with keeper:
        server.run("stdio")


def serve_http(config: AfterImageConfig, backend: StorageBackend, port: int, ready: Callable[[str], None]) -> None:
    """Answer at http://127.0.0.1:PORT/mcp whoever has the token, until it is interrupted.

    Args:
        port: 0 for one that is free.
        ready: told the address.

    Raises:
        OSError: the port is taken, or the token cannot be kept.
        ConfigError: the token's file has none.
    """
    import uvicorn

    expected = token(config.directory)
    listening = socket.create_server((_HOST, port))
    port = listening.getsockname()[1]
    keeper = Keeper(backend, config.directory)
    server = _server(config, backend, keeper)
    names = [f"{host}:{port}" for host in (_HOST, "localhost")]
    app = server.streamable_http_app(
        host=_HOST,
        transport_security=TransportSecuritySettings(
            allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
        ),
    )
    settings = uvicorn.Config(TokenRequired(app, expected), log_level="warning", access_log=False)
    with listening, keeper:
        ready(f"http://{_HOST}:{port}/mcp")
        uvicorn.Server(settings).run(sockets=[listening])


def _server(config: AfterImageConfig, backend: StorageBackend, keeper: Keeper) -> MCPServer:
    return make_server(backend, config.directory, threshold=config.search.relevance_threshold, stored=keeper.hurry)


class TokenRequired:
    """Lets in who sends ``Authorization: Bearer TOKEN``, and nobody else."""

    def __init__(self, app: ASGIApp, expected: str) -> None:
        self._app = app
        self._expected = expected.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan" or self._proven(scope):
            await self._app(scope, receive, send)
            return
        refused = Response(
            "a token is needed: it is in AfterImage's folder, in the file mcp-token\n",
            status_code=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
        await refused(scope, receive, send)

    def _proven(self, scope: Scope) -> bool:
        given = Headers(scope=scope).get("authorization", "") if scope["type"] == "http" else ""
        # Schemes are told apart whatever the case of their letters (RFC 9110, 11.1).
        scheme, _, word = given.partition(" ")
        proven = hmac.compare_digest(word.strip(" ").encode("utf-8", "replace"), self._expected)
        return proven and scheme.lower() == "bearer"


def token(directory: Path) -> str:
    """The token of this user; made at first use, for this user's eyes only.

    Raises:
        OSError: the file cannot be written or read.
        ConfigError: there is no token in it.
    """
    path = directory / _TOKEN
    try:
        files.make_folder(str(directory))
        files.create(str(path), secrets.token_urlsafe(32).encode())
    except FileExistsError:
        pass
    found = path.read_text("utf-8").strip()
    if len(found) < _LEAST:
        raise ConfigError(f"{path} holds no token of at least {_LEAST} characters: delete it, and a new one is made")
    return found
