"""Where the client works: the folders it names, else the one the server was started in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp_types import ListRootsRequest, ListRootsResult

#: Seconds that a client has to name its folders.
_PATIENCE = 2.0


async def folders(ctx: Context[Any, Any]) -> Sequence[str]:
    """The folders that the client works in."""
    return await _roots(ctx) or [os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd()]  # noqa: PTH109  # a text


async def _roots(ctx: Context[Any, Any]) -> list[str]:
    """What an older client answers; the newer protocol has no such question."""
    capabilities = ctx.client_capabilities
    if capabilities is None or capabilities.roots is None or not ctx.session.can_send_request:
        return []
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = await ctx.session.send_request(ListRootsRequest(), ListRootsResult)
    except (MCPError, TimeoutError):
        return []
    found = [urlsplit(str(root.uri)) for root in answer.roots]
    return [unquote(uri.path) for uri in found if uri.scheme == "file" and uri.path.startswith("/")]
